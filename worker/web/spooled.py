"""Decides when a webhook goes to the spool: while the database is away, and only then.

Sits where ``Ingest`` does. The first failure opens an outage: from then on deliveries go to disk at once, without
waiting for a timeout each, until a drain has reached the database again.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Final

from worker.errors import DatabaseUnavailable, Misconfigured, WorkerError
from worker.logs import frames, get_logger
from worker.model import Recorded
from worker.spool.drain import DatabaseStillAway, Drain
from worker.spool.store import Spool

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from worker.deps import Deps
    from worker.model import Delivery
    from worker.web.ingest import Ingest

_PAUSE_AWAY: Final = 1.0
_PAUSE_WELL: Final = 5.0


def open_spool(deps: Deps, ingest: Ingest, directory: str) -> SpooledIngest:
    """Return the intake with a spool in ``directory`` behind it."""

    async def is_well() -> bool:
        try:
            await deps.queue.stats()
        except WorkerError:
            return False
        return True

    spool = Spool(Path(directory), max_bytes=deps.settings.webhook_spool_max_bytes)
    return SpooledIngest(ingest, spool, is_well=is_well, checked=deps.checked)


class SpooledIngest:
    """``Ingest`` with a spool behind it."""

    def __init__(
        self, ingest: Ingest, spool: Spool, *, is_well: Callable[[], Awaitable[bool]], checked: asyncio.Event
    ) -> None:
        """``checked`` is set once the database is known to be the one this worker is made for."""
        self.checked = checked
        self._ingest = ingest
        self._spool = spool
        self._is_well = is_well
        self._drain = Drain(spool, record=ingest.record, is_well=is_well)
        self._outage = False
        self._task: asyncio.Task[None] | None = None

    async def record(self, delivery: Delivery) -> Recorded:
        """Store one delivery durably, in the database or on disk. Raises ``WorkerError`` when it is in neither."""
        if not self.checked.is_set():
            self._outage = True
        if not self._outage:
            try:
                return await self._ingest.record(delivery)
            except (DatabaseUnavailable, Misconfigured) as error:
                if not self._outage:
                    get_logger().error("database away: webhooks go to the spool", code=error.code)
                self._outage = True
        await self._spool.append(delivery)
        return Recorded(id=None, status="spooled", duplicate=False, job_id=None)

    def start(self) -> None:
        """Begin to drain, also what an earlier process has left."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop draining; what is on disk stays there for the next process."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._spool.retire()

    async def _run(self) -> None:
        while True:
            await self.drain()
            await asyncio.sleep(_PAUSE_AWAY if self._outage else _PAUSE_WELL)

    async def drain(self) -> None:
        """Drain once; an outage ends when all of it went through."""
        if not self.checked.is_set():
            return
        try:
            stored = await self._drain.run_once()
        except DatabaseStillAway:
            return
        except Exception as error:  # a full disk or a removed folder must not end the drain for good
            get_logger().error(
                "webhook spool not drained", error_type=type(error).__name__, frames=frames(error)
            )
            return
        if self._outage and (stored or await self._is_well()):
            get_logger().info("database is back: webhooks go there again", count=stored)
            self._outage = False
