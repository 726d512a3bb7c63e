"""Decides which bodies of billing-key and identity calls are well formed (OpenAPI schemas)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, StrictInt, StrictStr

from .inputs import CurrencyCode, Digits, Operator, PageInput, PortOneInput, StoreInput, Text
from .inputs_charges import CardMethodInput, CustomerInput

Order = Literal["DESC", "ASC"]


class KeyMethodInput(PortOneInput):
    """OpenAPI: InstantBillingKeyPaymentMethodInput."""

    card: CardMethodInput


class IssueInput(PortOneInput):
    """OpenAPI: IssueBillingKeyBody."""

    storeId: StrictStr | None = None
    method: KeyMethodInput
    channelKey: StrictStr | None = None
    channelGroupId: StrictStr | None = None
    customer: CustomerInput = CustomerInput()
    customData: StrictStr | None = None
    noticeUrls: list[Text] = Field(default_factory=list)
    skipWebhook: StrictBool = False


class ConfirmKeyInput(PortOneInput):
    """OpenAPI: ConfirmBillingKeyBody."""

    storeId: StrictStr | None = None
    billingIssueToken: Text
    isTest: StrictBool | None = None
    skipWebhook: StrictBool = False


class ConfirmKeyAndPayInput(ConfirmKeyInput):
    """OpenAPI: ConfirmBillingKeyIssueAndPayBody."""

    paymentId: StrictStr | None = None
    currency: CurrencyCode | None = None
    totalAmount: StrictInt | None = None
    taxFreeAmount: StrictInt | None = None


class KeySortInput(PortOneInput):
    """OpenAPI: BillingKeySortInput."""

    by: Literal["REQUESTED_AT", "ISSUED_AT", "DELETED_AT", "STATUS_TIMESTAMP"] = "REQUESTED_AT"
    order: Order = "DESC"


class KeySearchInput(PortOneInput):
    """OpenAPI: BillingKeyTextSearch."""

    field: StrictStr
    value: StrictStr


class KeyFilterInput(PortOneInput):
    """OpenAPI: BillingKeyFilterInput; platform and PG company filters are accepted and ignored."""

    storeId: StrictStr | None = None
    timeRangeField: Literal["REQUESTED_AT", "ISSUED_AT", "DELETED_AT", "STATUS_TIMESTAMP"] = "REQUESTED_AT"
    from_: StrictStr | None = Field(default=None, alias="from")
    until: StrictStr | None = None
    status: list[Literal["ISSUED", "DELETED"]] | None = None
    channelGroupIds: list[Text] | None = None
    customerId: StrictStr | None = None
    textSearch: KeySearchInput | None = None
    pgProviders: list[Text] | None = None
    methods: list[Literal["CARD", "MOBILE", "EASY_PAY", "TRANSFER"]] | None = None
    version: Literal["V1", "V2"] | None = None


class KeysInput(PortOneInput):
    """OpenAPI: GetBillingKeyInfosBody."""

    page: PageInput = PageInput()
    sort: KeySortInput = KeySortInput()
    filter: KeyFilterInput = KeyFilterInput()


class SendCustomerInput(PortOneInput):
    """OpenAPI: SendIdentityVerificationBodyCustomer."""

    id: StrictStr | None = None
    name: Text
    phoneNumber: Digits
    identityNumber: Annotated[StrictStr, Field(pattern=r"^\d{7}$")] | None = None
    ipAddress: Text


class SendInput(PortOneInput):
    """OpenAPI: SendIdentityVerificationBody."""

    storeId: StrictStr | None = None
    channelKey: Text
    customer: SendCustomerInput
    customData: StrictStr | None = None
    bypass: dict[str, Any] = Field(default_factory=dict)
    operator: Operator
    method: Literal["SMS", "APP"]


class ConfirmIdentityInput(StoreInput):
    """OpenAPI: ConfirmIdentityVerificationBody."""

    otp: StrictStr | None = None


class IdentitySortInput(PortOneInput):
    """OpenAPI: IdentityVerificationSortInput."""

    by: Literal["REQUESTED_AT", "VERIFIED_AT", "FAILED_AT", "STATUS_UPDATED_AT"] = "REQUESTED_AT"
    order: Order = "DESC"


class IdentityCustomerFilterInput(PortOneInput):
    """OpenAPI: IdentityVerificationFilterCustomerInput."""

    name: StrictStr | None = None
    birthYear: StrictStr | None = None
    birthMonth: StrictStr | None = None
    birthDay: StrictStr | None = None
    phoneNumber: StrictStr | None = None
    gender: Literal["MALE", "FEMALE", "OTHER"] | None = None


class IdentityFilterInput(PortOneInput):
    """OpenAPI: IdentityVerificationFilterInput; PG company filters are accepted and ignored."""

    storeId: StrictStr | None = None
    timeRangeField: Literal["REQUESTED_AT", "VERIFIED_AT", "FAILED_AT", "STATUS_UPDATED_AT"] = "REQUESTED_AT"
    from_: StrictStr | None = Field(default=None, alias="from")
    until: StrictStr | None = None
    identityVerificationId: StrictStr | None = None
    identityVerificationTxId: StrictStr | None = None
    isTest: StrictBool | None = None
    statuses: list[Literal["READY", "VERIFIED", "FAILED"]] | None = None
    pgTxId: StrictStr | None = None
    pgMerchantId: StrictStr | None = None
    pgProviders: list[Text] | None = None
    carriers: list[Operator] | None = None
    version: Literal["V1", "V2"] | None = None
    customer: IdentityCustomerFilterInput = IdentityCustomerFilterInput()


class IdentitiesInput(PortOneInput):
    """OpenAPI: GetIdentityVerificationsBody."""

    page: PageInput = PageInput()
    sort: IdentitySortInput = IdentitySortInput()
    filter: IdentityFilterInput = IdentityFilterInput()


class LoginInput(PortOneInput):
    """OpenAPI: LoginViaApiSecretBody."""

    apiSecret: Text


class RefreshInput(PortOneInput):
    """OpenAPI: RefreshTokenBody."""

    refreshToken: Text
