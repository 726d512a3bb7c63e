"""Decides whether the browser's payment window opens, and what the browser SDK is told.

Browser SDK: requestPayment. A refusal is an object with ``code``; its absence does not prove a payment.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

from .clock import SECOND
from .model import PAID_STATUSES, Order
from .pg_rules import order_name_of, order_refusal, window_refusal

if TYPE_CHECKING:
    from .channels import Channel
    from .control_inputs import WindowInput
    from .payments import Ledger
    from .store import Store

_KST: Final = timezone(timedelta(hours=9))
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


def open_window(stores: dict[str, Store], window: WindowInput) -> dict[str, Any]:
    """Open the window (READY, Transaction.Ready) or return the SDK's refusal with ``code`` and ``message``."""
    store = stores.get(window.storeId)
    if store is None:
        refusal: dict[str, str] | None = _code(
            "StoreNotFound", f"storeId: {window.storeId} is not a store here"
        )
    else:
        refusal = _refusal(store.ledger, store.channels, window)
    if refusal is not None or store is None:
        return {"transactionType": "PAYMENT", "paymentId": window.paymentId, **(refusal or {})}
    channel = store.channels[window.channelKey]
    order = order_of_window(window, channel, store.clock.now())
    attempt = store.ledger.open(window.paymentId, channel, order)
    return {"transactionType": "PAYMENT", "paymentId": window.paymentId, "txId": attempt.transaction_id}


def _refusal(ledger: Ledger, channels: dict[str, Channel], window: WindowInput) -> dict[str, str] | None:
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
    refused = order_refusal(
        channel, window.paymentId, window.totalAmount, _currency(window), window.orderName
    )
    if refused is not None:
        return pg_code(*refused)
    problem = window_refusal(channel, window, rest_customer(window.customer))
    return None if problem is None else pg_code("INVALID_REQUEST", problem)


def order_of_window(window: WindowInput, channel: Channel, now: int, billing_key: str | None = None) -> Order:
    """Return what a window asks for, in REST form; ``now`` in nanoseconds."""
    origin = {"platformType": "PC", "ipAddress": window.ipAddress, "userAgent": window.userAgent}
    if window.url is not None:
        origin["url"] = window.url
    return Order(
        name=order_name_of(channel, window.orderName),
        total=window.totalAmount,
        tax_free=window.taxFreeAmount,
        currency=_currency(window),
        pay_method=window.payMethod,
        customer=rest_customer(window.customer),
        # A JSON value in the SDK, text in REST.
        custom_data=custom_text(window.customData),
        notice_urls=tuple(window.noticeUrls),
        easy_pay_provider=window.easyPayProvider,
        origin=origin,
        confirm_url=window.confirmUrl,
        account_expires_at=_account_end(window.virtualAccount, now),
        billing_key=billing_key,
    )


def rest_customer(customer: dict[str, Any]) -> dict[str, Any]:
    """Return the browser SDK's customer in REST form."""
    fields = {rest: customer[sdk] for sdk, rest in _CUSTOMER_FIELDS.items() if customer.get(sdk)}
    if "name" not in fields and customer.get("firstName") and customer.get("lastName"):
        fields["name"] = f"{customer['lastName']}{customer['firstName']}"
    return fields


def custom_text(value: Any) -> str | None:
    """Return customData as REST shows it: a JSON value in the SDK is text there."""
    return None if value is None else json.dumps(value, ensure_ascii=False)


def pg_code(pg_code: str, message: str) -> dict[str, str]:
    """Return the fields by which the browser SDK reports a refusal of the PG."""
    return {"code": "FAILURE_TYPE_PG", "message": message, "pgCode": pg_code, "pgMessage": message}


def _account_end(account: dict[str, Any], now: int) -> int | None:
    expiry = account.get("accountExpiry") or {}
    if expiry.get("validHours"):
        return now + int(expiry["validHours"]) * 3_600 * SECOND
    digits = re.sub(r"\D", "", str(expiry.get("dueDate") or ""))
    if len(digits) not in (8, 14):
        return None
    # A day without a time means its end; local time is Korea's (inferred).
    moment = datetime.strptime(digits.ljust(14, "0"), "%Y%m%d%H%M%S").replace(tzinfo=_KST)
    return int(moment.timestamp()) * SECOND + (0 if len(digits) == 14 else 86_399 * SECOND)


def _currency(window: WindowInput) -> str:
    return window.currency.removeprefix("CURRENCY_")


def _code(code: str, message: str) -> dict[str, str]:
    return {"code": code, "message": message}
