"""Decides what time it is in the simulator: real time plus an offset that only ever grows."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

SECOND: Final = 1_000_000_000


class Clock:
    """A movable clock. All times inside the simulator are integer nanoseconds since 1970 (UTC)."""

    def __init__(self, wall: Callable[[], int] = time.time_ns) -> None:
        self._wall = wall
        self._offset = 0

    def now(self) -> int:
        """Return simulated time in nanoseconds."""
        return self._wall() + self._offset

    @property
    def offset(self) -> int:
        """Return how far it is ahead of real time, in nanoseconds."""
        return self._offset

    def wall(self) -> int:
        """Return real time in nanoseconds, for receivers that check freshness against their own clock."""
        return self._wall()

    def move_to(self, moment: int) -> None:
        """Move forward to ``moment`` (nanoseconds); a moment in the past leaves the clock alone."""
        self._offset += max(0, moment - self.now())

    def reset(self) -> None:
        """Return to real time."""
        self._offset = 0


def seconds_text(moment: int) -> str:
    """Return RFC 3339 in whole seconds, as PortOne prints statusChangedAt, paidAt, requestedAt (observed)."""
    return datetime.fromtimestamp(moment // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def millis_text(moment: int) -> str:
    """Return RFC 3339 with three digits, as webhook bodies carry it (PortOne docs: webhook)."""
    return f"{seconds_text(moment)[:-1]}.{moment % SECOND // 1_000_000:03d}Z"


def nanos_text(moment: int) -> str:
    """Return RFC 3339 with nine digits, as PortOne prints updatedAt (observed)."""
    return f"{seconds_text(moment)[:-1]}.{moment % SECOND:09d}Z"


def parse(text: str) -> int:
    """Return the nanoseconds of an RFC 3339 text; raises ValueError when it is not one or lacks an offset."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs an offset, for example 2026-01-01T00:00:00Z")
    return int(moment.timestamp()) * SECOND + moment.microsecond * 1_000
