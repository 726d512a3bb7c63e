"""Decides whether a request with a known Idempotency-Key runs, waits or is answered from memory.

PortOne docs: idempotency. A key is an RFC 8941 string (in double quotes) of 16 to 256 ASCII characters and protects
for three hours; a repeat while the first runs is refused with IDEMPOTENCY_OUTSTANDING_REQUEST, a later one gets the
stored reply byte for byte, errors included. GET ignores it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .clock import SECOND
from .errors import PortOneError, invalid_request

if TYPE_CHECKING:
    from .assumptions import Assumptions
    from .clock import Clock
    from .replies import Reply


@dataclass(slots=True)
class Entry:
    fingerprint: bytes
    started_at: int
    reply: Reply | None = None


class IdempotencyKeys:
    """Remembers keys per store."""

    def __init__(self, clock: Clock, rules: Assumptions) -> None:
        self._clock = clock
        self._rules = rules
        self.entries: dict[tuple[str, str], Entry] = {}

    def parse(self, header: str | None) -> str | None:
        """Return the key of a header, None without one; raises INVALID_REQUEST when it is malformed."""
        if header is None:
            return None
        text = header.strip()
        if len(text) >= 2 and text[0] == text[-1] == '"':
            key = text[1:-1]
        elif self._rules.unquoted_idempotency_key == "accept":
            key = text
        else:
            raise invalid_request('Idempotency-Key: write it in double quotes, for example "0d9a…"')
        low, high = self._rules.idempotency_key_min, self._rules.idempotency_key_max
        if not low <= len(key) <= high or not all(" " <= char <= "~" and char != '"' for char in key):
            raise invalid_request(f"Idempotency-Key: needs {low} to {high} printable ASCII characters")
        return key

    def begin(self, store: str, key: str, fingerprint: bytes) -> Reply | None:
        """Start a request under ``key``: None = run it, a reply = answer with that.

        Raises IDEMPOTENCY_OUTSTANDING_REQUEST while the first request runs, and the configured refusal when the key
        was used for a different request.
        """
        self._expire()
        entry = self.entries.get((store, key))
        if entry is None:
            self.entries[store, key] = Entry(fingerprint, self._clock.now())
            return None
        if entry.fingerprint != fingerprint and self._rules.idempotency_key_reuse != "replay":
            status = 422 if self._rules.idempotency_key_reuse == "reject_422" else 400
            raise PortOneError(
                "INVALID_REQUEST",
                "Idempotency-Key: was used for a different request; use a new key",
                status=status,
            )
        if entry.reply is None:
            raise PortOneError(
                "IDEMPOTENCY_OUTSTANDING_REQUEST",
                "the first request with this key is still running; repeat later",
            )
        return entry.reply

    def finish(self, store: str, key: str, reply: Reply) -> None:
        """Store the reply that every repeat will get."""
        entry = self.entries.get((store, key))
        if entry is not None:
            entry.reply = reply

    def abandon(self, store: str, key: str) -> None:
        """Forget a key whose request died without an answer (a crash of the simulator itself)."""
        self.entries.pop((store, key), None)

    def clear(self) -> None:
        """Forget all keys."""
        self.entries.clear()

    def _expire(self) -> None:
        # Entries are in order of their start, so the old ones are always first.
        horizon = self._clock.now() - round(self._rules.idempotency_hours * 3_600 * SECOND)
        while self.entries:
            oldest = next(iter(self.entries))
            if self.entries[oldest].started_at > horizon:
                return
            del self.entries[oldest]


def fingerprint_of(method: str, path: str, query: bytes, body: bytes) -> bytes:
    """Return what makes two requests the same one: method, path, query and exact body."""
    return hashlib.sha256(b"\0".join((method.encode(), path.encode(), query, body))).digest()
