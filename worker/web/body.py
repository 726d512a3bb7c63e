"""Decides how much of a request body is read and how long that may take, also when no length was announced."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Receive


BODY_SECONDS: Final = 15.0


class BodyTooSlow(Exception):
    """The body was not complete within ``BODY_SECONDS``."""


class BodyTooLarge(Exception):
    """The announced or the received body is over the limit."""


class ClientGone(Exception):
    """The client left before its body was complete."""


async def read_body(receive: Receive, headers: Mapping[str, str], limit: int) -> bytes:
    """Return the whole body, at most ``limit`` bytes.

    Raises ``BodyTooLarge`` without reading on, ``BodyTooSlow``, ``ClientGone``.
    """
    announced = headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and (len(announced) > 12 or int(announced) > limit):
        raise BodyTooLarge
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _read(receive, limit)
    except TimeoutError:
        raise BodyTooSlow from None


async def _read(receive: Receive, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise BodyTooLarge
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def media_type(headers: Mapping[str, str]) -> str:
    """Return the media type without parameters, lower-case; empty when none was sent."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def is_json(headers: Mapping[str, str]) -> bool:
    """Whether the body is declared as JSON, ``application/json`` or a ``+json`` type."""
    media = media_type(headers)
    return media == "application/json" or (media.startswith("application/") and media.endswith("+json"))


def is_form(headers: Mapping[str, str]) -> bool:
    """Whether the body is declared as a form: what PortOne sends for webhook version 2024-01-01 when told to."""
    return media_type(headers) == "application/x-www-form-urlencoded"
