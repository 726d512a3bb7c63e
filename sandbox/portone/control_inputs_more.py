"""Decides which control API bodies about billing keys, identities and channels are well formed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr

from .control_inputs import ControlInput, Positive, WindowInput
from .inputs import Amount, Digits, Operator, Text


class KeyPaymentInput(BaseModel):
    """The payment half of requestIssueBillingKeyAndPay."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    paymentId: Text
    orderName: Text
    totalAmount: Positive
    currency: Text
    taxFreeAmount: Amount = 0


class KeyWindowInput(BaseModel):
    """Browser SDK: requestIssueBillingKey; fields the simulator does not use are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    storeId: Text
    channelKey: Text
    billingKeyMethod: Literal["CARD", "MOBILE", "EASY_PAY", "PAYPAL"]
    issueId: Text | None = None
    issueName: Text | None = None
    customer: dict[str, Any] = {}
    customData: Any = None
    noticeUrls: list[Text] = Field(default_factory=list)
    productType: Literal["REAL", "DIGITAL", "PRODUCT_TYPE_REAL", "PRODUCT_TYPE_DIGITAL"] | None = None
    windowType: dict[str, Any] = {}
    userAgent: StrictStr = "Mozilla/5.0"
    payment: KeyPaymentInput | None = None

    def payment_window(self) -> WindowInput:
        """Return the payment half as a payment window."""
        payment = self.payment.model_dump() if self.payment is not None else {}
        return WindowInput(
            storeId=self.storeId,
            channelKey=self.channelKey,
            payMethod=self.billingKeyMethod,
            customer=self.customer,
            customData=self.customData,
            noticeUrls=self.noticeUrls,
            productType=self.productType,
            windowType=self.windowType,
            userAgent=self.userAgent,
            **payment,
        )


class CardInput(ControlInput):
    """The card behind a billing key; ``number`` is masked at once."""

    number: Annotated[Digits, Field(min_length=13, max_length=19)] = "4330123456781234"
    issuer: Text | None = None
    publisher: Text | None = None
    brand: Literal["LOCAL", "MASTER", "UNIONPAY", "VISA", "JCB", "AMEX", "DINERS"] | None = None
    type: Literal["CREDIT", "DEBIT", "GIFT"] | None = None
    ownerType: Literal["PERSONAL", "CORPORATE"] | None = None
    name: Text | None = None


class FailKeyInput(ControlInput):
    """What the PG said."""

    pgCode: Text = "PAY_PROCESS_CANCELED"
    pgMessage: Text = "[PAY_PROCESS_CANCELED] the buyer closed the window"


class DeclineInput(ControlInput):
    """What the PG will say to the next ``times`` charges."""

    pgCode: Text = "REJECT_CARD_PAYMENT"
    pgMessage: Text = "한도초과 혹은 잔액부족으로 결제에 실패했습니다."
    times: Annotated[int, Field(ge=1, le=100)] = 1


class IdentityWindowInput(BaseModel):
    """Browser SDK: requestIdentityVerification; fields the simulator does not use are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    storeId: Text
    identityVerificationId: Text
    channelKey: Text
    customer: dict[str, Any] = {}
    customData: Any = None
    bypass: dict[str, Any] = {}
    ipAddress: Text = "203.0.113.7"


class PersonInput(ControlInput):
    """The person the carrier finds; what is left out is taken from the request or invented."""

    name: Text | None = None
    phoneNumber: Digits | None = None
    operator: Operator | None = None
    birthDate: Annotated[StrictStr, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None
    gender: Literal["MALE", "FEMALE", "OTHER"] | None = None
    isForeigner: StrictBool | None = None
    ci: Text | None = None
    di: Text | None = None


class ChannelInput(ControlInput):
    """A channel and its PG's manners; the names of Channel in camel case, patterns as regular expressions."""

    type: Literal["TEST", "LIVE"] = "TEST"
    pgProvider: Text
    pgMerchantId: Text = "simtest"
    payMethods: list[Text] = Field(default_factory=lambda: ["CARD"])
    paymentIdPattern: Text | None = None
    minimum: Positive = 1
    currencies: list[Text] = Field(default_factory=list)
    orderNameBytes: Amount = 0
    orderNameCharacters: Amount = 0
    orderNameCut: StrictBool = False
    pcWindow: Literal["IFRAME", "POPUP", "REDIRECTION"] | None = None
    mobileWindow: Literal["IFRAME", "POPUP", "REDIRECTION"] | None = None
    windowCustomer: list[Text] = Field(default_factory=list)
    pcCustomer: list[Text] = Field(default_factory=list)
    easyPayCustomer: StrictBool = False
    mobileProductType: StrictBool = False
    asyncCancel: StrictBool = False
    refundPhone: StrictBool = False
    pendingFirst: StrictBool = False
    manualApproval: StrictBool = False
    billingMethods: list[Text] = Field(default_factory=list)
    billingOnlyWithPayment: list[Text] = Field(default_factory=list)
    billingCustomer: list[Text] = Field(default_factory=list)
    customerIdPattern: Text | None = None
    issueIdPattern: Text | None = None
    issueIdOnce: StrictBool = False
    issueNameRequired: StrictBool = False
    deleteNeedsReason: StrictBool = False
    apiIssue: StrictBool = False
    identity: StrictBool = False
    identityCi: StrictBool = False
    identityPhone: StrictBool = False


class PaymentOutcome(FailKeyInput):
    """A button of the payment window."""

    action: Literal["approve", "issue-account", "fail"]
    txId: Text | None = None
    bank: Text = "SHINHAN"


class BillingOutcome(FailKeyInput):
    """A button of the billing-key window."""

    action: Literal["issue", "fail"]
    card: CardInput = CardInput()


class IdentityOutcome(FailKeyInput):
    """A button of the identity window."""

    action: Literal["complete", "fail"]
    person: PersonInput = PersonInput()
