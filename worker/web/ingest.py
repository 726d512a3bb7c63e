"""Decides how webhooks reach the database: together. Alone a delivery does not wait; in company it waits a moment for more.

Two calls may be under way, so that one is worked on by the database while the next is read and signed for. A second one
starts once it would carry as many as the first, or after ``PATIENCE``. A 200 goes out only after the call that carries it
has committed. A batch the database refuses is halved down to the delivery at fault, which is stored as bytes, without
type and subject.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from worker.db.faults import is_passing
from worker.errors import DatabaseFault, DatabaseUnavailable, Rejected, WorkerError
from worker.logs import frames, get_logger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.db.webhooks import WebhookLog
    from worker.model import Delivery, Recorded
    from worker.wake import Bell

MOST_PER_CALL: Final = 200
CALLS: Final = 2
# The longest a delivery waits for company, seconds; and how long after a call company is still expected.
PATIENCE: Final = 0.004
_COMPANY_SECONDS: Final = 0.02
# The database refuses a call above 4 MiB.
_BYTES_PER_CALL: Final = 3 * 1024 * 1024
_MOST_WAITING: Final = 5000
_SECOND_TRY_SECONDS: Final = 0.1


@dataclass(slots=True, eq=False)
class _Waiting:
    delivery: Delivery
    done: asyncio.Future[Recorded]


class Ingest:
    """Group commit for ``record_webhooks``."""

    def __init__(self, log: WebhookLog, bell: Bell) -> None:
        self._log = log
        self._bell = bell
        self._waiting: list[_Waiting] = []
        self._calls: set[asyncio.Task[None]] = set()
        self._under_way = 0
        self._starting = False
        self._last_size = 0
        self._last_ended = 0.0
        self._patience: asyncio.TimerHandle | None = None

    async def record(self, delivery: Delivery) -> Recorded:
        """Store one delivery durably. Raises ``WorkerError`` when it is not stored (answer 503, PortOne sends again)."""
        if len(self._waiting) >= _MOST_WAITING:
            raise DatabaseUnavailable("WEBHOOKS_BACKED_UP", "too many webhooks are waiting for the database")
        entry = _Waiting(delivery, asyncio.get_running_loop().create_future())
        self._waiting.append(entry)
        self._consider()
        return await entry.done

    async def close(self) -> None:
        """Wait until everything accepted so far has been written or refused."""
        while self._calls or self._waiting:
            self._start()
            await asyncio.gather(*self._calls, return_exceptions=True)

    def _consider(self) -> None:
        """Start a call when there is enough for one; otherwise see to it that nobody waits longer than the patience."""
        if not self._waiting or self._starting or len(self._calls) >= CALLS:
            return
        if len(self._waiting) >= self._worth_a_call():
            self._start()
        elif self._patience is None:
            self._patience = asyncio.get_running_loop().call_later(PATIENCE, self._start)

    def _worth_a_call(self) -> int:
        if self._calls:
            return min(self._under_way, MOST_PER_CALL)
        in_company = asyncio.get_running_loop().time() - self._last_ended < _COMPANY_SECONDS
        return self._last_size // CALLS if in_company else 1

    def _start(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        if self._waiting and not self._starting and len(self._calls) < CALLS:
            self._starting = True
            call = asyncio.create_task(self._call())
            self._calls.add(call)
            call.add_done_callback(self._ended)

    def _ended(self, call: asyncio.Task[None]) -> None:
        self._calls.discard(call)
        self._last_ended = asyncio.get_running_loop().time()
        self._consider()

    async def _call(self) -> None:
        # Taken here and not when the call was decided on: whoever arrived in the same turn of the loop comes along.
        self._starting = False
        batch = self._next_batch()
        self._under_way += len(batch)
        # What did not fit may be worth a call of its own.
        self._consider()
        try:
            await self._write(batch)
        except Exception as error:  # whatever it was, each caller must get its answer
            if not isinstance(error, WorkerError):
                get_logger().error(
                    "webhook intake crashed", error_type=type(error).__name__, frames=frames(error)
                )
                error = DatabaseFault("INTERNAL_ERROR", "webhook intake failed")
            _refuse(batch, error)
        finally:
            self._under_way -= len(batch)
            self._last_size = len(batch)

    def _next_batch(self) -> list[_Waiting]:
        size = count = 0
        for entry in self._waiting[:MOST_PER_CALL]:
            size += _size(entry.delivery)
            if count and size > _BYTES_PER_CALL:
                break
            count += 1
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        return batch

    async def _write(self, batch: Sequence[_Waiting]) -> None:
        if not batch:
            return
        try:
            recorded = await self._log.record([entry.delivery for entry in batch])
        except (DatabaseFault, Rejected) as error:
            await self._divide(batch, error)
            return
        self._note(batch, recorded)

    async def _divide(self, batch: Sequence[_Waiting], error: WorkerError) -> None:
        if len(batch) > 1:
            half = len(batch) // 2
            for part in (batch[:half], batch[half:]):
                try:
                    await self._write(part)
                except WorkerError as inner:
                    _refuse(part, inner)
            return
        (entry,) = batch
        if isinstance(error, DatabaseFault) and await self._was_the_moment(entry, error):
            return
        get_logger().error(
            "webhook refused by the database: stored as bytes",
            webhook_id=entry.delivery.webhook_id,
            code=error.code,
        )
        bare = replace(
            entry.delivery,
            webhook_type=None,
            subject_id=None,
            subject_kind=None,
            provider_transaction_id=None,
            event_at=None,
            headers={},
            skip_reason="unparsable",
        )
        self._note([entry], await self._log.record([bare]))

    async def _was_the_moment(self, entry: _Waiting, error: DatabaseFault) -> bool:
        """Store a delivery as it is after all, if only the moment was bad: as bytes it would never be acted on.

        Raises ``DatabaseFault`` (answer 503, PortOne sends again) where PostgreSQL says that the moment is still bad.
        """
        if is_passing(error):
            raise error
        await asyncio.sleep(_SECOND_TRY_SECONDS)
        try:
            recorded = await self._log.record([entry.delivery])
        except DatabaseFault as again:
            if is_passing(again):
                raise
            return False
        except Rejected:
            return False
        self._note([entry], recorded)
        return True

    def _note(self, batch: Sequence[_Waiting], recorded: Sequence[Recorded]) -> None:
        if any(answer.job_id is not None for answer in recorded):
            self._bell.ring()
        get_logger().info(
            "webhook recorded",
            count=len(batch),
            duplicates=sum(answer.duplicate for answer in recorded),
            webhook_ids=[entry.delivery.webhook_id for entry in batch],
            secret_name=sorted({entry.delivery.secret_name or "unnamed" for entry in batch}),
            webhook_type=sorted({entry.delivery.webhook_type or "unreadable" for entry in batch}),
        )
        for entry, answer in zip(batch, recorded, strict=True):
            if not entry.done.done():
                entry.done.set_result(answer)


def _size(delivery: Delivery) -> int:
    """Return about how many bytes a delivery takes in the call; base64 adds a third to the body."""
    headers = sum(len(name) + len(value) for name, value in delivery.headers.items())
    return len(delivery.body) * 4 // 3 + headers + 1024


def _refuse(batch: Sequence[_Waiting], error: Exception) -> None:
    for entry in batch:
        if not entry.done.done():
            entry.done.set_exception(error)
