"""Decides when outcomes are written: in batches, at once when nothing else is on its way, again until answered.

A batch the database refuses is halved down to the one outcome at fault, which goes to dead as SETTLE_REJECTED; its
neighbours are settled. A call whose answer was lost is repeated as it was: ``settle_jobs`` is safe to call again. Where
PostgreSQL says that the moment is bad (a lock held for too long), nothing is buried: the job runs again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from worker.crash import crash_point
from worker.db.faults import is_passing
from worker.errors import DatabaseFault, Misconfigured, Rejected, Transient, WorkerError
from worker.logs import get_logger
from worker.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from worker.deps import Deps
    from worker.model import Settled
    from worker.state import Held, RunnerState

BATCH: Final = 50
# The longest an outcome waits for others to be settled with.
GATHER_SECONDS: Final = 0.01
# A job behind another one in its lane may wait so long: more of what it will read arrives meanwhile (PortOne tells of one
# payment several times within moments), and mostly nothing waits there and the claim of the next webhook comes first.
NEXT_OF_LANE_SECONDS: Final = 0.02
_FAULTS_BEFORE_HALVING: Final = 3
_LONGEST_PAUSE: Final = 5.0


class Settler:
    """Collects outcomes and settles them; ``run`` is its one background task."""

    def __init__(
        self, deps: Deps, state: RunnerState, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._deps = deps
        self._state = state
        self._sleep = sleep
        self._outcomes: list[Outcome] = []
        self._returned: list[Held] = []
        self._arrived = asyncio.Event()
        self._closing = False
        self._oldest_at = 0.0

    def submit(self, outcome: Outcome) -> None:
        """Queue an outcome; its claim stays leased until the database has answered."""
        pair = (outcome.job_id, outcome.claim)
        self._state.settling.add(pair)
        self._state.running.pop(pair, None)
        if not self._outcomes:
            self._oldest_at = asyncio.get_running_loop().time()
        self._outcomes.append(outcome)
        self._arrived.set()
        self._state.freed.set()

    def give_back(self, pair: Held) -> None:
        """Queue a job for release: not at fault, nothing learned."""
        self._state.settling.add(pair)
        self._state.running.pop(pair, None)
        self._returned.append(pair)
        self._arrived.set()
        self._state.freed.set()

    def close(self) -> None:
        """Let ``run`` end once everything queued has been written."""
        self._closing = True
        self._arrived.set()

    async def run(self) -> None:
        """Write batches until closed and empty."""
        while True:
            await self._arrived.wait()
            if not self._outcomes and not self._returned:
                if self._closing:
                    return
                self._arrived.clear()
                continue
            # What came while the last batch was written has waited already.
            rest = self._oldest_at + GATHER_SECONDS - asyncio.get_running_loop().time()
            if rest > 0 and self._state.running and len(self._outcomes) < BATCH and not self._closing:
                await asyncio.sleep(rest)
            batch, self._outcomes = self._outcomes[:BATCH], self._outcomes[BATCH:]
            self._oldest_at = 0.0
            await self._settle(batch)
            await self._release()

    async def _settle(self, batch: Sequence[Outcome]) -> None:
        mine: list[Outcome] = []
        for outcome in batch:
            pair = (outcome.job_id, outcome.claim)
            if pair in self._state.lost:
                get_logger().warning(
                    "payment job lost to another worker: outcome dropped", job_id=outcome.job_id
                )
                self._state.finish(pair)
            else:
                mine.append(outcome)
        if mine:
            crash_point("settle.before")
            await self._write(mine, last_resort=False)
            crash_point("settle.after")

    async def _write(self, batch: Sequence[Outcome], *, last_resort: bool) -> None:
        faults = 0
        pause = 0.1
        while True:
            try:
                settled = await self._deps.queue.settle(batch)
            except DatabaseFault as error:
                faults += 1
                if faults >= _FAULTS_BEFORE_HALVING:
                    await self._refused(batch, error, last_resort=last_resort)
                    return
            except Rejected as error:
                await self._refused(batch, error, last_resort=last_resort)
                return
            except (Transient, Misconfigured) as error:
                get_logger().warning("payment outcomes not settled yet", code=error.code, count=len(batch))
            else:
                self._note(batch, settled)
                return
            await self._sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            if all((outcome.job_id, outcome.claim) in self._state.lost for outcome in batch):
                self._drop(batch)
                return

    async def _refused(self, batch: Sequence[Outcome], error: WorkerError, *, last_resort: bool) -> None:
        if len(batch) > 1:
            half = len(batch) // 2
            await self._write(batch[:half], last_resort=False)
            await self._write(batch[half:], last_resort=False)
            return
        if isinstance(error, DatabaseFault) and is_passing(error):
            # Nothing is wrong with it: its lease ends, and whoever runs the job again finds what was sent.
            get_logger().warning("payment outcome given up for now", code=error.code, job_id=batch[0].job_id)
            self._drop(batch)
            return
        get_logger().error("payment outcome refused by the database", code=error.code, job_id=batch[0].job_id)
        if last_resort:
            self._drop(batch)
            return
        reason = {"code": "SETTLE_REJECTED", "message": f"The database refused the outcome: {error.code}."}
        await self._write([Outcome(batch[0].job_id, batch[0].claim, "dead", error=reason)], last_resort=True)

    def _note(self, batch: Sequence[Outcome], settled: Sequence[Settled]) -> None:
        for answer in settled:
            if not answer.accepted:
                get_logger().warning("payment outcome dropped", job_id=answer.job_id, reason=answer.reason)
            else:
                get_logger().info(
                    "payment job settled",
                    job_id=answer.job_id,
                    operation_id=answer.operation_ids[0] if answer.operation_ids else None,
                    operation_status=answer.operation_status,
                    payment_status=answer.payment_status,
                )
            for operation_id in answer.operation_ids:
                self._deps.waiters.notify(operation_id)
        self._drop(batch)
        # A finished job may have freed the next one of its lane.
        self._deps.bell.ring_within(NEXT_OF_LANE_SECONDS)

    def _drop(self, batch: Sequence[Outcome]) -> None:
        for outcome in batch:
            self._state.finish((outcome.job_id, outcome.claim))

    async def _release(self) -> None:
        returned, self._returned = self._returned, []
        if not returned:
            return
        try:
            await self._deps.queue.release(returned)
        except WorkerError as error:
            # The lease ends by itself; only time is lost.
            get_logger().warning("payment jobs not released", code=error.code, count=len(returned))
        for pair in returned:
            self._state.finish(pair)
