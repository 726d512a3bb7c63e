"""Decides which control API bodies are well formed; unknown fields are refused, so misspelt tests fail."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr

from .faults import Kind
from .inputs import Amount, Text

Positive = Annotated[int, Field(strict=True, gt=0, lt=2**63)]
Rate = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0, le=600)]


class ControlInput(BaseModel):
    """A body of the control API."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AttemptInput(ControlInput):
    """Names an attempt; without it the one GET shows is meant."""

    transactionId: StrictStr | None = None


class ApproveInput(AttemptInput):
    """``late``: allow FAILED to become PAID; ``discount``: paid by points or coupons, in minor units."""

    late: StrictBool = False
    discount: Amount = 0


class FailInput(AttemptInput):
    """What the PG said."""

    pgCode: Text = "PAY_PROCESS_CANCELED"
    pgMessage: Text = "[PAY_PROCESS_CANCELED] the buyer closed the window"


class IssueInput(AttemptInput):
    """Bank of the virtual account."""

    bank: Text = "SHINHAN"


class MoneyBackInput(ControlInput):
    """A cancellation the merchant's program never asked for; without amount everything left."""

    amount: Positive | None = None
    taxFreeAmount: Amount | None = None
    reason: Text | None = None


class CompleteInput(ControlInput):
    """Outcome of a REQUESTED cancellation."""

    cancellationId: Text
    outcome: Literal["SUCCEEDED", "FAILED"]


class PayoutInput(ControlInput):
    """Outcome of the bank transfer behind a virtual-account refund (OpenAPI: refundStatus)."""

    outcome: Literal["PENDING", "PARTIAL_REFUND_FAILED", "FAILED", "COMPLETED"]


class DisputeInput(ControlInput):
    """Why the card holder disputes."""

    reason: Text = "fraud"


class WindowInput(BaseModel):
    """Browser SDK: requestPayment; fields the simulator does not use are ignored, as other channels use them."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    paymentId: Text
    storeId: Text
    channelKey: Text
    orderName: Text
    totalAmount: Positive
    currency: Annotated[StrictStr, Field(pattern=r"^(CURRENCY_)?[A-Z]{3}$")]
    payMethod: Text
    taxFreeAmount: Amount = 0
    customer: dict[str, Any] = {}
    customData: Any = None
    noticeUrls: list[Text] = []
    easyPayProvider: StrictStr | None = None
    virtualAccount: dict[str, Any] = {}
    confirmUrl: StrictStr | None = None
    ipAddress: Text = "203.0.113.7"
    userAgent: StrictStr = "Mozilla/5.0"
    url: StrictStr | None = None
    productType: Literal["REAL", "DIGITAL", "PRODUCT_TYPE_REAL", "PRODUCT_TYPE_DIGITAL"] | None = None
    windowType: dict[str, Any] = {}


class SettingsInput(ControlInput):
    """The console's webhook page; without ``environment`` both TEST and LIVE change."""

    urls: list[Text] | None = None
    secrets: Annotated[list[Text], Field(min_length=1, max_length=2)] | None = None
    version: Literal["2024-04-25", "2024-01-01"] | None = None
    contentType: Literal["json", "form"] | None = None
    storeId: StrictStr | None = None
    mode: Literal["deliver", "hold"] | None = None
    environment: Literal["TEST", "LIVE"] | None = None


class SecretsInput(ControlInput):
    """The V2 API secrets a store takes from now on; one that is missing has expired or was revoked."""

    secrets: Annotated[list[Text], Field(min_length=1)]
    storeId: StrictStr | None = None


class ReleaseInput(ControlInput):
    """How held messages leave; ``delay_seconds`` of real time pass first."""

    order: Literal["fifo", "reverse"] = "fifo"
    duplicate: StrictBool = False
    drop: Annotated[int, Field(ge=0)] = 0
    delay_seconds: Seconds = 0


class SendInput(ControlInput):
    """An arbitrary message; ``headers`` override (null removes), ``body`` replaces type and data as sent."""

    type: Text = "Transaction.Paid"
    data: dict[str, Any] = {}
    body: StrictStr | None = None
    id: Text | None = None
    secret: Text | None = None
    timestamp: int | None = None
    headers: dict[str, str | None] = {}
    url: Text | None = None
    environment: Literal["TEST", "LIVE"] = "TEST"
    storeId: StrictStr | None = None


class CallTestInput(ControlInput):
    """The console's "call test": what is left out is as the console is set."""

    environment: Literal["TEST", "LIVE"] = "TEST"
    url: Text | None = None
    version: Literal["2024-04-25", "2024-01-01"] | None = None
    contentType: Literal["json", "form"] | None = None
    storeId: StrictStr | None = None


class SettleInput(ControlInput):
    """How long to wait, in real seconds."""

    timeout_seconds: Seconds = 30


class ClockInput(ControlInput):
    """How far to move forward."""

    advance_seconds: Annotated[float, Field(ge=0, le=400 * 24 * 3600)]


class ChaosInput(ControlInput):
    """How often, from 0 to 1: new fields, new enum words, new ``type`` and ``status`` words; repeatable by seed."""

    fields: Rate = 0.0
    enums: Rate = 0.0
    variants: Rate = 0.0
    statuses: Rate = 0.0
    seed: int = 0


class FaultInput(ControlInput):
    """One disturbance; ``path`` is a glob, ``method`` may be ``*``."""

    method: Text = "*"
    path: Text
    kind: Kind
    times: Annotated[int, Field(ge=1)] = 1
    seconds: Seconds = 0
    status: Annotated[int, Field(ge=400, le=599)] = 503
    body: Any = None
    headers: dict[str, str] = {}
    pgCode: Text = "SIM_PG_ERROR"
    pgMessage: Text = "refused by the simulated PG"
