"""Decides how the context of a claimed job is read: what is missing or of another type becomes None."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.db.reading import mapping, rows, text, whole
from worker.model import ExpectedPayment, LastAttempt, Refund, RefundAccount
from worker.subjects import Approval, Channel, IdentityCheck, SavedCard, Schedule

if TYPE_CHECKING:
    from collections.abc import Mapping


def read_payment(value: Mapping[str, object]) -> ExpectedPayment | None:
    """Return ``context.payment``."""
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
        store_id=text(value.get("store_id")),
        order_name=text(value.get("order_name")),
    )


def read_refund(value: Mapping[str, object]) -> Refund | None:
    """Return ``context.cancellation``."""
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


def read_attempt(value: Mapping[str, object]) -> LastAttempt | None:
    """Return ``context.attempt``."""
    number = whole(value.get("number"))
    return None if number is None else LastAttempt(number, text(value.get("outcome")))


def read_channel(value: Mapping[str, object]) -> Channel | None:
    """Return ``context.channel``; None = the worker's own settings decide."""
    store_id, channel_key = text(value.get("store_id")), text(value.get("channel_key"))
    if store_id is None or channel_key is None:
        return None
    return Channel(store_id, channel_key, text(value.get("kind")), text(value.get("pg_provider")))


def read_card(value: Mapping[str, object]) -> SavedCard | None:
    """Return ``context.billing_key``; its ``id`` is None for a key we do not know."""
    identifier, billing_key = text(value.get("id")), text(value.get("billing_key"))
    if identifier is None and billing_key is None:
        return None
    return SavedCard(
        id=identifier,
        billing_key=billing_key,
        user_id=text(value.get("user_id")),
        customer_id=text(value.get("customer_id")),
        issue_id=text(value.get("issue_id")),
        store_id=text(value.get("store_id")),
        channel_key=text(value.get("channel_key")),
        pg_provider=text(value.get("pg_provider")),
        status=text(value.get("status")),
        channel_kind=text(value.get("channel_kind")),
    )


def read_schedule(value: Mapping[str, object]) -> Schedule | None:
    """Return ``context.schedule``."""
    identifier, payment_id = text(value.get("id")), text(value.get("payment_id"))
    time_to_pay = text(value.get("time_to_pay"))
    if identifier is None or payment_id is None or time_to_pay is None:
        return None
    schedule_id = text(value.get("schedule_id"))
    return Schedule(identifier, schedule_id, payment_id, time_to_pay, text(value.get("status")))


def read_schedule_ids(value: object) -> tuple[str, ...]:
    """Return PortOne's ids of ``context.schedules``: the live ones of a saved card."""
    named = (text(entry.get("schedule_id")) for entry in rows(value))
    return tuple(dict.fromkeys(entry for entry in named if entry is not None))


def read_identity(value: Mapping[str, object]) -> IdentityCheck | None:
    """Return ``context.identity``."""
    identifier, named = text(value.get("id")), text(value.get("identity_verification_id"))
    if identifier is None or named is None:
        return None
    return IdentityCheck(identifier, named, text(value.get("store_id")))


def read_approval(value: Mapping[str, object]) -> Approval | None:
    """Return ``context.secret``."""
    token = text(value.get("payment_token"))
    return None if token is None else Approval(token, text(value.get("tx_id")))


def _refund_account(value: Mapping[str, object]) -> RefundAccount | None:
    bank, number, holder = text(value.get("bank")), text(value.get("number")), text(value.get("holderName"))
    if bank is None or number is None or holder is None:
        return None
    return RefundAccount(bank, number, holder, text(value.get("holderPhoneNumber")))
