"""Decides how spooled deliveries reach the database: file by file, oldest first, a file removed once all of it is stored.

A drain that is killed begins its file again: the database stores what it has already as a repeat, and no job runs
twice for it. A delivery the database will not take although it is well is set aside for a person.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from typing import TYPE_CHECKING, Final

from worker.db.faults import is_passing
from worker.errors import DatabaseFault, Misconfigured, Rejected, Transient
from worker.logs import get_logger
from worker.spool.lines import decode, encode
from worker.spool.store import write_whole

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from worker.model import Delivery, Recorded
    from worker.spool.store import Spool

PER_CALL: Final = 100
# Not drained and never removed by us: what a person must look at.
SET_ASIDE: Final = "set-aside.lines"


class DatabaseStillAway(Exception):
    """Nothing was lost: the file stays and is tried again."""


class Drain:
    """Empties the files nobody writes to any more."""

    def __init__(
        self,
        spool: Spool,
        *,
        record: Callable[[Delivery], Awaitable[Recorded]],
        is_well: Callable[[], Awaitable[bool]],
    ) -> None:
        """``record`` stores one delivery durably; ``is_well`` says whether the database answers other calls."""
        self._spool = spool
        self._record = record
        self._is_well = is_well

    async def run_once(self) -> int:
        """Drain every file that is free and return how many deliveries were stored. Raises ``DatabaseStillAway``."""
        stored = await self._drain_free()
        if self._spool.is_writing:
            # Ours is closed only once the database is back: an outage of hours must not leave a file a second.
            if not stored and not await self._is_well():
                raise DatabaseStillAway
            await self._spool.retire()
            stored += await self._drain_free()
        return stored

    async def _drain_free(self) -> int:
        stored = 0
        for path in self._spool.files():
            stored += await self._drain(path)
        return stored

    async def _drain(self, path: Path) -> int:
        try:
            descriptor = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return 0  # another process was faster
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return 0  # another process writes or drains it
            if os.fstat(descriptor).st_nlink == 0:
                return 0  # drained and removed between our open and our lock
            content = await asyncio.to_thread(path.read_bytes)
            spooled = decode(content)
            if spooled.torn_bytes:
                get_logger().warning(
                    "webhook spool: torn end dropped, it was never acknowledged", bytes=spooled.torn_bytes
                )
            for start in range(0, len(spooled.deliveries), PER_CALL):
                await self._store(spooled.deliveries[start : start + PER_CALL])
            if spooled.damaged:
                get_logger().error("webhook spool: damaged lines set aside", count=len(spooled.damaged))
                self._set_aside([line + b"\n" for line in spooled.damaged])
            os.unlink(path)
            get_logger().info("webhook spool drained", count=len(spooled.deliveries))
            return len(spooled.deliveries)
        finally:
            os.close(descriptor)

    async def _store(self, batch: Sequence[Delivery]) -> None:
        answers = await asyncio.gather(*(self._record(one) for one in batch), return_exceptions=True)
        refused: list[Delivery] = []
        for delivery, answer in zip(batch, answers, strict=True):
            if isinstance(answer, Rejected):
                refused.append(delivery)
            elif isinstance(answer, DatabaseFault):
                if is_passing(answer) or not await self._is_well():
                    raise DatabaseStillAway from answer
                refused.append(delivery)
            elif isinstance(answer, Transient | Misconfigured):
                raise DatabaseStillAway from answer
            elif isinstance(answer, BaseException):
                raise answer
        if refused:
            get_logger().error(
                "webhook spool: refused by the database, set aside",
                webhook_ids=[one.webhook_id for one in refused],
                count=len(refused),
            )
            self._set_aside([encode(one) for one in refused])

    def _set_aside(self, lines: Sequence[bytes]) -> None:
        """Return when the lines are on disk. Raises ``OSError``: the spool file they are from must stay then."""
        descriptor = os.open(self._spool.directory / SET_ASIDE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            # Locked, so that what is taken back is ours alone.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            before = os.fstat(descriptor).st_size
            try:
                write_whole(descriptor, b"".join(lines))
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, before)
                raise
        finally:
            os.close(descriptor)
