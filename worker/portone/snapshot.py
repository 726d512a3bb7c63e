"""Decides how a PortOne payment becomes our snapshot: what is unknown or malformed becomes null, nothing crashes.

PortOne adds fields, enum values and variants at any time and asks clients to bear it (docs: compatibility). Only four
things are indispensable: the id, the status word, ``amount.total`` and ``amount.cancelled``.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from worker.model import Snapshot, SnapshotCancellation

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")

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


def _text(value: object) -> object:
    return value if isinstance(value, str) else None


def _whole(value: object) -> object:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _time(value: object) -> object:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        return None
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return None
    return value


def _object(value: object) -> object:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> object:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


Text = Annotated[str | None, BeforeValidator(_text)]
Whole = Annotated[int | None, BeforeValidator(_whole)]
Time = Annotated[str | None, BeforeValidator(_time)]


class _Tolerant(BaseModel):
    model_config = ConfigDict(
        extra="ignore", frozen=True, alias_generator=to_camel, hide_input_in_errors=True
    )


class _Amount(_Tolerant):
    total: Annotated[int, BeforeValidator(_whole)]
    cancelled: Annotated[int, BeforeValidator(_whole)]
    tax_free: Whole = None
    discount: Whole = None
    paid: Whole = None
    cancelled_tax_free: Whole = None


class _Channel(_Tolerant):
    type: Text = None
    key: Text = None
    pg_provider: Text = None


class _Method(_Tolerant):
    type: Text = None
    bank: Text = None
    account_number: Text = None
    remittee_name: Text = None
    expired_at: Time = None
    refund_status: Text = None


class _Failure(_Tolerant):
    reason: Text = None
    pg_code: Text = None
    pg_message: Text = None


class _Dispute(_Tolerant):
    status: Text = None
    created_at: Time = None
    resolved_at: Time = None


class _Cancellation(_Tolerant):
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


class _Payment(_Tolerant):
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
    channel: Annotated[_Channel, BeforeValidator(_object)] = _Channel()
    method: Annotated[_Method, BeforeValidator(_object)] = _Method()
    failure: Annotated[_Failure | None, BeforeValidator(lambda v: v if isinstance(v, dict) else None)] = None
    disputes: Annotated[list[_Dispute], BeforeValidator(_objects)] = []
    cancellations: Annotated[list[_Cancellation], BeforeValidator(_objects)] = []


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
        "channel_kind": channel.type if channel.type in ("LIVE", "TEST") else None,
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
