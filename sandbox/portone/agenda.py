"""Decides what happens by itself when time passes: schedules are executed, virtual accounts run out.

On the movable clock: moving it stops at every entry, and real time counts too.
"""

from __future__ import annotations

import asyncio
import heapq
from typing import TYPE_CHECKING, Literal

from .clock import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable

    from .clock import Clock

Kind = Literal["schedule", "account"]
Entry = tuple[int, int, str, Kind, str]

_LONGEST_ALARM_SECONDS = 24 * 3_600


class Agenda:
    """Entries ``(moment, sequence, store id, kind, subject id)``; ``perform`` decides whether one still applies."""

    def __init__(self, clock: Clock, perform: Callable[[str, Kind, str], None]) -> None:
        self._clock = clock
        self._perform = perform
        self.entries: list[Entry] = []
        self._sequence = 0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, moment: int, store_id: str, kind: Kind, subject: str) -> None:
        """Have ``kind`` done to ``subject`` at ``moment`` (nanoseconds)."""
        self._sequence += 1
        heapq.heappush(self.entries, (moment, self._sequence, store_id, kind, subject))
        self._arm()

    def next_due(self) -> int | None:
        """Return the moment of the first entry, None without any."""
        return self.entries[0][0] if self.entries else None

    def run_due(self) -> None:
        """Do everything that is due and set the alarm for the next entry."""
        while self.entries and self.entries[0][0] <= self._clock.now():
            _, _, store_id, kind, subject = heapq.heappop(self.entries)
            self._perform(store_id, kind, subject)
        self._arm()

    def clear(self) -> None:
        """Forget everything."""
        self.entries.clear()
        self._disarm()

    def _arm(self) -> None:
        self._disarm()
        if self.entries:
            delay = max(0.001, (self.entries[0][0] - self._clock.now()) / SECOND)
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(min(delay, _LONGEST_ALARM_SECONDS), self.run_due)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
