"""Decides which payment channels exist and the manners of the PG behind each (PortOne docs: PG notes)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

ChannelType = Literal["TEST", "LIVE"]

PAY_METHODS: Final = frozenset(
    {"CARD", "VIRTUAL_ACCOUNT", "TRANSFER", "MOBILE", "GIFT_CERTIFICATE", "EASY_PAY", "CONVENIENCE_STORE"}
)

_TOSS_ID: Final = re.compile(r"[A-Za-z0-9\-_=]{6,64}")
_ALPHANUMERIC_40: Final = re.compile(r"[A-Za-z0-9]{1,40}")
ANY_ID: Final = re.compile(r"[!-~]{1,64}")
_TOSS_CUSTOMER: Final = re.compile(r".{2,50}")
_SMARTRO_CUSTOMER: Final = re.compile(r"[A-Za-z0-9]{1,20}")

_CARD: Final = frozenset({"CARD"})
_EASY: Final = frozenset({"EASY_PAY"})
_NOTHING: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel of a store and the manners of the PG behind it.

    ``payment_id_pattern``: the PG's limit on order ids. ``minimum``: smallest total it takes, in minor units.
    ``async_cancel``: a cancellation is first REQUESTED. ``refund_phone``: refunds to a bank account also need
    ``holderPhoneNumber`` (Smartro). ``pending_first``: an approval is first PAY_PENDING (PayPal-like).
    ``manual_approval``: the window ends with a token and no money moves until the server confirms.
    ``billing_methods``: what billing keys may hold; ``customer_id_pattern``: the customer id they need;
    ``issue_name_required`` (KakaoPay); ``delete_needs_reason`` (NaverPay); ``api_issue``: card data may be sent by
    API (needs a contract). ``identity``: verifies people; ``identity_ci`` and ``identity_phone``: what its contract
    delivers (Danal: CI and phone, carrier, foreigner only by contract).
    """

    key: str
    type: ChannelType
    pg_provider: str
    pg_merchant_id: str
    pay_methods: frozenset[str] = PAY_METHODS
    payment_id_pattern: re.Pattern[str] = ANY_ID
    minimum: int = 1
    async_cancel: bool = False
    refund_phone: bool = False
    pending_first: bool = False
    manual_approval: bool = False
    billing_methods: frozenset[str] = _NOTHING
    customer_id_pattern: re.Pattern[str] | None = None
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


def default_channels() -> dict[str, Channel]:
    """Return the channels every simulator starts with, by channel key."""
    channels = (*_toss(), *_other_cards(), *_wallets(), *_identity())
    return {channel.key: channel for channel in channels}


def _toss() -> tuple[Channel, ...]:
    toss = "TOSSPAYMENTS"
    return (
        Channel(
            "channel-key-card",
            "TEST",
            toss,
            "tosstest",
            payment_id_pattern=_TOSS_ID,
            billing_methods=_CARD,
            api_issue=True,
        ),
        Channel("channel-key-vbank", "TEST", toss, "tosstest-va", payment_id_pattern=_TOSS_ID),
        Channel(
            "channel-key-manual",
            "TEST",
            toss,
            "tosstest-manual",
            payment_id_pattern=_TOSS_ID,
            manual_approval=True,
            billing_methods=_CARD,
        ),
        Channel(
            "channel-key-billing",
            "TEST",
            toss,
            "tosstest-billing",
            payment_id_pattern=_TOSS_ID,
            billing_methods=_CARD,
            customer_id_pattern=_TOSS_CUSTOMER,
            api_issue=True,
        ),
        Channel(
            "channel-key-live-card",
            "LIVE",
            toss,
            "tosslive",
            payment_id_pattern=_TOSS_ID,
            billing_methods=_CARD,
        ),
    )


def _other_cards() -> tuple[Channel, ...]:
    return (
        Channel("channel-key-generic", "TEST", "NICE_V2", "nicetest", billing_methods=_CARD),
        Channel(
            "channel-key-kcp",
            "TEST",
            "KCP_V2",
            "kcptest",
            payment_id_pattern=_ALPHANUMERIC_40,
            minimum=1_000,
            billing_methods=_CARD,
        ),
        Channel(
            "channel-key-smartro",
            "TEST",
            "SMARTRO_V2",
            "smartrotest",
            payment_id_pattern=_ALPHANUMERIC_40,
            refund_phone=True,
            billing_methods=_CARD,
            customer_id_pattern=_SMARTRO_CUSTOMER,
        ),
    )


def _wallets() -> tuple[Channel, ...]:
    return (
        Channel(
            "channel-key-easypay",
            "TEST",
            "KAKAOPAY",
            "TC0ONETIME",
            pay_methods=_EASY,
            billing_methods=_EASY,
            issue_name_required=True,
        ),
        Channel(
            "channel-key-naverpay",
            "TEST",
            "NAVERPAY",
            "navertest",
            pay_methods=_EASY,
            billing_methods=_EASY,
            delete_needs_reason=True,
        ),
        Channel("channel-key-async", "TEST", "TRIPLE_A", "triplatest", async_cancel=True),
        Channel(
            "channel-key-paypal",
            "TEST",
            "PAYPAL_V2",
            "paypaltest",
            pay_methods=frozenset({"PAYPAL"}),
            pending_first=True,
            billing_methods=frozenset({"PAYPAL"}),
        ),
    )


def _identity() -> tuple[Channel, ...]:
    # Danal has no test environment (PortOne help centre); the TEST twin lets a sandbox use one kind throughout.
    return (
        Channel("channel-key-danal", "LIVE", "DANAL", "A010002002", pay_methods=_NOTHING, identity=True),
        Channel(
            "channel-key-danal-test",
            "TEST",
            "DANAL",
            "A010002002T",
            pay_methods=_NOTHING,
            identity=True,
            identity_phone=True,
        ),
        Channel(
            "channel-key-danal-ci",
            "TEST",
            "DANAL",
            "A010002003T",
            pay_methods=_NOTHING,
            identity=True,
            identity_ci=True,
            identity_phone=True,
        ),
    )
