"""Decides how parts of one process nudge each other: a claimer's alarm bell and the waiters of operations."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_REMEMBERED = 4096


class Bell:
    """Wakes the claimer when this process knows there is work; ringing twice is ringing once."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Ask for a claim now."""
        self._rung.set()

    async def wait(self, seconds: float) -> bool:
        """Wait until rung or until ``seconds`` passed; return whether it was rung."""
        try:
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        except TimeoutError:
            return False
        self._rung.clear()
        return True


class Waiters:
    """Lets a request wait for "this operation was settled in this process", also when it settled just before."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[asyncio.Event]] = {}
        self._settled: OrderedDict[str, None] = OrderedDict()
        self.closed = False

    def close(self) -> None:
        """End every wait: this process is about to stop."""
        self.closed = True
        for events in self._waiting.values():
            for event in events:
                event.set()

    def notify(self, operation_id: str) -> None:
        """Wake everybody who waits for this operation and remember it for those who come late."""
        self._settled[operation_id] = None
        self._settled.move_to_end(operation_id)
        while len(self._settled) > _REMEMBERED:
            self._settled.popitem(last=False)
        for event in self._waiting.get(operation_id, ()):
            event.set()

    @contextmanager
    def waiting(self, operation_id: str) -> Iterator[asyncio.Event]:
        """Yield an event that is set once the operation has been settled here."""
        event = asyncio.Event()
        if operation_id in self._settled:
            event.set()
        self._waiting.setdefault(operation_id, []).append(event)
        try:
            yield event
        finally:
            remaining = self._waiting[operation_id]
            remaining.remove(event)
            if not remaining:
                del self._waiting[operation_id]
