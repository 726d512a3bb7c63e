"""Decides which fields a user may send and what they may hold; unknown fields are refused by name."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

_LARGEST_AMOUNT = 2_147_483_647

IdempotencyKey = Annotated[str, StringConstraints(min_length=8, max_length=200, pattern=r"^[\x21-\x7e]+$")]
Line = StringConstraints(strip_whitespace=True, min_length=1, pattern=r"^[^\x00-\x1f\x7f]+$")


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class PaymentRequest(_Input):
    """Body of ``POST /payments``: which order, how. The price comes from the database, never from here."""

    order_id: Annotated[str, Line, Field(max_length=200)]
    pay_method: Literal["CARD", "VIRTUAL_ACCOUNT", "TRANSFER", "MOBILE", "EASY_PAY"]
    idempotency_key: IdempotencyKey | None = None


class CompletionRequest(_Input):
    """Body of ``POST /payments/{payment_id}/complete``; may be left out."""

    idempotency_key: IdempotencyKey | None = None


class RefundAccountInput(_Input):
    """Where a virtual-account refund goes (OpenAPI: CancelPaymentBodyRefundAccount)."""

    bank: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{1,40}$")]
    number: Annotated[str, StringConstraints(pattern=r"^[0-9]{6,20}$")]
    holder_name: Annotated[str, Line, Field(max_length=50)]
    holder_phone_number: Annotated[str, StringConstraints(pattern=r"^[0-9]{8,15}$")] | None = None


class CancellationRequest(_Input):
    """Body of ``POST /payments/{payment_id}/cancel``; amounts in minor units, ``amount`` left out = everything left."""

    amount: Annotated[int, Field(gt=0, le=_LARGEST_AMOUNT)] | None = None
    reason: Annotated[str, Line, Field(max_length=200)]
    refund_account: RefundAccountInput | None = None
    tax_free_amount: Annotated[int, Field(ge=0, le=_LARGEST_AMOUNT)] | None = None
    idempotency_key: IdempotencyKey | None = None
