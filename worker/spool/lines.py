"""Decides how one delivery stands in a spool file: one line, ``<crc32> <JSON>``, so that a torn or damaged one shows.

A line whose newline is missing was never acknowledged: the process died before fsync returned. It is the end of the
file and is dropped. A damaged line elsewhere was acknowledged: it is reported, never silently skipped.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from worker.model import Delivery

if TYPE_CHECKING:
    from collections.abc import Sequence

_FIELDS = frozenset(field.name for field in dataclasses.fields(Delivery))


@dataclass(frozen=True, slots=True)
class Spooled:
    """What a file holds: deliveries in order, lines that were damaged after they were acknowledged, bytes torn off."""

    deliveries: Sequence[Delivery]
    damaged: Sequence[bytes]
    torn_bytes: int


def encode(delivery: Delivery) -> bytes:
    """Return the line of one delivery, newline included."""
    fields = {name: getattr(delivery, name) for name in sorted(_FIELDS)}
    fields["body"] = base64.b64encode(delivery.body).decode("ascii")
    fields["headers"] = dict(delivery.headers)
    text = json.dumps(fields, separators=(",", ":")).encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(text), text)


def decode(content: bytes) -> Spooled:
    """Return what a spool file holds; never raises."""
    *whole, rest = content.split(b"\n")
    deliveries: list[Delivery] = []
    damaged: list[bytes] = []
    torn = len(rest)
    for index, line in enumerate(whole):
        delivery = _delivery(line)
        if delivery is not None:
            deliveries.append(delivery)
        elif index == len(whole) - 1 and b"\x00" in line:
            # A file system that had grown the file before a power loss leaves zeros where bytes never came.
            torn += len(line) + 1
        else:
            damaged.append(line)
    return Spooled(deliveries, damaged, torn)


def _delivery(line: bytes) -> Delivery | None:
    checksum, _, text = line.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(text):
        return None
    try:
        fields: dict[str, Any] = json.loads(text)
        body = base64.b64decode(fields.pop("body"), validate=True)
        return Delivery(body=body, **{name: value for name, value in fields.items() if name in _FIELDS})
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
