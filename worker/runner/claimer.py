"""Decides when to ask for more work: at once while there is plenty, ever more rarely while there is none."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Final

from worker.errors import Misconfigured, WorkerError
from worker.logs import get_logger
from worker.runner.anchor import Anchor
from worker.state import held

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from worker.deps import Deps
    from worker.model import Job
    from worker.state import RunnerState

SHORTEST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 2.0
_REFUSED_PAUSE: Final = 10.0
# How long after a claim the next bell waits for company: in a rush several webhooks and settled jobs then share a claim.
COMPANY_SECONDS: Final = 0.01
_MOST_AT_ONCE: Final = 100
_FAILED_CLAIMS_IN_DRAIN: Final = 5


class Claimer:
    """Keeps the executor supplied; ``start_job`` must return at once."""

    def __init__(self, deps: Deps, state: RunnerState, start_job: Callable[[Job], None]) -> None:
        self._deps = deps
        self._state = state
        self._start_job = start_job
        self._pause = SHORTEST_PAUSE
        self._anchor = Anchor()
        self._claimed_at = 0.0

    async def run(self, *, until_empty: bool = False) -> None:
        """Claim until asked to stop or until PortOne refuses our credentials.

        With ``until_empty`` also until nothing is left to claim, or the database cannot be used.
        """
        while self._state.may_claim:
            wanted = self._wanted()
            if wanted <= 0:
                await self._slot_free()
                continue
            claimed = await self._claim(wanted)
            if claimed == wanted:
                continue
            if until_empty and not claimed and self._nothing_more():
                return
            await self._sleep()

    def _wanted(self) -> int:
        most = self._deps.settings.worker_concurrency
        # A job that only waits to be written down keeps no other from being run; as many may wait as run, and no more.
        free = min(most - len(self._state.running), 2 * most - len(self._state.leased()))
        return min(free, _MOST_AT_ONCE)

    async def _slot_free(self) -> None:
        self._state.freed.clear()
        await _first(self._state.freed.wait(), self._state.stopping.wait())
        await self._company()

    def _nothing_more(self) -> bool:
        hopeless = (
            self._state.database_refusal is not None or self._state.failed_claims >= _FAILED_CLAIMS_IN_DRAIN
        )
        return hopeless or (not self._state.leased() and self._state.failed_claims == 0)

    async def _claim(self, wanted: int) -> int:
        self._deps.bell.heard()
        try:
            jobs = await self._deps.queue.claim(wanted, after_id=self._anchor.next())
        except WorkerError as error:
            self._refused(error)
            return 0
        finally:
            self._claimed_at = asyncio.get_running_loop().time()
        if self._state.database_refusal is not None:
            get_logger().info("database accepts this payment worker again")
            self._state.database_refusal = None
        self._state.failed_claims = 0
        self._anchor.claimed(jobs, wanted)
        if jobs:
            self._pause = SHORTEST_PAUSE
        for job in jobs:
            self._state.running[held(job)] = job
            self._start_job(job)
        return len(jobs)

    def _refused(self, error: WorkerError) -> None:
        self._state.failed_claims += 1
        if not isinstance(error, Misconfigured):
            get_logger().warning("payment jobs not claimed", code=error.code, reason=error.message)
            return
        if self._state.database_refusal is None:
            get_logger().error(
                "worker misconfigured: no payment job can be claimed", code=error.code, fix=error.message
            )
        self._state.database_refusal = error
        self._pause = _REFUSED_PAUSE

    async def _sleep(self) -> None:
        pause = self._pause * random.uniform(0.8, 1.2)  # noqa: S311  jitter, not a secret
        self._pause = min(self._pause * 1.5, LONGEST_PAUSE)
        bell = asyncio.ensure_future(self._deps.bell.wait(pause))
        await _first(bell, self._state.stopping.wait())
        if bell.done() and not bell.cancelled() and bell.result():
            self._pause = SHORTEST_PAUSE
            await self._company()

    async def _company(self) -> None:
        """Nothing for what happens out of the quiet; right after a claim a moment for what comes with it."""
        rest = self._claimed_at + COMPANY_SECONDS - asyncio.get_running_loop().time()
        if rest > 0:
            await _first(asyncio.sleep(rest), self._state.stopping.wait())


async def _first(*waits: Awaitable[object]) -> None:
    """Wait for the first of several waits and cancel the others."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
