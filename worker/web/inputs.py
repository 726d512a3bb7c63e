"""Decides which fields a user may send and what they may hold; unknown fields are refused by name."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo, field_validator

_LARGEST_AMOUNT = 2_147_483_647

IdempotencyKey = Annotated[str, StringConstraints(min_length=8, max_length=200, pattern=r"^[\x21-\x7e]+$")]
Line = StringConstraints(strip_whitespace=True, min_length=1, pattern=r"^[^\x00-\x1f\x7f]+$")


RowId = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
_MOMENT = r"^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)$"


def _must_be_true(value: bool) -> bool:
    if not value:
        raise ValueError("must be true: nothing is asked of anybody without consent")
    return value


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class PaymentRequest(_Input):
    """Body of ``POST /payments``: which order, how. The price comes from the database, never from here."""

    order_id: Annotated[str, Line, Field(max_length=200)]
    pay_method: Literal["CARD", "VIRTUAL_ACCOUNT", "TRANSFER", "MOBILE", "EASY_PAY"]
    idempotency_key: IdempotencyKey | None = None


class CompletionRequest(_Input):
    """Body of ``POST /payments/{payment_id}/complete`` and ``POST /cancellations/{id}/stop``; may be left out."""

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


class ConfirmationRequest(_Input):
    """Body of ``POST /payments/{payment_id}/confirm``: what the window gave for manual approval."""

    payment_token: Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,500}$"), Field(repr=False)]
    tx_id: Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,100}$")] | None = None
    idempotency_key: IdempotencyKey | None = None


class BillingKeyIssueRequest(_Input):
    """Body of ``POST /billing-keys/issue``."""

    consent: bool

    _agreed = field_validator("consent")(_must_be_true)


class BillingKeyRegistration(_Input):
    """Body of ``POST /billing-keys``: what the card window gave, and the issue id it was opened with."""

    billing_key: Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,255}$"), Field(repr=False)]
    issue_id: Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,100}$")]
    idempotency_key: IdempotencyKey | None = None

    @field_validator("billing_key")
    @classmethod
    def _issued(cls, value: str) -> str:
        # OpenAPI: the literal a channel with manual issue gives instead of a key.
        if value == "NEEDS_CONFIRMATION":
            raise ValueError("is not issued yet: switch manual issue of billing keys off for this channel")
        return value


class BillingPaymentRequest(_Input):
    """Body of ``POST /billing-payments``: which order, which of the caller's cards."""

    order_id: Annotated[str, Line, Field(max_length=200)]
    billing_key_id: RowId
    idempotency_key: IdempotencyKey | None = None


class ScheduleRequest(BillingPaymentRequest):
    """Body of ``POST /schedules``; ``time_to_pay`` is RFC 3339 with its offset."""

    time_to_pay: Annotated[str, StringConstraints(pattern=_MOMENT)]

    @field_validator("time_to_pay")
    @classmethod
    def _a_real_moment(cls, value: str) -> str:
        try:
            datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("is not a date and time that exists") from None
        return value


class IdentityRequest(_Input):
    """Body of ``POST /identity-verifications``."""

    purpose: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,49}$")]
    consent: bool

    _agreed = field_validator("consent")(_must_be_true)


class IdentitySend(_Input):
    """Body of ``POST /identity-verifications/{id}/send`` (OpenAPI: SendIdentityVerificationBody). Never stored."""

    name: Annotated[str, Line, Field(max_length=50, repr=False)]
    phone_number: Annotated[str, StringConstraints(pattern=r"^01[0-9]{8,9}$"), Field(repr=False)]
    operator: Literal["SKT", "KT", "LGU", "SKT_MVNO", "KT_MVNO", "LGU_MVNO"]
    method: Literal["SMS", "APP"]
    identity_number: Annotated[
        Annotated[str, StringConstraints(pattern=r"^[0-9]{7}$")] | None,
        Field(repr=False, validate_default=True),
    ] = None

    @field_validator("identity_number")
    @classmethod
    def _needed_for_sms(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and info.data.get("method") == "SMS":
            raise ValueError("is needed for SMS")
        return value


class IdentityCode(_Input):
    """Body of ``POST /identity-verifications/{id}/confirm``; no ``otp`` where the app was used. Never stored."""

    otp: Annotated[Annotated[str, StringConstraints(pattern=r"^[0-9]{4,8}$")] | None, Field(repr=False)] = (
        None
    )
    idempotency_key: IdempotencyKey | None = None
