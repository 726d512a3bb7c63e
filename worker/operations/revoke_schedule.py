"""Revokes a scheduled charge; when PortOne was faster, the payment it made is read instead."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from worker.errors import Conflict, Rejected, Transient
from worker.logs import get_logger
from worker.operations.find_schedule import can_find, find_schedule
from worker.operations.outcomes import dead, done, failed, read_back, retry

if TYPE_CHECKING:
    from worker.deps import Deps
    from worker.model import Job, Outcome
    from worker.portone.stores import Store

# The database decides that there is none after PortOne's window; until then looking often tells nothing new.
_NEXT_LOOK_SECONDS: Final = 900.0


async def revoke_schedule(deps: Deps, job: Job) -> Outcome:
    """Revoke the job's schedule (OpenAPI: revokePaymentSchedules) and read it back.

    Whatever the call answered, the schedule's own state decides: REVOKED is what was asked for, an executed one fails
    the operation. Raises ``Transient`` and ``Misconfigured``.
    """
    schedule = job.schedule
    if schedule is None:
        return dead(job, Rejected("CONTEXT_INCOMPLETE", "The job names no schedule."))
    store = deps.stores.of(job.store_id)
    if schedule.schedule_id is not None:
        return await _revoke(job, store, schedule.schedule_id)
    # Its id was lost with a reply: whether it ever came to be, PortOne's list says.
    found = await find_schedule(store, schedule, job.card)
    if found is not None:
        return await _revoke(job, store, found.schedule_id)
    unknown = Transient("PAYMENT_SCHEDULE_NOT_FOUND", "PortOne does not list this schedule.")
    return replace(
        retry(job, unknown, in_seconds=_NEXT_LOOK_SECONDS),
        schedule_not_found=can_find(schedule, job.card),
    )


async def _revoke(job: Job, store: Store, schedule_id: str) -> Outcome:
    refusal: Conflict | Rejected | None = None
    try:
        await store.schedules.revoke(
            schedule_ids=[schedule_id], idempotency_key=job.repeatable_key("revoke-schedule")
        )
        get_logger().info("payment schedule revoked at portone", payment_id=job.payment_id)
    except (Conflict, Rejected) as error:
        refusal = error
    return await _by_its_state(job, store, schedule_id, refusal)


async def _by_its_state(
    job: Job, store: Store, schedule_id: str, refusal: Conflict | Rejected | None
) -> Outcome:
    reading = await store.schedules.get(schedule_id)
    if reading is None:
        error = refusal or Transient("PAYMENT_SCHEDULE_NOT_FOUND", "PortOne does not list this schedule.")
        return failed(job, error) if refusal is not None else retry(job, error)
    if reading.status == "REVOKED":
        return replace(done(job), schedules=(reading,))
    snapshots = () if reading.status == "SCHEDULED" else await read_back(store, reading.payment_id)
    if refusal is None:
        late = Transient("SCHEDULE_STILL_THERE", "PortOne does not show the schedule as revoked yet.")
        return replace(retry(job, late, *snapshots), schedules=(reading,))
    return replace(failed(job, refusal, *snapshots), schedules=(reading,))
