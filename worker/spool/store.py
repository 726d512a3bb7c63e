"""Decides how deliveries reach the disk: appended and fsynced together, in files of one process each, up to a bound.

Each process writes files of its own and holds a lock on them (``flock``), which the system drops when the process
dies. Whoever gets the lock of a file may drain it: the writer itself, or a successor after a kill.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import itertools
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from worker.errors import DatabaseUnavailable
from worker.spool.lines import encode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from worker.model import Delivery

SUFFIX: Final = ".spool"
_FILE_BYTES: Final = 1024 * 1024


class SpoolRefused(DatabaseUnavailable):
    """Not on disk: the bound is reached or the disk refuses. The sender must send again."""


@dataclass(slots=True)
class _Open:
    descriptor: int
    size: int = 0


class Spool:
    """The files of one process in a directory that several may share."""

    def __init__(self, directory: Path, *, max_bytes: int) -> None:
        """``max_bytes`` bounds all files in ``directory`` together; each process may overshoot by one group of appends."""
        self.directory = directory
        self._max_bytes = max_bytes
        self._numbers = itertools.count()
        self._current: _Open | None = None
        self._pending: list[tuple[bytes, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    async def append(self, delivery: Delivery) -> None:
        """Return when the delivery is on disk (fsync). Raises ``SpoolRefused`` when it is not."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append((encode(delivery), written))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all())
        await written

    async def retire(self) -> None:
        """Close the file being written, so that it can be drained; the next append begins a new one."""
        while self._writer is not None and not self._writer.done():
            await asyncio.gather(self._writer, return_exceptions=True)
        if self._current is not None:
            os.close(self._current.descriptor)
            self._current = None

    @property
    def is_writing(self) -> bool:
        """Whether this process has a file open that nobody can drain yet."""
        return self._current is not None

    def files(self) -> list[Path]:
        """Return every spool file there is, oldest first; another process may hold some of them."""
        return sorted(path for path in self.directory.iterdir() if path.suffix == SUFFIX)

    async def _write_all(self) -> None:
        while self._pending:
            group, self._pending = self._pending, []
            failure = await asyncio.to_thread(self._write, [line for line, _written in group])
            for _line, written in group:
                if written.done():
                    continue
                if failure is None:
                    written.set_result(None)
                else:
                    written.set_exception(failure)

    def _write(self, lines: Sequence[bytes]) -> SpoolRefused | None:
        """Append all lines or none that counts; runs in a thread, one at a time. Returns every failure: nobody waits for ever."""
        block = b"".join(lines)
        try:
            if self._used() + len(block) > self._max_bytes:
                return SpoolRefused(
                    "WEBHOOK_SPOOL_FULL", "the webhook spool has reached WEBHOOK_SPOOL_MAX_BYTES"
                )
            current = self._open()
        except OSError as error:
            return SpoolRefused(
                "WEBHOOK_SPOOL_FAILED", f"the webhook spool cannot be opened (errno {error.errno})"
            )
        try:
            write_whole(current.descriptor, block)
            os.fsync(current.descriptor)
        except OSError as error:
            self._undo(current)
            return SpoolRefused(
                "WEBHOOK_SPOOL_FAILED", f"the disk refused the webhook spool (errno {error.errno})"
            )
        current.size += len(block)
        return None

    def _open(self) -> _Open:
        if self._current is not None and self._current.size < _FILE_BYTES:
            return self._current
        if self._current is not None:
            os.close(self._current.descriptor)
            self._current = None
        while self._current is None:
            path = self.directory / f"{time.time_ns():020d}-{os.getpid()}-{next(self._numbers)}{SUFFIX}"
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
            if _is_ours(descriptor):
                _sync_directory(self.directory)
                self._current = _Open(descriptor)
            else:
                os.close(descriptor)
        return self._current

    def _undo(self, current: _Open) -> None:
        """Take back what was half written. After a failed fsync nothing more is written to that file."""
        self._current = None
        # What cannot be taken back was never acknowledged: stored all the same it is a genuine delivery, sent twice.
        with contextlib.suppress(OSError):
            os.ftruncate(current.descriptor, current.size)
        with contextlib.suppress(OSError):
            os.close(current.descriptor)

    def _used(self) -> int:
        total = 0
        with os.scandir(self.directory) as entries:
            for entry in entries:
                try:
                    total += entry.stat().st_size
                except FileNotFoundError:  # drained meanwhile
                    continue
        return total


def _is_ours(descriptor: int) -> bool:
    """Lock a new file; False when a drain saw it empty and removed it first."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.fstat(descriptor).st_nlink > 0


def write_whole(descriptor: int, block: bytes) -> None:
    """Write all of it: a disk that is nearly full takes a part and says so only by the count. Raises ``OSError``."""
    view = memoryview(block)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
