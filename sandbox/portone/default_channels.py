"""Decides which channels every simulator starts with: one for each manner worth trying (PortOne docs: PG notes)."""

from __future__ import annotations

import re
from typing import Final

from .channels import Channel

_TOSS_ID: Final = re.compile(r"[A-Za-z0-9\-_=]{6,64}")
_ALPHANUMERIC_40: Final = re.compile(r"[A-Za-z0-9]{1,40}")
_ASCII: Final = re.compile(r"[ -~]+")
_TOSS_CUSTOMER: Final = re.compile(r".{2,50}")
_SMARTRO_CUSTOMER: Final = re.compile(r"[A-Za-z0-9]{1,20}")

_CARD: Final = frozenset({"CARD"})
_EASY: Final = frozenset({"EASY_PAY"})
_MOBILE: Final = frozenset({"MOBILE"})
_WON: Final = frozenset({"KRW"})
_WON_AND_DOLLARS: Final = frozenset({"KRW", "USD"})
_NOTHING: Final[frozenset[str]] = frozenset()


def default_channels() -> dict[str, Channel]:
    """Return the channels every simulator starts with, by channel key."""
    channels = (*_toss(), *_other_cards(), *_inicis(), *_wallets(), *_foreign(), *_identity())
    return {channel.key: channel for channel in channels}


def _toss() -> tuple[Channel, ...]:
    def toss(name: str, merchant: str, **manners: bool | frozenset[str] | re.Pattern[str]) -> Channel:
        return Channel(
            f"channel-key-{name}",
            "LIVE" if name.startswith("live-") else "TEST",
            "TOSSPAYMENTS",
            merchant,
            payment_id_pattern=_TOSS_ID,
            order_name_characters=100,
            **manners,  # type: ignore[arg-type]  # each name has the field's own type
        )

    return (
        toss("card", "tosstest", billing_methods=_CARD, api_issue=True),
        toss("vbank", "tosstest-va"),
        toss("manual", "tosstest-manual", manual_approval=True, billing_methods=_CARD),
        toss(
            "billing",
            "tosstest-billing",
            billing_methods=_CARD,
            customer_id_pattern=_TOSS_CUSTOMER,
            api_issue=True,
        ),
        toss("live-card", "tosslive", billing_methods=_CARD),
    )


def _other_cards() -> tuple[Channel, ...]:
    return (
        Channel(
            "channel-key-generic",
            "TEST",
            "NICE_V2",
            "nicetest",
            order_name_bytes=40,
            billing_methods=_CARD,
        ),
        Channel(
            "channel-key-kcp",
            "TEST",
            "KCP_V2",
            "kcptest",
            payment_id_pattern=_ALPHANUMERIC_40,
            minimum=1_000,
            order_name_bytes=100,
            billing_methods=_CARD,
        ),
        Channel(
            "channel-key-smartro",
            "TEST",
            "SMARTRO_V2",
            "smartrotest",
            payment_id_pattern=_ALPHANUMERIC_40,
            currencies=_WON_AND_DOLLARS,
            order_name_bytes=40,
            window_customer=frozenset({"phoneNumber"}),
            easy_pay_customer=True,
            mobile_product_type=True,
            refund_phone=True,
            billing_methods=_CARD,
            customer_id_pattern=_SMARTRO_CUSTOMER,
            issue_id_pattern=re.compile(r"[A-Za-z0-9]+"),
            api_issue=True,
        ),
    )


def _inicis() -> tuple[Channel, ...]:
    person = frozenset({"name", "phoneNumber", "email"})
    return (
        Channel(
            "channel-key-inicis",
            "TEST",
            "INICIS_V2",
            "INIpayTest",
            payment_id_pattern=_ASCII,
            currencies=_WON_AND_DOLLARS,
            order_name_bytes=40,
            order_name_cut=True,
            pc_customer=person,
            mobile_product_type=True,
            billing_methods=_CARD | _MOBILE,
            billing_only_with_payment=_MOBILE,
            billing_customer=person,
            issue_id_pattern=_ASCII,
            issue_name_required=True,
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
            currencies=_WON,
            order_name_characters=100,
            pc_window="IFRAME",
            mobile_window="REDIRECTION",
            billing_methods=_EASY,
            issue_name_required=True,
        ),
        Channel(
            "channel-key-naverpay",
            "TEST",
            "NAVERPAY",
            "navertest",
            pay_methods=_EASY,
            minimum=100,
            currencies=_WON,
            order_name_characters=128,
            pc_window="POPUP",
            mobile_window="REDIRECTION",
            billing_methods=_EASY,
            issue_id_pattern=re.compile(r".+"),
            issue_id_once=True,
            issue_name_required=True,
            delete_needs_reason=True,
        ),
    )


def _foreign() -> tuple[Channel, ...]:
    return (
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
    def danal(name: str, merchant: str, *, ci: bool = False, phone: bool = False) -> Channel:
        return Channel(
            f"channel-key-{name}",
            "LIVE" if name == "danal" else "TEST",
            "DANAL",
            merchant,
            pay_methods=_NOTHING,
            identity=True,
            identity_ci=ci,
            identity_phone=phone,
        )

    return (
        danal("danal", "A010002002"),
        danal("danal-test", "A010002002T", phone=True),
        danal("danal-ci", "A010002003T", ci=True, phone=True),
    )
