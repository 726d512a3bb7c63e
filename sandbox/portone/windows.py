"""Decides whether the browser's payment window opens, and what the browser SDK is told.

Browser SDK: requestPayment. A refusal is an object with ``code``; its absence does not prove a payment.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from .model import PAID_STATUSES, Order

if TYPE_CHECKING:
    from .config import Channel
    from .control_inputs import WindowInput
    from .payments import Ledger

# Browser SDK customer -> REST customer (PortOne docs: fullName against name, customerId against id).
_CUSTOMER_FIELDS: Final = {
    "customerId": "id",
    "fullName": "name",
    "phoneNumber": "phoneNumber",
    "email": "email",
    "birthYear": "birthYear",
    "birthMonth": "birthMonth",
    "birthDay": "birthDay",
    "gender": "gender",
    "zipcode": "zipcode",
}


def open_window(
    ledger: Ledger, channels: dict[str, Channel], store_id: str, window: WindowInput
) -> dict[str, Any]:
    """Open the window (READY, Transaction.Ready) or return the SDK's refusal with ``code`` and ``message``."""
    refusal = _refusal(ledger, channels, store_id, window)
    if refusal is not None:
        return {"transactionType": "PAYMENT", "paymentId": window.paymentId, **refusal}
    attempt = ledger.open(window.paymentId, channels[window.channelKey], _order(window))
    return {"transactionType": "PAYMENT", "paymentId": window.paymentId, "txId": attempt.transaction_id}


def _refusal(
    ledger: Ledger, channels: dict[str, Channel], store_id: str, window: WindowInput
) -> dict[str, str] | None:
    if window.storeId != store_id:
        return _code("StoreNotFound", f"storeId: {window.storeId} is not a store here")
    channel = channels.get(window.channelKey)
    if channel is None:
        return _code("ChannelNotFound", f"channelKey: {window.channelKey} is not a channel of this store")
    if window.taxFreeAmount > window.totalAmount:
        return _code("RequestParseFailed", "taxFreeAmount: is more than totalAmount")
    payment = ledger.payments.get(window.paymentId)
    if payment is not None and payment.shown.status in PAID_STATUSES:
        return _code("PaymentAlreadyPaid", "paymentId: is already paid; use a new one")
    if payment is not None and payment.shown.status in ("VIRTUAL_ACCOUNT_ISSUED", "PAY_PENDING"):
        return _code("InvalidEntityState", f"paymentId: is {payment.shown.status}")
    if payment is not None and len(payment.attempts) >= ledger.rules.max_attempts:
        return _code(
            "InvalidEntityState", f"paymentId: has had {ledger.rules.max_attempts} attempts; use a new one"
        )
    return _mismatch(ledger, window) or _pg_refusal(channel, window)


def _mismatch(ledger: Ledger, window: WindowInput) -> dict[str, str] | None:
    fixed = ledger.pre_registered.get(window.paymentId)
    if fixed is None:
        if ledger.rules.window_needs_pre_registration:
            return _code("PaymentNotFound", "paymentId: was not pre-registered")
        return None
    asked = (window.totalAmount, window.taxFreeAmount, _currency(window))
    for name, wanted, given in zip(
        ("totalAmount", "taxFreeAmount", "currency"),
        (fixed.total, fixed.tax_free, fixed.currency),
        asked,
        strict=True,
    ):
        if wanted is not None and wanted != given:
            return _code(
                ledger.rules.window_mismatch_code, f"{name}: {given} was asked, {wanted} was pre-registered"
            )
    return None


def _pg_refusal(channel: Channel, window: WindowInput) -> dict[str, str] | None:
    problem = None
    if window.payMethod not in channel.pay_methods:
        problem = f"payMethod: {window.payMethod} is not offered by {channel.pg_provider}"
    elif channel.payment_id_pattern.fullmatch(window.paymentId) is None:
        problem = f"paymentId: {channel.pg_provider} takes only {channel.payment_id_pattern.pattern}"
    if problem is None:
        return None
    return {"code": "FAILURE_TYPE_PG", "message": problem, "pgCode": "INVALID_REQUEST", "pgMessage": problem}


def _order(window: WindowInput) -> Order:
    customer = {
        rest: window.customer[sdk] for sdk, rest in _CUSTOMER_FIELDS.items() if window.customer.get(sdk)
    }
    origin = {"platformType": "PC", "ipAddress": window.ipAddress, "userAgent": window.userAgent}
    if window.url is not None:
        origin["url"] = window.url
    return Order(
        name=window.orderName,
        total=window.totalAmount,
        tax_free=window.taxFreeAmount,
        currency=_currency(window),
        pay_method=window.payMethod,
        customer=customer,
        # A JSON value in the SDK, text in REST.
        custom_data=None if window.customData is None else json.dumps(window.customData, ensure_ascii=False),
        notice_urls=tuple(window.noticeUrls),
        easy_pay_provider=window.easyPayProvider,
        origin=origin,
    )


def _currency(window: WindowInput) -> str:
    return window.currency.removeprefix("CURRENCY_")


def _code(code: str, message: str) -> dict[str, str]:
    return {"code": code, "message": message}
