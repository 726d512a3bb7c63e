"""Decides whether a cancellation is accepted, in which order its checks run, and how it ends.

Check order (assumed): not paid, already cancelled, consistency broken, amount exceeds, sum of parts, tax-free part,
taxable part, cancel count, then the PG's own rules. Each refusal is an error of OpenAPI: cancelPayment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .cancel_rules import check_pg_rules
from .errors import ControlError, PortOneError, pg_provider
from .faults import raise_fault
from .model import PAID_STATUSES, Cancellation
from .money import vat_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from .assumptions import Assumptions
    from .faults import Fault
    from .model import Attempt, Payment, RefundAccount, Trigger
    from .payments import Ledger


@dataclass(frozen=True, slots=True)
class CancelCommand:
    """What the merchant asked for; amounts in minor units, None = left out."""

    reason: str
    amount: int | None = None
    tax_free: int | None = None
    vat: int | None = None
    current_cancellable: int | None = None
    refund_account: RefundAccount | None = None
    skip_webhook: bool = False
    trigger: Trigger = "API"


@dataclass(frozen=True, slots=True)
class _Parts:
    amount: int
    tax_free: int
    vat: int


def cancel(
    ledger: Ledger, payment: Payment, command: CancelCommand, pg_fault: Callable[[], Fault | None]
) -> Cancellation:
    """Check and book one cancellation; returns the entry (SUCCEEDED, REQUESTED, or FAILED on command).

    ``pg_fault`` is asked only once everything before the PG has passed. Raises PortOneError for each refusal.
    """
    attempt = payment.shown
    parts = _checked_parts(attempt, command, ledger.rules)
    if command.trigger == "API":
        check_pg_rules(attempt, parts.amount, command.refund_account, ledger.clock.now(), ledger.rules)
    fault = pg_fault()
    if fault is not None and fault.kind == "pg_provider":
        raise pg_provider(fault.pg_code, fault.pg_message)
    now = ledger.clock.now()
    entry = Cancellation(
        id=ledger.ids.uuid7(),
        status="REQUESTED",
        amount=parts.amount,
        tax_free=parts.tax_free,
        vat=parts.vat,
        reason=command.reason,
        trigger=command.trigger,
        requested_at=now,
        pg_cancellation_id=ledger.ids.token("simcancel"),
        skip_webhook=command.skip_webhook,
    )
    attempt.cancellations.append(entry)
    if fault is not None:
        entry.status = "FAILED"
        ledger.touch(payment, attempt)
    elif attempt.channel.async_cancel and command.trigger == "API":
        ledger.touch(payment, attempt)
        ledger.announcer.announce(payment, attempt, "CancelPending", cancellation_id=entry.id)
    else:
        _succeed(ledger, payment, attempt, entry, None)
    return entry


def complete(ledger: Ledger, payment: Payment, cancellation_id: str, *, succeeded: bool) -> Cancellation:
    """End a REQUESTED cancellation; a failure is silent, no webhook type announces it (PortOne docs: webhook).

    Raises ControlError when there is no such open cancellation.
    """
    attempt = payment.shown
    entry = find(attempt, cancellation_id)
    if entry is None or entry.status != "REQUESTED":
        open_ids = ", ".join(one.id for one in attempt.cancellations if one.status == "REQUESTED") or "none"
        raise ControlError(409, "SIM_INVALID_STATE", f"cancellationId: not REQUESTED; open ones: {open_ids}")
    if succeeded:
        _succeed(ledger, payment, attempt, entry, "ASYNC_CANCEL_APPROVED")
    else:
        entry.status = "FAILED"
        ledger.touch(payment, attempt)
    return entry


def stop(ledger: Ledger, payment: Payment, cancellation_id: str, pg_fault: Callable[[], Fault | None]) -> int:
    """Stop a REQUESTED cancellation; returns the time (OpenAPI: stopPaymentCancellation, used for Triple-A only).

    A stopped entry becomes FAILED (assumed: no other status is documented for it). Raises
    PAYMENT_CANCELLATION_NOT_FOUND, PAYMENT_CANCELLATION_NOT_PENDING, PG_PROVIDER; in that order (assumed).
    """
    attempt = payment.shown
    entry = find(attempt, cancellation_id)
    if entry is None:
        raise PortOneError("PAYMENT_CANCELLATION_NOT_FOUND", f"cancellation {cancellation_id} does not exist")
    if entry.status != "REQUESTED":
        raise PortOneError(
            "PAYMENT_CANCELLATION_NOT_PENDING", f"cancellation {cancellation_id} is {entry.status}"
        )
    if attempt.channel.pg_provider != "TRIPLE_A":
        raise pg_provider("NOT_SUPPORTED", f"{attempt.channel.pg_provider} cannot stop a cancellation")
    raise_fault(pg_fault())
    entry.status = "FAILED"
    ledger.touch(payment, attempt)
    return attempt.updated_at


def find(attempt: Attempt, cancellation_id: str) -> Cancellation | None:
    """Return the entry with that id, or None."""
    return next((entry for entry in attempt.cancellations if entry.id == cancellation_id), None)


def _succeed(
    ledger: Ledger, payment: Payment, attempt: Attempt, entry: Cancellation, trigger: str | None
) -> None:
    entry.status = "SUCCEEDED"
    entry.cancelled_at = ledger.clock.now()
    if attempt.order.pay_method == "VIRTUAL_ACCOUNT" and attempt.method is not None:
        attempt.method = {**attempt.method, "refundStatus": ledger.rules.refund_status_after_cancel}
    ledger.cancelled(payment, attempt, entry, trigger)


def _checked_parts(attempt: Attempt, command: CancelCommand, rules: Assumptions) -> _Parts:
    if attempt.status not in PAID_STATUSES:
        raise PortOneError("PAYMENT_NOT_PAID", f"the payment is {attempt.status}")
    if attempt.status == "CANCELLED":
        raise PortOneError("PAYMENT_ALREADY_CANCELLED", "the payment is fully cancelled")
    left, tax_free_left = _left(attempt, rules)
    if command.current_cancellable is not None and command.current_cancellable != left:
        raise PortOneError(
            "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN",
            f"currentCancellableAmount: {command.current_cancellable} was sent, {left} is left",
        )
    amount = left if command.amount is None else command.amount
    if amount > left or amount <= 0:
        raise PortOneError(
            "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT", f"amount: {amount} is more than {left}"
        )
    tax_free = _tax_free(command, rules, tax_free_left)
    vat = vat_of(amount, min(tax_free, amount)) if command.vat is None else command.vat
    if tax_free + vat > amount:
        raise PortOneError("SUM_OF_PARTS_EXCEEDS_CANCEL_AMOUNT", "taxFreeAmount + vatAmount exceed amount")
    if tax_free > tax_free_left:
        raise PortOneError(
            "CANCEL_TAX_FREE_AMOUNT_EXCEEDS_CANCELLABLE_TAX_FREE_AMOUNT",
            f"taxFreeAmount: {tax_free} is more than {tax_free_left}",
        )
    if amount - tax_free > left - tax_free_left:
        raise PortOneError(
            "CANCEL_TAX_AMOUNT_EXCEEDS_CANCELLABLE_TAX_AMOUNT",
            f"amount - taxFreeAmount: {amount - tax_free} is more than {left - tax_free_left}; send taxFreeAmount",
        )
    if sum(entry.status != "FAILED" for entry in attempt.cancellations) >= rules.max_cancel_count:
        raise PortOneError("MAX_CANCEL_COUNT_REACHED", f"{rules.max_cancel_count} cancellations are the most")
    return _Parts(amount, tax_free, vat)


def _left(attempt: Attempt, rules: Assumptions) -> tuple[int, int]:
    cancelled, cancelled_tax_free = attempt.cancelled
    pending, pending_tax_free = attempt.pending if rules.pending_cancellation_reduces_cancellable else (0, 0)
    base, order = attempt.refundable(rules.cancellable_base), attempt.order
    return base - cancelled - pending, order.tax_free - cancelled_tax_free - pending_tax_free


def _tax_free(command: CancelCommand, rules: Assumptions, tax_free_left: int) -> int:
    if command.tax_free is not None:
        return command.tax_free
    # The console knows the split; the API documents "omitted = all taxable", also for a full cancellation.
    derived = command.trigger != "API" or rules.full_cancel_derives_tax_free
    return tax_free_left if command.amount is None and derived else 0
