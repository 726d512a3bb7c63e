"""Decides when the database is asked what reconciliation is due: every half minute, by every worker; it doubles nothing."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Final

from worker.errors import WorkerError
from worker.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from worker.deps import Deps

EVERY_SECONDS: Final = 30.0
_MOST_AT_ONCE: Final = 20


class Reconciler:
    """Enqueues comparisons and read-backs; running them is the queue's business."""

    def __init__(self, deps: Deps, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._deps = deps
        self._sleep = sleep

    async def run(self) -> None:
        """Look at the clock until cancelled."""
        while True:
            await self.look()
            await self._sleep(EVERY_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311  jitter, not a secret

    async def look(self) -> None:
        """Enqueue what is due now; a database that cannot be reached is only logged, the next look makes up for it."""
        stores = sorted(self._deps.stores.ids)
        try:
            for _ in range(_MOST_AT_ONCE):
                due = await self._deps.reconciliation.schedule(stores)
                if due.sweeps or due.polls or due.overdue:
                    get_logger().info(
                        "payment reconciliation due",
                        sweeps=due.sweeps,
                        polls=due.polls,
                        overdue=due.overdue,
                    )
                    self._deps.bell.ring()
                if not due.more:
                    return
        except WorkerError as error:
            get_logger().warning(
                "payment reconciliation not scheduled", code=error.code, reason=error.message
            )
