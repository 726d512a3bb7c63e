"""Decides the shape of the ids the simulator invents."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

    from .clock import Clock


class Identifiers:
    """Makes ids. Transaction and cancellation ids are time-ordered UUIDs like version 7 (observed)."""

    def __init__(self, clock: Clock, rng: random.Random) -> None:
        self._clock = clock
        self._random = rng

    def uuid7(self) -> str:
        """Return a UUID version 7 text made from simulated time."""
        millis = self._clock.now() // 1_000_000
        value = (millis & 0xFFFF_FFFF_FFFF) << 80 | self._random.getrandbits(80)
        value = value & ~(0xF << 76) | 0x7 << 76
        value = value & ~(0x3 << 62) | 0x2 << 62
        return str(uuid.UUID(int=value))

    def uuid4(self) -> str:
        """Return a random UUID text, as billing keys carry it."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def digits(self, count: int) -> str:
        """Return ``count`` random decimal digits, the first not zero."""
        return str(self._random.randrange(10 ** (count - 1), 10**count))

    def token(self, prefix: str) -> str:
        """Return ``prefix`` and 20 hex characters, as a PG's own ids look."""
        return f"{prefix}{self._random.getrandbits(80):020x}"
