"""Keeps the leases of running jobs alive; a lost one stops nothing at PortOne, it only silences the outcome."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from worker.errors import WorkerError
from worker.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from worker.deps import Deps
    from worker.state import RunnerState

_MOST_AT_ONCE = 500


class Heartbeat:
    """Extends every lease each third of its length."""

    def __init__(
        self, deps: Deps, state: RunnerState, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._deps = deps
        self._state = state
        self._sleep = sleep

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            await self._sleep(self._deps.settings.lease_seconds / 3)
            await self.beat()

    async def beat(self) -> None:
        """Extend once; an unreachable database is only logged, the fence in SQL decides in the end."""
        pairs = self._state.leased()[:_MOST_AT_ONCE]
        if not pairs:
            return
        try:
            lost = await self._deps.queue.extend(pairs)
        except WorkerError as error:
            get_logger().warning("payment job leases not extended", code=error.code, count=len(pairs))
            return
        still_here = lost.intersection(self._state.leased())
        if still_here:
            get_logger().warning("payment job leases lost", jobs=[job_id for job_id, _ in still_here])
        self._state.lost |= still_here
