"""Decides which request bodies are well formed; a refusal names the field.

PortOne bodies follow the OpenAPI schema of the operation; unknown fields are ignored as PortOne ignores them.
Control bodies refuse unknown fields, so that a misspelt test fails instead of passing.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationError,
    field_validator,
)

from .banks import BANKS
from .errors import ControlError, invalid_request

Int64 = Annotated[StrictInt, Field(ge=-(2**63), lt=2**63)]
Amount = Annotated[StrictInt, Field(ge=0, lt=2**63)]
CurrencyCode = Annotated[StrictStr, Field(pattern=r"^[A-Z]{3}$")]
Text = Annotated[StrictStr, Field(min_length=1)]
Digits = Annotated[StrictStr, Field(pattern=r"^\d+$")]
Operator = Literal["SKT", "KT", "LGU", "SKT_MVNO", "KT_MVNO", "LGU_MVNO"]


class PortOneInput(BaseModel):
    """A body of the PortOne API."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class PreRegisterInput(PortOneInput):
    """OpenAPI: PreRegisterPaymentBody."""

    storeId: StrictStr | None = None
    totalAmount: Amount | None = None
    taxFreeAmount: Amount | None = None
    currency: CurrencyCode | None = None


class RefundAccountInput(PortOneInput):
    """OpenAPI: CancelPaymentBodyRefundAccount."""

    bank: StrictStr
    number: Text
    holderName: Text
    holderPhoneNumber: StrictStr | None = None

    @field_validator("bank")
    @classmethod
    def known_bank(cls, bank: str) -> str:
        """Refuse a bank outside OpenAPI: Bank."""
        if bank not in BANKS:
            raise ValueError("is not a bank of GET /banks")
        return bank


class CancelInput(PortOneInput):
    """OpenAPI: CancelPaymentBody; an amount of 0 or below is malformed (inferred)."""

    storeId: StrictStr | None = None
    amount: Annotated[StrictInt, Field(gt=0, lt=2**63)] | None = None
    taxFreeAmount: Amount | None = None
    vatAmount: Amount | None = None
    reason: Text
    requester: Literal["CUSTOMER", "ADMIN"] | None = None
    promotionDiscountRetainOption: Literal["RETAIN", "RELEASE"] | None = None
    currentCancellableAmount: Int64 | None = None
    refundAccount: RefundAccountInput | None = None
    refundEmail: StrictStr | None = None
    skipWebhook: StrictBool = False


class StoreInput(PortOneInput):
    """A body that may only name the store."""

    storeId: StrictStr | None = None


class ResendInput(StoreInput):
    """OpenAPI: ResendWebhookBody."""

    webhookId: StrictStr | None = None


class CursorInput(PortOneInput):
    """OpenAPI: GetAllPaymentsByCursorBody and GetAllPaymentEventsByCursorBody."""

    storeId: StrictStr | None = None
    from_: StrictStr | None = Field(default=None, alias="from")
    until: StrictStr | None = None
    cursor: StrictStr | None = None
    size: Annotated[StrictInt, Field(ge=1, le=1000)] = 10


class TextSearchInput(PortOneInput):
    """OpenAPI: PaymentTextSearch."""

    field: StrictStr
    value: StrictStr


class FilterInput(PortOneInput):
    """OpenAPI: PaymentFilterInput; filters about card, escrow and cash receipt details are accepted and ignored."""

    merchantId: StrictStr | None = None
    storeId: StrictStr | None = None
    timestampType: Literal["CREATED_AT", "STATUS_CHANGED_AT"] = "STATUS_CHANGED_AT"
    from_: StrictStr | None = Field(default=None, alias="from")
    until: StrictStr | None = None
    status: (
        list[
            Literal[
                "READY",
                "PENDING",
                "VIRTUAL_ACCOUNT_ISSUED",
                "PAID",
                "FAILED",
                "PARTIAL_CANCELLED",
                "CANCELLED",
            ]
        ]
        | None
    ) = None
    methods: list[StrictStr] | None = None
    pgProvider: list[StrictStr] | None = None
    isTest: StrictBool | None = None
    isScheduled: StrictBool | None = None
    sortBy: Literal["REQUESTED_AT", "STATUS_CHANGED_AT"] | None = None
    sortOrder: Literal["DESC", "ASC"] | None = None
    version: Literal["V1", "V2"] | None = None
    webhookStatus: Literal["SUCCEEDED", "FAILED_NOT_OK_RESPONSE", "FAILED_UNEXPECTED_ERROR"] | None = None
    currency: StrictStr | None = None
    textSearch: list[TextSearchInput] | None = None


class PageInput(PortOneInput):
    """OpenAPI: PageInput."""

    number: Annotated[StrictInt, Field(ge=0)] = 0
    size: Annotated[StrictInt, Field(ge=1)] = 10


class ListInput(PortOneInput):
    """OpenAPI: GetPaymentsBody."""

    page: PageInput = PageInput()
    filter: FilterInput = FilterInput()


PortOneT = TypeVar("PortOneT", bound=PortOneInput)
ControlT = TypeVar("ControlT", bound=BaseModel)


def read_portone(model: type[PortOneT], raw: bytes | str) -> PortOneT:
    """Return the parsed body; an empty one counts as {}. Raises INVALID_REQUEST naming the field."""
    try:
        return model.model_validate_json(raw or b"{}")
    except ValidationError as failure:
        raise invalid_request(explain(failure)) from failure


def read_control(model: type[ControlT], raw: bytes) -> ControlT:
    """Return the parsed control body; raises ControlError 422 naming the field and the fix."""
    try:
        return model.model_validate_json(raw or b"{}")
    except ValidationError as failure:
        raise ControlError(422, "SIM_INVALID_INPUT", explain(failure)) from failure


def read_object(raw: bytes) -> dict[str, Any]:
    """Return a JSON object; raises ControlError 422."""
    try:
        value = json.loads(raw or b"{}")
    except ValueError as failure:
        raise ControlError(422, "SIM_INVALID_INPUT", f"body: is not JSON ({failure})") from failure
    if not isinstance(value, dict):
        raise ControlError(422, "SIM_INVALID_INPUT", "body: must be a JSON object")
    return value


def explain(failure: ValidationError) -> str:
    """Return ``field: what is wrong`` for each error of a validation."""
    return "; ".join(
        f"{'.'.join(map(str, error['loc'])) or 'body'}: {error['msg']}"
        for error in failure.errors(include_url=False)
    )
