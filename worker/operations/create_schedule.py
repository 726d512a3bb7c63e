"""Schedules a charge of a saved card. A lost reply loses the schedule's id, so it is looked for by payment and time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from worker.errors import Conflict, Rejected, Transient, WorkerError
from worker.operations.card_payment import card_payment
from worker.operations.find_schedule import can_find, find_schedule
from worker.operations.money_call import NEXT_READ_SECONDS, Draft, MoneyCall
from worker.operations.outcomes import dead, done, failed, read_back, retry
from worker.operations.send_stored import attempt_result, is_doubtful, unknown
from worker.portone.schedules import Schedules
from worker.readings import ScheduleReading

if TYPE_CHECKING:
    from worker.deps import Deps
    from worker.model import Begun, Job, Outcome, Snapshot
    from worker.subjects import Schedule

# The payment id is ours alone: what stands in the way under it can only be an earlier send of this schedule.
_MAY_BE_OURS: Final = frozenset({"PAYMENT_SCHEDULE_ALREADY_EXISTS", "ALREADY_PAID_OR_WAITING"})


async def create_schedule(deps: Deps, job: Job) -> Outcome | None:
    """Make the job's schedule at PortOne; None means the claim was lost. Raises the reads' branches."""
    if job.payment_id is None or job.schedule is None or not can_find(job.schedule, job.card):
        return dead(job, Rejected("CONTEXT_INCOMPLETE", "The job has no schedule, payment or saved card."))
    return await _Schedule(deps, job, job.schedule).run()


class _Schedule(MoneyCall[str]):
    verb = "schedule"

    def __init__(self, deps: Deps, job: Job, schedule: Schedule) -> None:
        super().__init__(deps, job, schedule.payment_id)
        self._schedule = schedule

    @property
    def purpose(self) -> str:
        return f"operation:{self.job.command_id}"

    async def draft(self) -> Draft | Outcome:
        made = card_payment(self.deps, self.job, self.store)
        if isinstance(made, Rejected):
            build = dead if made.code == "CONTEXT_INCOMPLETE" else failed
            return build(self.job, made)
        return Draft(Schedules.create_body(made, self._schedule.time_to_pay))

    async def send(self, body: bytes, idempotency_key: str) -> str:
        return await self.store.schedules.create(self.payment_id, body=body, idempotency_key=idempotency_key)

    async def accepted(self, begun: Begun, reply: str) -> Outcome:
        """What a 200 says is kept even when it cannot be read back now: its id exists nowhere else."""
        try:
            reading = await self.store.schedules.get(reply)
        except WorkerError:
            reading = None
        if reading is None or reading.payment_id != self.payment_id:
            reading = _as_made(reply, self._schedule)
        return replace(done(self.job, attempt=attempt_result(begun, "succeeded")), schedules=(reading,))

    async def refused(self, begun: Begun, error: Rejected | Conflict) -> Outcome:
        if error.code in _MAY_BE_OURS or is_doubtful(begun, error):
            try:
                reading = await self._read()
            except WorkerError:
                return unknown(self.job, begun, error)
            if reading is not None:
                found = done(self.job, attempt=attempt_result(begun, "succeeded"))
                return replace(found, schedules=(reading,))
        if error.code in _MAY_BE_OURS:
            # PortOne's lists may lag behind what it knows: not listed is no proof that nothing will be charged.
            executed = await read_back(self.store, self.payment_id)
            return replace(unknown(self.job, begun, error), snapshots=executed)
        snapshots = await read_back(self.store, self.payment_id)
        outcome = failed(self.job, error, *snapshots, attempt=attempt_result(begun, "failed", error))
        return replace(outcome, deleted=error.code == "BILLING_KEY_ALREADY_DELETED")

    async def read_decided(self, snapshots: tuple[Snapshot, ...]) -> Outcome:
        reading = await self._read()
        executed = await read_back(self.store, self.payment_id)
        if reading is None:
            late = Transient("SCHEDULE_NOT_LISTED", "PortOne does not list the scheduled payment.")
            return retry(self.job, late, *executed, not_found=True)
        return replace(done(self.job, *executed), schedules=(reading,))

    async def read_only(self, begun: Begun) -> Outcome:
        waiting = Transient("SCHEDULE_UNDECIDED", "Waiting to see whether PortOne took the schedule.")
        pause = begun.retry_in_seconds if begun.retry_in_seconds is not None else NEXT_READ_SECONDS
        reading = await self._read()
        outcome = retry(self.job, waiting, in_seconds=pause, counts=False, not_found=reading is None)
        return replace(outcome, schedules=() if reading is None else (reading,))

    def other(self, begun: Begun, snapshots: tuple[Snapshot, ...]) -> Outcome:
        """Its time came while it waited: charging at some later moment is not what was asked for."""
        if begun.decision == "too_late":
            late = "The time to pay had passed before PortOne could take the schedule; nothing was charged."
            return failed(self.job, Rejected("TIME_TO_PAY_PASSED", late), *snapshots)
        return super().other(begun, snapshots)

    async def _read(self) -> ScheduleReading | None:
        return await find_schedule(self.store, self._schedule, self.job.card)


def _as_made(schedule_id: str, schedule: Schedule) -> ScheduleReading:
    data: dict[str, object] = {
        "schedule_id": schedule_id,
        "payment_id": schedule.payment_id,
        "status": "SCHEDULED",
        "time_to_pay": schedule.time_to_pay,
        "started_at": None,
        "completed_at": None,
        "revoked_at": None,
    }
    return ScheduleReading(schedule_id, schedule.payment_id, "SCHEDULED", data)
