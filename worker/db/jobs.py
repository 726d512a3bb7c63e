"""Decides how a claimed row becomes a ``Job``: context parsed once, unknown words kept as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.db.reading import mapping, text, whole
from worker.model import ExpectedPayment, Job, LastAttempt, Refund, RefundAccount

if TYPE_CHECKING:
    from collections.abc import Mapping


def read_job(row: Mapping[str, object]) -> Job | None:
    """Return the job of a ``claim_jobs`` row; None when it has no usable id or claim."""
    job_id, claim, kind = whole(row.get("id")), whole(row.get("claim")), text(row.get("kind"))
    if job_id is None or claim is None or kind is None:
        return None
    context = mapping(row.get("context"))
    return Job(
        id=job_id,
        claim=claim,
        kind=kind,
        lane=text(row.get("lane")),
        failures=whole(row.get("failures")) or 0,
        payload=mapping(row.get("payload")),
        operation_id=text(row.get("operation_id")),
        payment=_payment(mapping(context.get("payment"))),
        refund=_refund(mapping(context.get("cancellation"))),
        attempt=_attempt(mapping(context.get("attempt"))),
    )


def _payment(value: Mapping[str, object]) -> ExpectedPayment | None:
    payment_id = text(value.get("payment_id"))
    if payment_id is None:
        return None
    return ExpectedPayment(
        payment_id=payment_id,
        known=value.get("known") is True,
        status=text(value.get("status")),
        channel_key=text(value.get("channel_key")),
        amount=whole(value.get("amount")),
        tax_free_amount=whole(value.get("tax_free_amount")),
        currency=text(value.get("currency")),
        pay_method=text(value.get("pay_method")),
    )


def _refund(value: Mapping[str, object]) -> Refund | None:
    identifier, amount = text(value.get("id")), whole(value.get("amount"))
    if identifier is None or amount is None:
        return None
    return Refund(
        id=identifier,
        amount=amount,
        tax_free_amount=whole(value.get("tax_free_amount")),
        reason=text(value.get("reason")) or "refund",
        requester=text(value.get("requester")),
        cancellation_id=text(value.get("cancellation_id")),
        refund_account=_refund_account(mapping(value.get("refund_account"))),
    )


def _refund_account(value: Mapping[str, object]) -> RefundAccount | None:
    bank, number, holder = text(value.get("bank")), text(value.get("number")), text(value.get("holderName"))
    if bank is None or number is None or holder is None:
        return None
    return RefundAccount(bank, number, holder, text(value.get("holderPhoneNumber")))


def _attempt(value: Mapping[str, object]) -> LastAttempt | None:
    number = whole(value.get("number"))
    return None if number is None else LastAttempt(number, text(value.get("outcome")))
