"""Decides what a payment channel is: the PG behind it and that PG's manners (PortOne docs: PG notes)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

ChannelType = Literal["TEST", "LIVE"]
WindowType = Literal["IFRAME", "POPUP", "REDIRECTION"]

PAY_METHODS: Final = frozenset(
    {"CARD", "VIRTUAL_ACCOUNT", "TRANSFER", "MOBILE", "GIFT_CERTIFICATE", "EASY_PAY", "CONVENIENCE_STORE"}
)
ANY_ID: Final = re.compile(r"[!-~]{1,64}")
_NOTHING: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel of a store and the manners of the PG behind it; ``pg_rules`` holds it to them.

    ``payment_id_pattern``: the PG's limit on order ids. ``minimum``: smallest total it takes, in minor units.
    ``currencies``: those it takes, empty = all. ``order_name_bytes`` (EUC-KR) and ``order_name_characters``: the
    longest order name, 0 = any; ``order_name_cut``: a longer one is cut instead of refused (Inicis).
    ``pc_window``, ``mobile_window``: the only window type there, None = any. ``window_customer``: what the payment
    window must know of the customer, ``pc_customer``: on a PC only (Inicis); ``easy_pay_customer``: the customer's
    id for easy pay (Smartro); ``mobile_product_type``: carrier billing needs ``productType``.

    ``async_cancel``: a cancellation is first REQUESTED. ``refund_phone``: refunds to a bank account also need
    ``holderPhoneNumber`` (Smartro). ``pending_first``: an approval is first PAY_PENDING (PayPal-like).
    ``manual_approval``: the window ends with a token and no money moves until the server confirms.

    ``billing_methods``: what billing keys may hold; ``billing_only_with_payment``: those issued only together with a
    first payment (Inicis, Welcome: MOBILE). ``customer_id_pattern``: the customer id they need; ``billing_customer``:
    what else their window must know of the customer; ``issue_id_pattern``: the issue id they need, None = none;
    ``issue_id_once``: an issue id is good for one window (NaverPay); ``issue_name_required``;
    ``delete_needs_reason`` (NaverPay); ``api_issue``: card data may be sent by API (needs a contract).

    ``identity``: verifies people; ``identity_ci`` and ``identity_phone``: what its contract delivers (Danal: CI and
    phone, carrier, foreigner only by contract).
    """

    key: str
    type: ChannelType
    pg_provider: str
    pg_merchant_id: str
    pay_methods: frozenset[str] = PAY_METHODS
    payment_id_pattern: re.Pattern[str] = ANY_ID
    minimum: int = 1
    currencies: frozenset[str] = _NOTHING
    order_name_bytes: int = 0
    order_name_characters: int = 0
    order_name_cut: bool = False
    pc_window: WindowType | None = None
    mobile_window: WindowType | None = None
    window_customer: frozenset[str] = _NOTHING
    pc_customer: frozenset[str] = _NOTHING
    easy_pay_customer: bool = False
    mobile_product_type: bool = False
    async_cancel: bool = False
    refund_phone: bool = False
    pending_first: bool = False
    manual_approval: bool = False
    billing_methods: frozenset[str] = _NOTHING
    billing_only_with_payment: frozenset[str] = _NOTHING
    billing_customer: frozenset[str] = _NOTHING
    customer_id_pattern: re.Pattern[str] | None = None
    issue_id_pattern: re.Pattern[str] | None = None
    issue_id_once: bool = False
    issue_name_required: bool = False
    delete_needs_reason: bool = False
    api_issue: bool = False
    identity: bool = False
    identity_ci: bool = False
    identity_phone: bool = False

    def body(self) -> dict[str, str]:
        """Return the channel as PortOne prints it (OpenAPI: SelectedChannel)."""
        return {
            "type": self.type,
            "id": f"channel-id-{self.key.removeprefix('channel-key-')}",
            "key": self.key,
            "name": f"{self.key.removeprefix('channel-key-')} ({self.type.lower()})",
            "pgProvider": self.pg_provider,
            "pgMerchantId": self.pg_merchant_id,
        }
