"""Decides the ``method`` object a PG would report for each way to pay (OpenAPI: PaymentMethod)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .clock import SECOND, seconds_text

if TYPE_CHECKING:
    from .identifiers import Identifiers
    from .model import Order

_ACCOUNT_HOURS: Final = 72
# KakaoPay's channel knows its provider; elsewhere the window may say which one.
_PROVIDER_OF_PG: Final = {"KAKAOPAY": "KAKAOPAY", "NAVERPAY": "NAVERPAY", "TOSSPAY_V2": "TOSSPAY"}


def card_method(ids: Identifiers) -> dict[str, Any]:
    """Return a masked Korean credit card."""
    return {
        "type": "PaymentMethodCard",
        "card": {
            "publisher": "SHINHAN_CARD",
            "issuer": "SHINHAN_CARD",
            "brand": "LOCAL",
            "type": "CREDIT",
            "ownerType": "PERSONAL",
            "bin": "433012",
            "name": "Shinhan card",
            "number": "433012******1234",
        },
        "approvalNumber": ids.digits(8),
        "installment": {"month": 0, "isInterestFree": False},
        "pointUsed": False,
    }


def masked_card(number: str) -> dict[str, Any]:
    """Return a card as PortOne shows it: first six and last four digits of ``number``."""
    return {
        "issuer": "SHINHAN_CARD",
        "brand": "LOCAL",
        "type": "CREDIT",
        "ownerType": "PERSONAL",
        "bin": number[:6],
        "name": "Shinhan card",
        "number": f"{number[:6]}{'*' * (len(number) - 10)}{number[-4:]}",
    }


def virtual_account_method(
    ids: Identifiers, now: int, bank: str, expires_at: int | None = None, number: str | None = None
) -> dict[str, Any]:
    """Return an issued account; without ``expires_at`` (nanoseconds) it waits three days for its deposit."""
    return {
        "type": "PaymentMethodVirtualAccount",
        "bank": bank,
        "accountNumber": number or ids.digits(14),
        "accountType": "NORMAL" if number is None else "FIXED",
        "remitteeName": "Simulated shop",
        "issuedAt": seconds_text(now),
        "expiredAt": seconds_text(expires_at or now + _ACCOUNT_HOURS * 3_600 * SECOND),
    }


def paid_method(ids: Identifiers, order: Order, pg_provider: str) -> dict[str, Any] | None:
    """Return the method of an approved payment; None where PortOne would leave it out."""
    match order.pay_method:
        case "CARD":
            return card_method(ids)
        case "EASY_PAY":
            provider = order.easy_pay_provider or _PROVIDER_OF_PG.get(pg_provider, "TOSSPAY")
            return {"type": "PaymentMethodEasyPay", "provider": provider, "easyPayMethod": card_method(ids)}
        case "PAYPAL":
            return {"type": "PaymentMethodEasyPay", "provider": "PAYPAL"}
        case "TRANSFER":
            return {"type": "PaymentMethodTransfer", "bank": "SHINHAN"}
        case "MOBILE":
            return {
                "type": "PaymentMethodMobile",
                "phoneNumber": order.customer.get("phoneNumber", "01000000000"),
            }
        case "GIFT_CERTIFICATE":
            return {
                "type": "PaymentMethodGiftCertificate",
                "giftCertificateType": "CULTURELAND",
                "approvalNumber": ids.digits(8),
            }
        case "CONVENIENCE_STORE":
            return {"type": "PaymentMethodConvenienceStore", "convenienceStoreBrand": "LAWSON"}
        case _:
            return None
