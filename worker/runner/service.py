"""Decides how the runner lives and dies: wires claimer, executor, settler and heartbeat, and stops without losing work.

Stop: claim nothing more, let running jobs finish within the grace, write their outcomes, give the rest back.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from worker.errors import WorkerError
from worker.logs import frames, get_logger
from worker.runner.claimer import Claimer
from worker.runner.executor import Executor
from worker.runner.handlers import HANDLERS
from worker.runner.leases import Heartbeat
from worker.runner.maintenance import Maintenance
from worker.runner.reconciler import Reconciler
from worker.runner.settler import Settler
from worker.state import RunnerState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.deps import Deps
    from worker.model import Job
    from worker.runner.handlers import Handler

_FLUSH_SECONDS = 10.0


class RunnerService:
    """One runner on the current event loop."""

    def __init__(self, deps: Deps, *, handlers: Mapping[str, Handler] = HANDLERS) -> None:
        self._deps = deps
        self.state = RunnerState()
        self._settler = Settler(deps, self.state)
        self._executor = Executor(deps, self.state, self._settler, handlers)
        self._claimer = Claimer(deps, self.state, self._start_job)
        self._heartbeat = Heartbeat(deps, self.state)
        self._maintenance = Maintenance(deps)
        self._reconciler = Reconciler(deps)
        self._jobs: set[asyncio.Task[None]] = set()

    async def run(self, *, until_empty: bool = False) -> None:
        """Work until ``stop`` is called (or the queue is empty), then finish cleanly; leaves no task behind."""
        get_logger().info("payment worker started", worker=self._deps.settings.worker_name)
        heartbeat = asyncio.create_task(self._heartbeat.run())
        settler = asyncio.create_task(self._settler.run())
        reconciler = await self._start_reconciler(until_empty=until_empty)
        claimer = asyncio.create_task(self._claimer.run(until_empty=until_empty))
        maintenance = asyncio.create_task(self._maintenance.run())
        for task in (heartbeat, settler, reconciler):
            task.add_done_callback(self._stop_on_failure)
        try:
            await claimer
            if not until_empty and not self.state.stopping.is_set():
                # Credentials refused: stay up, so that /health/ready can say so.
                await self.state.stopping.wait()
            if until_empty and self._deps.settings.maintenance_interval_seconds:
                await self._maintenance.round()
            await self._finish()
            self._settler.close()
            await self._flush(settler)
        finally:
            parts = (claimer, settler, heartbeat, maintenance, reconciler)
            for task in (*parts, *self._jobs):
                task.cancel()
            await asyncio.gather(*parts, *self._jobs, return_exceptions=True)
        await self._release_rest()
        get_logger().info("payment worker stopped")

    def stop(self) -> None:
        """Ask ``run`` to end; safe to call from a signal handler of the loop, and more than once."""
        self.state.stopping.set()

    def _stop_on_failure(self, task: asyncio.Task[None]) -> None:
        """A part that died of a bug takes the runner down: working on without it would lose outcomes or leases."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            get_logger().error(
                "payment worker part crashed", error_type=type(error).__name__, frames=frames(error)
            )
            self.stop()

    async def _start_reconciler(self, *, until_empty: bool) -> asyncio.Task[None]:
        """Look at what reconciliation is due: once before the queue is emptied, else for as long as this runs."""
        if not self._deps.settings.reconcile:
            return asyncio.create_task(asyncio.sleep(0))
        if until_empty:
            await self._reconciler.look()
            return asyncio.create_task(asyncio.sleep(0))
        return asyncio.create_task(self._reconciler.run())

    def _start_job(self, job: Job) -> None:
        task = asyncio.create_task(self._executor.run(job))
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)

    async def _finish(self) -> None:
        if self._jobs:
            await asyncio.wait(self._jobs, timeout=self._deps.settings.shutdown_grace_seconds)

    async def _flush(self, settler: asyncio.Task[None]) -> None:
        try:
            async with asyncio.timeout(_FLUSH_SECONDS):
                await asyncio.shield(settler)
        except TimeoutError:
            get_logger().error(
                "payment outcomes not written before the stop; their leases will end by themselves"
            )

    async def _release_rest(self) -> None:
        """Give back what never finished. A send already stored stays stored: the next worker repeats it safely."""
        rest = list(self.state.running)
        if not rest:
            return
        try:
            await self._deps.queue.release(rest)
        except WorkerError as error:
            get_logger().warning("payment jobs not released", code=error.code, count=len(rest))
