"""Decides when a scheduled payment is accepted, runs, and can be revoked (OpenAPI: createPaymentSchedule and others)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from .charges import charge, check_amounts, check_attempt_count, order_of
from .clock import parse
from .errors import PortOneError, invalid_request
from .model import PAID_STATUSES

if TYPE_CHECKING:
    from collections.abc import Callable

    from .faults import Fault
    from .inputs_charges import ScheduledOrderInput
    from .model import Order
    from .store import Store

ScheduleStatus = Literal["SCHEDULED", "STARTED", "PENDING", "SUCCEEDED", "FAILED", "REVOKED"]
LIVE: Final = frozenset({"SCHEDULED", "STARTED", "PENDING"})
_UNPAYABLE: Final = PAID_STATUSES | {"VIRTUAL_ACCOUNT_ISSUED", "PAY_PENDING"}


@dataclass(slots=True)
class Schedule:
    """One payment to be made later; ``vat`` as given, None = computed."""

    id: str
    number: int
    payment_id: str
    billing_key: str
    channel_key: str
    order: Order
    vat: int | None
    installment: int | None
    created_at: int
    time_to_pay: int
    status: ScheduleStatus = "SCHEDULED"
    started_at: int | None = None
    completed_at: int | None = None
    revoked_at: int | None = None


class Planner:
    """All schedules of one store; they run when the clock passes their time."""

    def __init__(self, store: Store, pg_fault: Callable[[str], Fault | None]) -> None:
        self._store = store
        self._pg_fault = pg_fault
        self.schedules: dict[str, Schedule] = {}

    def check_free(self, payment_id: str) -> None:
        """Raise PAYMENT_SCHEDULE_ALREADY_EXISTS when a live schedule holds the payment id."""
        if any(one.payment_id == payment_id and self.status(one) in LIVE for one in self.schedules.values()):
            raise PortOneError("PAYMENT_SCHEDULE_ALREADY_EXISTS", f"payment {payment_id} has a schedule")

    def create(self, payment_id: str, body: ScheduledOrderInput, time_text: str) -> Schedule:
        """Accept a schedule.

        Raises PAYMENT_SCHEDULE_ALREADY_EXISTS, ALREADY_PAID_OR_WAITING, SUM_OF_PARTS_EXCEEDS_TOTAL_AMOUNT,
        BILLING_KEY_*, INVALID_REQUEST for a time in the past (assumed); in that order.
        """
        store = self._store
        try:
            time_to_pay = parse(time_text)
        except ValueError as failure:
            raise invalid_request(f"timeToPay: {failure}") from failure
        self.check_free(payment_id)
        payment = store.ledger.payments.get(payment_id)
        if payment is not None and payment.shown.status in _UNPAYABLE:
            raise PortOneError("ALREADY_PAID_OR_WAITING", f"payment {payment_id} is {payment.shown.status}")
        check_amounts(body)
        try:
            key, channel = store.vault.usable(body.billingKey, body.channelKey)
        except PortOneError as refusal:
            if refusal.type == "CHANNEL_NOT_FOUND":  # not among this operation's errors
                raise invalid_request(
                    f"channelKey: {body.channelKey} is not a channel of the key"
                ) from refusal
            raise
        now = store.clock.now()
        if time_to_pay < now and store.rules.schedule_in_the_past == "reject":
            raise invalid_request("timeToPay: is in the past")
        schedule_id = store.ids.uuid7()
        order = order_of(body, key.request.method, billing_key=key.key, schedule_id=schedule_id)
        schedule = Schedule(
            schedule_id,
            len(self.schedules),
            payment_id,
            key.key,
            channel.key,
            order,
            body.amount.vat,
            body.installmentMonth,
            now,
            time_to_pay,
        )
        self.schedules[schedule_id] = schedule
        store.agenda.add(time_to_pay, store.id, "schedule", schedule_id)
        return schedule

    def find(self, schedule_id: str) -> Schedule:
        """Return the schedule; raises PAYMENT_SCHEDULE_NOT_FOUND."""
        schedule = self.schedules.get(schedule_id)
        if schedule is None:
            raise PortOneError("PAYMENT_SCHEDULE_NOT_FOUND", f"schedule {schedule_id} does not exist")
        return schedule

    def status(self, schedule: Schedule) -> ScheduleStatus:
        """Return the status; a PENDING one follows its payment."""
        if schedule.status == "PENDING":
            payment = self._store.ledger.payments[schedule.payment_id]
            if payment.shown.status in PAID_STATUSES:
                schedule.status = "SUCCEEDED"
            elif payment.shown.status == "FAILED":
                schedule.status = "FAILED"
        return schedule.status

    def run(self, schedule_id: str) -> None:
        """Execute a schedule that is still SCHEDULED; its outcome is announced as its payment's."""
        schedule = self.schedules[schedule_id]
        if schedule.status != "SCHEDULED":
            return
        store = self._store
        schedule.status, schedule.started_at = "STARTED", store.clock.now()
        try:
            key, channel = store.vault.usable(schedule.billing_key, schedule.channel_key)
            check_attempt_count(store, schedule.payment_id)
            attempt = charge(
                store,
                schedule.payment_id,
                channel,
                replace(schedule.order),
                None,
                lambda: self._pg_fault(schedule.payment_id),
                key=key,
            )
            schedule.status = "PENDING" if attempt.status == "PAY_PENDING" else "SUCCEEDED"
        except PortOneError:
            schedule.status = "FAILED"
        schedule.completed_at = store.clock.now()

    def revoke(self, billing_key: str | None, schedule_ids: list[str] | None) -> tuple[list[str], int]:
        """Revoke all or nothing; returns the revoked ids and the time (OpenAPI: revokePaymentSchedules).

        Raises INVALID_REQUEST, BILLING_KEY_*, PAYMENT_SCHEDULE_NOT_FOUND, _ALREADY_REVOKED, _ALREADY_PROCESSED.
        """
        if billing_key is None and not schedule_ids:
            raise invalid_request("billingKey, scheduleIds: give at least one")
        if billing_key is not None:
            self._store.vault.usable(billing_key)
        chosen = (
            [self.find(schedule_id) for schedule_id in schedule_ids]
            if schedule_ids
            else [
                one
                for one in self.schedules.values()
                if one.billing_key == billing_key and one.status == "SCHEDULED"
            ]
        )
        for schedule in chosen:
            if billing_key is not None and schedule.billing_key != billing_key:
                raise invalid_request(f"scheduleIds: {schedule.id} is not of this billing key")
            if schedule.status == "REVOKED":
                raise PortOneError("PAYMENT_SCHEDULE_ALREADY_REVOKED", f"schedule {schedule.id} is revoked")
            if schedule.status != "SCHEDULED":
                raise PortOneError("PAYMENT_SCHEDULE_ALREADY_PROCESSED", f"schedule {schedule.id} has run")
        if not chosen:
            raise PortOneError("PAYMENT_SCHEDULE_NOT_FOUND", "the billing key has no schedules to revoke")
        now = self._store.clock.now()
        for schedule in chosen:
            schedule.status, schedule.revoked_at = "REVOKED", now
        return [schedule.id for schedule in chosen], now

    def has_live(self, billing_key: str) -> bool:
        """Say whether schedules of the key are still to come."""
        return any(
            one.billing_key == billing_key and self.status(one) in LIVE for one in self.schedules.values()
        )
