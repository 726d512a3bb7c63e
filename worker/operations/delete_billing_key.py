"""Deletes a saved card: revoke what is scheduled on it, delete it, and believe it only once PortOne shows it gone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from worker.errors import Conflict, Rejected, Transient, WorkerError
from worker.logs import get_logger
from worker.operations.outcomes import dead, done, failed, retry

if TYPE_CHECKING:
    from worker.deps import Deps
    from worker.model import Job, Outcome
    from worker.portone.stores import Store
    from worker.readings import ScheduleReading

_REASON: Final = "Deleted by the customer"
_NOTHING_TO_REVOKE: Final = frozenset(
    {"PAYMENT_SCHEDULE_NOT_FOUND", "PAYMENT_SCHEDULE_ALREADY_REVOKED", "BILLING_KEY_ALREADY_DELETED", "BILLING_KEY_NOT_FOUND"}
)  # fmt: skip
_GONE: Final = frozenset({"BILLING_KEY_ALREADY_DELETED", "BILLING_KEY_NOT_FOUND", "BILLING_KEY_NOT_ISSUED"})


async def delete_billing_key(deps: Deps, job: Job) -> Outcome:
    """Revoke, delete, read back (OpenAPI: revokePaymentSchedules, deleteBillingKey, getBillingKeyInfo).

    Safe to run again at any point. Raises ``Transient`` and ``Misconfigured``.
    """
    card = job.card
    if card is None:
        return dead(job, Rejected("CONTEXT_INCOMPLETE", "The job names no saved card."))
    if not card.billing_key:
        return replace(done(job), deleted=True)
    run = _Deletion(deps.stores.of(job.store_id), job, card.billing_key)
    refusal: Rejected | Conflict | None = None
    try:
        if job.schedule_ids:
            await run.revoke()
        await run.delete()
    except (Rejected, Conflict) as error:
        if error.code not in _GONE:
            refusal = error
    return await run.by_its_state(refusal)


class _Deletion:
    def __init__(self, store: Store, job: Job, billing_key: str) -> None:
        self._store = store
        self._job = job
        self._billing_key = billing_key

    async def revoke(self) -> None:
        """Revoke everything scheduled on this key, also what we never heard of."""
        key = self._job.repeatable_key("revoke-schedules")
        try:
            await self._store.schedules.revoke(billing_key=self._billing_key, idempotency_key=key)
        except (Rejected, Conflict) as error:
            if error.code not in _NOTHING_TO_REVOKE:
                raise
        get_logger().info("payment schedules revoked at portone", count=len(self._job.schedule_ids))

    async def delete(self) -> None:
        """Delete; a schedule nobody told us about is revoked first (PAYMENT_SCHEDULE_ALREADY_EXISTS)."""
        try:
            await self._delete("delete-billing-key")
        except Rejected as error:
            if error.code != "PAYMENT_SCHEDULE_ALREADY_EXISTS":
                raise
            await self.revoke()
            await self._delete("delete-billing-key-again")

    async def _delete(self, verb: str) -> None:
        requester = self._job.payload.get("requester")
        await self._store.billing_keys.delete(
            self._billing_key,
            reason=_REASON,
            requester="ADMIN" if requester == "ADMIN" else "CUSTOMER",
            idempotency_key=self._job.repeatable_key(verb),
        )

    async def by_its_state(self, refusal: Rejected | Conflict | None) -> Outcome:
        """The key itself says whether it is gone; the schedules go along as they are now."""
        reading = await self._store.billing_keys.get(self._billing_key)
        schedules = await self._schedules()
        gone = reading is None or reading.status == "DELETED"
        if gone:
            outcome = replace(done(self._job, not_found=reading is None), deleted=True)
        elif refusal is not None:
            outcome = failed(self._job, refusal)
        else:
            outcome = retry(
                self._job, Transient("BILLING_KEY_STILL_THERE", "PortOne does not show the card as deleted yet.")
            )  # fmt: skip
        return replace(outcome, billing_key=reading, schedules=schedules)

    async def _schedules(self) -> tuple[ScheduleReading, ...]:
        readings: list[ScheduleReading] = []
        for schedule_id in self._job.schedule_ids:
            try:
                reading = await self._store.schedules.get(schedule_id)
            except WorkerError:
                continue
            if reading is not None:
                readings.append(reading)
        return tuple(readings)
