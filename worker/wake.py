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
        self._later: asyncio.TimerHandle | None = None

    def ring(self) -> None:
        """Ask for a claim now."""
        self._rung.set()

    def ring_within(self, seconds: float) -> None:
        """Ask for a claim at most so much later; one that begins sooner for another reason will do."""
        if self._later is None:
            self._later = asyncio.get_running_loop().call_later(seconds, self.ring)

    def heard(self) -> None:
        """Forget what was rung so far: a claim that begins now sees all of it."""
        self._rung.clear()
        if self._later is not None:
            self._later.cancel()
            self._later = None

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
        self._begun: OrderedDict[str, None] = OrderedDict()
        self.closed = False

    def begin(self, operation_id: str) -> None:
        """Say that this process has begun to work on an operation: ``notify`` will follow, unless the claim is lost."""
        _remember(self._begun, operation_id)

    def is_begun(self, operation_id: str) -> bool:
        """Whether this process works on the operation, as far as is known here."""
        return operation_id in self._begun

    def close(self) -> None:
        """End every wait: this process is about to stop."""
        self.closed = True
        for events in self._waiting.values():
            for event in events:
                event.set()

    def notify(self, operation_id: str) -> None:
        """Wake everybody who waits for this operation and remember it for those who come late."""
        self._begun.pop(operation_id, None)
        _remember(self._settled, operation_id)
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


def _remember(known: OrderedDict[str, None], operation_id: str) -> None:
    known[operation_id] = None
    known.move_to_end(operation_id)
    while len(known) > _REMEMBERED:
        known.popitem(last=False)
