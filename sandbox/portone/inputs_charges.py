"""Decides which bodies of billing-key, instant, confirm and schedule calls are well formed (OpenAPI schemas)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, StrictInt, StrictStr, field_validator

from .banks import BANKS
from .inputs import Amount, CurrencyCode, Digits, PageInput, PortOneInput, StoreInput, Text

Positive = Annotated[StrictInt, Field(gt=0, lt=2**63)]


class SeparatedNameInput(PortOneInput):
    """OpenAPI: CustomerSeparatedName."""

    first: StrictStr
    last: StrictStr


class NameInput(PortOneInput):
    """OpenAPI: CustomerNameInput."""

    full: StrictStr | None = None
    separated: SeparatedNameInput | None = None

    def text(self) -> str | None:
        """Return the name as one text, family name first (assumed)."""
        if self.full is not None or self.separated is None:
            return self.full
        return f"{self.separated.last}{self.separated.first}"


class AddressInput(PortOneInput):
    """OpenAPI: SeparatedAddressInput."""

    addressLine1: StrictStr
    addressLine2: StrictStr
    city: StrictStr | None = None
    province: StrictStr | None = None
    country: StrictStr | None = None


class CustomerInput(PortOneInput):
    """OpenAPI: CustomerInput."""

    id: StrictStr | None = None
    name: NameInput | None = None
    birthYear: StrictStr | None = None
    birthMonth: StrictStr | None = None
    birthDay: StrictStr | None = None
    gender: Literal["MALE", "FEMALE", "OTHER"] | None = None
    email: StrictStr | None = None
    phoneNumber: StrictStr | None = None
    address: AddressInput | None = None
    zipcode: StrictStr | None = None

    def body(self) -> dict[str, Any]:
        """Return OpenAPI: Customer."""
        fields = self.model_dump(exclude_none=True, exclude={"name", "address"})
        name = self.name.text() if self.name is not None else None
        if name is not None:
            fields["name"] = name
        if self.address is not None:
            # Both lines in one text are required beside them (OpenAPI: SeparatedAddress).
            parts = self.address.model_dump(exclude_none=True)
            line = f"{self.address.addressLine1} {self.address.addressLine2}"
            fields["address"] = {"type": "SEPARATED", "oneLine": line, **parts}
        return fields


class AmountsInput(PortOneInput):
    """OpenAPI: PaymentAmountInput."""

    total: Positive
    taxFree: Amount = 0
    vat: Amount | None = None


class ProductInput(PortOneInput):
    """OpenAPI: PaymentProduct."""

    id: Text
    name: Text
    tag: StrictStr | None = None
    code: StrictStr | None = None
    amount: Amount
    quantity: Positive
    link: StrictStr | None = None


class OrderInput(PortOneInput):
    """What billing-key, scheduled and instant payments share."""

    storeId: StrictStr | None = None
    channelKey: StrictStr | None = None
    orderName: Text
    customer: CustomerInput = CustomerInput()
    customData: StrictStr | None = None
    amount: AmountsInput
    currency: CurrencyCode
    country: StrictStr | None = None
    noticeUrls: list[Text] = Field(default_factory=list)
    products: list[ProductInput] = Field(default_factory=list)
    productCount: StrictInt | None = None


class ScheduledOrderInput(OrderInput):
    """OpenAPI: BillingKeyPaymentScheduleInput."""

    billingKey: Text
    installmentMonth: Annotated[StrictInt, Field(ge=0)] | None = None


class BillingKeyPayInput(ScheduledOrderInput):
    """OpenAPI: BillingKeyPaymentInput."""

    skipWebhook: StrictBool = False


class ScheduleInput(PortOneInput):
    """OpenAPI: CreatePaymentScheduleBody."""

    payment: ScheduledOrderInput
    timeToPay: StrictStr


class RevokeInput(StoreInput):
    """OpenAPI: RevokePaymentSchedulesBody."""

    billingKey: StrictStr | None = None
    scheduleIds: list[Text] | None = None


class CredentialInput(PortOneInput):
    """OpenAPI: CardCredential; used once and never kept."""

    number: Digits
    expiryYear: Annotated[StrictStr, Field(pattern=r"^\d{2}$")]
    expiryMonth: Annotated[StrictStr, Field(pattern=r"^(0[1-9]|1[0-2])$")]
    birthOrBusinessRegistrationNumber: Digits | None = None
    passwordTwoDigits: Digits | None = None


class CardMethodInput(PortOneInput):
    """OpenAPI: InstantPaymentMethodInputCard and InstantBillingKeyPaymentMethodInputCard."""

    credential: CredentialInput
    installmentMonth: Annotated[StrictInt, Field(ge=0)] | None = None


class ExpiryInput(PortOneInput):
    """OpenAPI: InstantPaymentMethodInputVirtualAccountExpiry."""

    validHours: Positive | None = None
    dueDate: StrictStr | None = None


class FixedInput(PortOneInput):
    """OpenAPI: InstantPaymentMethodInputVirtualAccountOptionFixed."""

    pgAccountId: StrictStr | None = None
    accountNumber: Digits | None = None


class AccountOptionInput(PortOneInput):
    """OpenAPI: InstantPaymentMethodInputVirtualAccountOption."""

    type: Literal["NORMAL", "FIXED"]
    fixed: FixedInput | None = None


class AccountMethodInput(PortOneInput):
    """OpenAPI: InstantPaymentMethodInputVirtualAccount."""

    bank: StrictStr
    expiry: ExpiryInput
    option: AccountOptionInput
    remitteeName: StrictStr | None = None

    @field_validator("bank")
    @classmethod
    def known_bank(cls, bank: str) -> str:
        """Refuse a bank outside OpenAPI: Bank."""
        if bank not in BANKS:
            raise ValueError("is not a bank of GET /banks")
        return bank


class InstantMethodInput(PortOneInput):
    """OpenAPI: InstantPaymentMethodInput."""

    card: CardMethodInput | None = None
    virtualAccount: AccountMethodInput | None = None


class InstantInput(OrderInput):
    """OpenAPI: InstantPaymentInput."""

    channelGroupId: StrictStr | None = None
    method: InstantMethodInput
    skipWebhook: StrictBool = False


class ConfirmInput(PortOneInput):
    """OpenAPI: ConfirmPaymentBody."""

    storeId: StrictStr | None = None
    paymentToken: Text
    txId: StrictStr | None = None
    currency: CurrencyCode | None = None
    totalAmount: StrictInt | None = None
    taxFreeAmount: StrictInt | None = None
    isTest: StrictBool | None = None
    skipWebhook: StrictBool = False


class ScheduleSortInput(PortOneInput):
    """OpenAPI: PaymentScheduleSortInput."""

    by: Literal["CREATED_AT", "TIME_TO_PAY", "COMPLETED_AT", "STATUS_TIMESTAMP"] | None = None
    order: Literal["DESC", "ASC"] | None = None


class ScheduleFilterInput(PortOneInput):
    """OpenAPI: PaymentScheduleFilterInput."""

    storeId: StrictStr | None = None
    billingKey: StrictStr | None = None
    from_: StrictStr | None = Field(default=None, alias="from")
    until: StrictStr | None = None
    status: list[Literal["SCHEDULED", "STARTED", "SUCCEEDED", "FAILED", "REVOKED", "PENDING"]] | None = None
    isForTest: StrictBool | None = None


class SchedulesInput(PortOneInput):
    """OpenAPI: GetPaymentSchedulesBody."""

    page: PageInput = PageInput()
    sort: ScheduleSortInput = ScheduleSortInput()
    filter: ScheduleFilterInput = ScheduleFilterInput()
