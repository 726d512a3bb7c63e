"""Decides how PortOne's billing key becomes ours: the card masked beyond doubt, unknown things null."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, ValidationError

from worker.portone.tolerant import (
    ChannelFields,
    Text,
    Time,
    Tolerant,
    an_object,
    object_or_none,
    objects,
)
from worker.readings import BillingKeyReading

PAY_METHODS: Final = {
    "BillingKeyPaymentMethodCard": "CARD",
    "BillingKeyPaymentMethodEasyPay": "EASY_PAY",
    "BillingKeyPaymentMethodMobile": "MOBILE",
    "BillingKeyPaymentMethodTransfer": "TRANSFER",
    "BillingKeyPaymentMethodPaypal": "PAYPAL",
}
_SEPARATORS = re.compile(r"[\s-]")
_FULL_LENGTH: Final = 12
_VISIBLE_HEAD: Final = 6
_VISIBLE_TAIL: Final = 4


class _Card(Tolerant):
    issuer: Text = None
    brand: Text = None
    type: Text = None
    number: Text = None


class _Inner(Tolerant):
    card: Annotated[_Card | None, BeforeValidator(object_or_none)] = None


class _Method(Tolerant):
    type: Text = None
    card: Annotated[_Card | None, BeforeValidator(object_or_none)] = None
    method: Annotated[_Inner | None, BeforeValidator(object_or_none)] = None


class _Customer(Tolerant):
    id: Text = None


class _BillingKey(Tolerant):
    billing_key: str = Field(strict=True, min_length=1)
    status: str = Field(strict=True, min_length=1)
    store_id: Text = None
    issue_id: Text = None
    issued_at: Time = None
    deleted_at: Time = None
    customer: Annotated[_Customer, BeforeValidator(an_object)] = _Customer()
    channels: Annotated[list[ChannelFields], BeforeValidator(objects)] = Field(default_factory=list)
    methods: Annotated[list[_Method], BeforeValidator(objects)] = Field(default_factory=list)


def read_billing_key(payload: object) -> BillingKeyReading | None:
    """Return what a ``BillingKeyInfo`` says, or None when even key or status are unreadable."""
    try:
        found = _BillingKey.model_validate(payload)
    except ValidationError:
        return None
    known = [entry for entry in found.methods if entry.type in PAY_METHODS]
    method = known[0] if known else _Method()
    card = method.card or (method.method.card if method.method is not None else None)
    channels = [
        {"kind": entry.kind, "key": entry.key, "pg_provider": entry.pg_provider} for entry in found.channels
    ]
    data: dict[str, Any] = {
        **found.model_dump(include={"billing_key", "status", "store_id", "issue_id", "issued_at", "deleted_at"}),
        "customer_id": found.customer.id,
        "channels": channels,
        "card": None if card is None else _masked(card),
        "pay_method": PAY_METHODS.get(method.type or ""),
    }  # fmt: skip
    return BillingKeyReading(
        status=found.status,
        store_id=found.store_id,
        issue_id=found.issue_id,
        customer_id=found.customer.id,
        channel_kinds=tuple(entry.kind for entry in found.channels),
        data=data,
    )


def mask_number(number: str | None) -> str | None:
    """Return a card number with at most its first six and last four digits, whatever PortOne masked itself.

    Always holds a ``*`` and never nine digits in a row; None for no number at all. Short ones keep four digits.
    """
    shown = _SEPARATORS.sub("", number or "")
    if not shown:
        return None
    plain = "".join(sign if sign.isascii() and sign.isdigit() else "*" for sign in shown[:32])
    head = _VISIBLE_HEAD if len(plain) >= _FULL_LENGTH else 0
    tail = plain[-_VISIBLE_TAIL:]
    hidden = max(len(plain) - head - len(tail), 0) or _VISIBLE_TAIL
    return plain[:head] + "*" * hidden + tail


def _masked(card: _Card) -> dict[str, Any]:
    """The OpenAPI document's Card has no expiry; the columns exist for adopters who learn it elsewhere."""
    return {
        "issuer": card.issuer,
        "brand": card.brand,
        "card_type": card.type,
        "number_masked": mask_number(card.number),
        "expiry_year": None,
        "expiry_month": None,
    }
