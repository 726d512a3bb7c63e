"""Decides when old things are thrown away and abandoned windows expire: every few minutes, in small steps.

Every worker asks; the database lets one at a time do it.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Final

from worker.errors import WorkerError
from worker.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from worker.deps import Deps

# A backlog of years is worked off over several rounds, not in one that never ends.
_MOST_STEPS: Final = 50
_STEP_PAUSE: Final = 0.2


class Maintenance:
    """Calls ``run_maintenance`` on a schedule."""

    def __init__(self, deps: Deps, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._deps = deps
        self._sleep = sleep

    async def run(self) -> None:
        """Go round until cancelled; at once nothing, so that a restarting worker does not begin with it."""
        interval = self._deps.settings.maintenance_interval_seconds
        if interval == 0:
            return
        await self._sleep(interval * random.uniform(0.05, 0.2))  # noqa: S311  jitter, not a secret
        while True:
            await self.round()
            await self._sleep(interval * random.uniform(0.8, 1.2))  # noqa: S311  jitter, not a secret

    async def round(self) -> None:
        """Take steps until nothing is left to throw away, at most fifty."""
        total = 0
        for _ in range(_MOST_STEPS):
            try:
                step = await self._deps.queue.maintain()
            except WorkerError as error:
                get_logger().warning("payment maintenance not done", code=error.code, reason=error.message)
                return
            total += step.touched
            if not step.more:
                break
            await self._sleep(_STEP_PAUSE)
        if total:
            get_logger().info("old payment jobs and webhook bodies thrown away", count=total)
