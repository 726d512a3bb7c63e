"""Decides how a PortOne payment becomes our snapshot: what is unknown or malformed becomes null, nothing crashes.

PortOne adds fields, enum values and variants at any time and asks clients to bear it (docs: compatibility). Only four
things are indispensable: the id, the status word, ``amount.total`` and ``amount.cancelled``.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, ValidationError

from worker.model import Snapshot, SnapshotCancellation
from worker.portone.tolerant import (
    ChannelFields,
    FailureFields,
    Text,
    Time,
    Tolerant,
    Whole,
    an_object,
    object_or_none,
    objects,
    whole,
)

PAY_METHODS: Final = {
    "PaymentMethodCard": "CARD",
    "PaymentMethodVirtualAccount": "VIRTUAL_ACCOUNT",
    "PaymentMethodEasyPay": "EASY_PAY",
    "PaymentMethodTransfer": "TRANSFER",
    "PaymentMethodMobile": "MOBILE",
    "PaymentMethodGiftCertificate": "GIFT_CERTIFICATE",
    "PaymentMethodConvenienceStore": "CONVENIENCE_STORE",
    "PaymentMethodCrypto": "CRYPTO",
}


class _Amount(Tolerant):
    total: Annotated[int, BeforeValidator(whole)]
    cancelled: Annotated[int, BeforeValidator(whole)]
    tax_free: Whole = None
    discount: Whole = None
    paid: Whole = None
    cancelled_tax_free: Whole = None


class _Method(Tolerant):
    type: Text = None
    bank: Text = None
    account_number: Text = None
    remittee_name: Text = None
    expired_at: Time = None
    refund_status: Text = None


class _Dispute(Tolerant):
    status: Text = None
    created_at: Time = None
    resolved_at: Time = None


class _Cancellation(Tolerant):
    id: Text = None
    status: Text = None
    total_amount: Whole = None
    tax_free_amount: Whole = None
    vat_amount: Whole = None
    reason: Text = None
    trigger: Text = None
    requested_at: Time = None
    cancelled_at: Time = None
    pg_cancellation_id: Text = None
    receipt_url: Text = None


class _Payment(Tolerant):
    id: str = Field(strict=True, min_length=1)
    status: str = Field(strict=True, min_length=1)
    amount: _Amount
    transaction_id: Text = None
    store_id: Text = None
    requested_at: Time = None
    updated_at: Time = None
    status_changed_at: Time = None
    paid_at: Time = None
    failed_at: Time = None
    cancelled_at: Time = None
    currency: Text = None
    order_name: Text = None
    pg_tx_id: Text = None
    receipt_url: Text = None
    channel: Annotated[ChannelFields, BeforeValidator(an_object)] = ChannelFields()
    method: Annotated[_Method, BeforeValidator(an_object)] = _Method()
    failure: Annotated[FailureFields | None, BeforeValidator(object_or_none)] = None
    disputes: Annotated[list[_Dispute], BeforeValidator(objects)] = Field(default_factory=list)
    cancellations: Annotated[list[_Cancellation], BeforeValidator(objects)] = Field(default_factory=list)


def read_payment(payload: object) -> Snapshot | None:
    """Return the snapshot of PortOne's payment object, or None when even id, status or amounts are unreadable."""
    try:
        payment = _Payment.model_validate(payload)
    except ValidationError:
        return None
    return Snapshot(
        payment_id=payment.id,
        status=payment.status,
        total=payment.amount.total,
        cancelled=payment.amount.cancelled,
        cancellations=tuple(
            SnapshotCancellation(entry.id, entry.status, entry.total_amount or 0)
            for entry in payment.cancellations
        ),
        data=_normalized(payment),
    )


def _normalized(payment: _Payment) -> dict[str, Any]:
    channel = payment.channel
    return {
        **payment.model_dump(
            include={
                "transaction_id", "store_id", "status", "requested_at", "updated_at", "status_changed_at", "paid_at",
                "failed_at", "cancelled_at", "currency", "order_name", "pg_tx_id", "receipt_url", "failure", "disputes",
            }
        ),
        **payment.amount.model_dump(),
        "payment_id": payment.id,
        "channel_kind": channel.kind,
        "channel_key": channel.key,
        "pg_provider": channel.pg_provider,
        "pay_method": PAY_METHODS.get(payment.method.type or ""),
        "virtual_account": _virtual_account(payment.method),
        "cancellations": [_cancellation(entry) for entry in payment.cancellations],
    }  # fmt: skip


def _virtual_account(method: _Method) -> dict[str, Any] | None:
    if method.type != "PaymentMethodVirtualAccount":
        return None
    return method.model_dump(
        include={"bank", "account_number", "remittee_name", "expired_at", "refund_status"}
    )


def _cancellation(entry: _Cancellation) -> dict[str, Any]:
    data = entry.model_dump(exclude={"total_amount", "tax_free_amount", "vat_amount"})
    return {**data, "amount": entry.total_amount, "tax_free": entry.tax_free_amount, "vat": entry.vat_amount}
