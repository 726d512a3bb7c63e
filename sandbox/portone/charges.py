"""Decides what happens to payments started or confirmed by API: billing key, instant, scheduled, manual approval.

Check order (assumed): schedule on the payment id, already paid, parts of the amount, billing key, channel, number of
attempts, then the PG. A refusal of the PG is 502 PG_PROVIDER *and* a FAILED payment (PortOne docs: billing key).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

from .clock import SECOND, parse
from .errors import PortOneError, invalid_request, pg_provider
from .methods import card_method, masked_card
from .model import PAID_STATUSES, Order
from .money import vat_of
from .pg_rules import order_refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from .assumptions import Assumptions
    from .billing import BillingKey
    from .channels import Channel
    from .faults import Fault
    from .inputs_charges import AccountMethodInput, ConfirmInput, CredentialInput, OrderInput
    from .model import Attempt, Payment
    from .store import Store

WAITING: Final = frozenset({"VIRTUAL_ACCOUNT_ISSUED", "PAY_PENDING"})
# Required by OpenAPI: PaymentOrigin; which address PortOne shows for API payments is not documented.
_API_ORIGIN: Final = {"platformType": "API", "ipAddress": "127.0.0.1"}
_KST: Final = timezone(timedelta(hours=9))


def order_of(body: OrderInput, pay_method: str, **more: Any) -> Order:
    """Return what an API payment asks for."""
    return Order(
        name=body.orderName,
        total=body.amount.total,
        tax_free=body.amount.taxFree,
        currency=body.currency,
        pay_method=pay_method,
        customer=body.customer.body(),
        custom_data=body.customData,
        notice_urls=tuple(body.noticeUrls),
        easy_pay_provider=None,
        origin=dict(_API_ORIGIN),
        products=tuple(product.model_dump(exclude_none=True) for product in body.products),
        product_count=body.productCount,
        country=body.country,
        **more,
    )


def check_amounts(body: OrderInput) -> None:
    """Raise SUM_OF_PARTS_EXCEEDS_TOTAL_AMOUNT when tax-free part and VAT exceed the total."""
    amounts = body.amount
    vat = vat_of(amounts.total, min(amounts.taxFree, amounts.total)) if amounts.vat is None else amounts.vat
    if amounts.taxFree + vat > amounts.total:
        raise PortOneError("SUM_OF_PARTS_EXCEEDS_TOTAL_AMOUNT", "amount: taxFree + vat exceed total")


def check_new_attempt(store: Store, payment_id: str) -> None:
    """Raise unless another API attempt may start under this payment id."""
    store.planner.check_free(payment_id)
    payment = store.ledger.payments.get(payment_id)
    if payment is None:
        return
    if payment.shown.status in PAID_STATUSES:
        raise PortOneError("ALREADY_PAID", f"payment {payment_id} is already paid; use a new paymentId")
    if payment.shown.status in WAITING:
        raise invalid_request(f"paymentId: {payment_id} is {payment.shown.status}")


def check_attempt_count(store: Store, payment_id: str) -> None:
    """Raise MAX_TRANSACTION_COUNT_REACHED when the payment id has had all its attempts."""
    payment = store.ledger.payments.get(payment_id)
    most = store.ledger.rules.max_attempts
    if payment is not None and len(payment.attempts) >= most:
        raise PortOneError("MAX_TRANSACTION_COUNT_REACHED", f"payment {payment_id} has had {most} attempts")


def charge(
    store: Store,
    payment_id: str,
    channel: Channel,
    order: Order,
    card: dict[str, Any] | None,
    pg_fault: Callable[[], Fault | None],
    *,
    key: BillingKey | None = None,
    skip_webhook: bool = False,
) -> Attempt:
    """Charge now: the payment ends PAID (PAY_PENDING on a pending-first channel) or FAILED.

    Raises PG_PROVIDER after booking the failure.
    """
    ledger = store.ledger
    payment, attempt = ledger.start(payment_id, channel, order)
    refusal = _refusal(payment_id, channel, order, key, pg_fault)
    if refusal is not None:
        ledger.refuse(payment, attempt, *refusal)
        raise pg_provider(*refusal)
    if channel.pending_first:
        ledger.hold_pending(payment, attempt)
        return attempt
    attempt.method = method_of(store, order, key, card)
    ledger.paid(payment, attempt, None, skip_webhook=skip_webhook)
    return attempt


def _refusal(
    payment_id: str,
    channel: Channel,
    order: Order,
    key: BillingKey | None,
    pg_fault: Callable[[], Fault | None],
) -> tuple[str, str] | None:
    fault = pg_fault()
    if fault is not None:
        return fault.pg_code, fault.pg_message
    if key is not None and key.refusals:
        return key.refusals.pop(0)
    return order_refusal(channel, payment_id, order.total, order.currency, order.name)


def method_of(
    store: Store, order: Order, key: BillingKey | None, card: dict[str, Any] | None
) -> dict[str, Any]:
    """Return the ``method`` of a paid API payment."""
    if key is None or order.pay_method == "CARD":
        stored = key.card if key is not None else card
        method = card_method(store.ids)
        return (
            method
            if stored is None
            else {**method, "card": {"publisher": stored.get("issuer", ""), **stored}}
        )
    if order.pay_method == "MOBILE":
        return {"type": "PaymentMethodMobile"}
    method = {"type": "PaymentMethodEasyPay", "provider": key.provider}
    return method if key.provider == "PAYPAL" else {**method, "easyPayMethod": card_method(store.ids)}


def issue_account(
    store: Store,
    payment_id: str,
    channel: Channel,
    order: Order,
    account: AccountMethodInput,
    pg_fault: Callable[[], Fault | None],
    *,
    skip_webhook: bool,
) -> Attempt:
    """Issue a virtual account by API: VIRTUAL_ACCOUNT_ISSUED, or FAILED with PG_PROVIDER."""
    ledger = store.ledger
    order = replace(order, account_expires_at=_expiry(account, ledger.clock.now()))
    payment, attempt = ledger.start(payment_id, channel, order)
    refusal = _refusal(payment_id, channel, order, None, pg_fault)
    if refusal is not None:
        ledger.refuse(payment, attempt, *refusal)
        raise pg_provider(*refusal)
    fixed = account.option.fixed
    number = fixed.accountNumber if fixed is not None and account.option.type == "FIXED" else None
    ledger.account_issued(payment, attempt, account.bank, number=number, skip_webhook=skip_webhook)
    return attempt


def _expiry(account: AccountMethodInput, now: int) -> int:
    hours, due = account.expiry.validHours, account.expiry.dueDate
    if (hours is None) == (due is None):
        raise invalid_request("method.virtualAccount.expiry: give validHours or dueDate, not both")
    try:
        moment = now + (hours or 0) * 3_600 * SECOND if due is None else parse(due)
    except ValueError as failure:
        raise invalid_request(f"method.virtualAccount.expiry.dueDate: {failure}") from failure
    if moment <= now:
        raise invalid_request("method.virtualAccount.expiry.dueDate: is in the past")
    return moment


def masked(credential: CredentialInput, now: int) -> dict[str, Any]:
    """Return the masked card of a credential; raises PG_PROVIDER for one no issuer would take."""
    today = datetime.fromtimestamp(now // SECOND, _KST)
    ends = (2000 + int(credential.expiryYear), int(credential.expiryMonth))
    if not 13 <= len(credential.number) <= 19:
        raise pg_provider("INVALID_CARD_NUMBER", "the card number has 13 to 19 digits")
    if ends < (today.year, today.month):
        raise pg_provider("INVALID_CARD_EXPIRATION", "the card has expired")
    return masked_card(credential.number)


def confirm(
    store: Store, payment: Payment, body: ConfirmInput, pg_fault: Callable[[], Fault | None]
) -> Attempt:
    """Let a manually approved payment proceed (OpenAPI: confirmPayment).

    Raises ALREADY_PAID, INVALID_PAYMENT_TOKEN, INFORMATION_MISMATCH (naming the field), PG_PROVIDER with a FAILED
    payment; in that order (assumed).
    """
    ledger = store.ledger
    if payment.shown.status in PAID_STATUSES:
        raise PortOneError("ALREADY_PAID", f"payment {payment.id} is already paid")
    attempt = payment.shown
    if (
        attempt.payment_token is None
        or attempt.payment_token != body.paymentToken
        or attempt.status != "READY"
    ):
        raise PortOneError("INVALID_PAYMENT_TOKEN", "paymentToken: is not the token of the open attempt")
    order = attempt.order
    check_information(
        ("txId", body.txId, attempt.transaction_id),
        ("currency", body.currency, order.currency),
        ("totalAmount", body.totalAmount, order.total),
        ("taxFreeAmount", body.taxFreeAmount, order.tax_free),
        ("isTest", body.isTest, attempt.channel.type == "TEST"),
    )
    attempt.payment_token = None
    # The token was handed out by the last change of a READY attempt.
    refusal = approval_refusal(ledger.rules, attempt.updated_at, ledger.clock.now(), pg_fault)
    if refusal is not None:
        ledger.refuse(payment, attempt, *refusal)
        raise pg_provider(*refusal)
    ledger.confirmed(payment, attempt, skip_webhook=body.skipWebhook)
    return attempt


def approval_refusal(
    rules: Assumptions, handed_at: int, now: int, pg_fault: Callable[[], Fault | None]
) -> tuple[str, str] | None:
    """Return why the PG does not take an approval, (code, message): on command, or because its session is over."""
    fault = pg_fault()
    if fault is not None:
        return fault.pg_code, fault.pg_message
    if now > handed_at + round(rules.approval_minutes * 60 * SECOND):
        return "APPROVAL_TIMED_OUT", "승인 가능한 시간이 지났습니다."
    return None


def check_information(*triples: tuple[str, Any, Any]) -> None:
    """Raise INFORMATION_MISMATCH for the first (name, sent, actual) whose sent value differs; None = not sent."""
    for name, sent, actual in triples:
        if sent is not None and sent != actual:
            raise PortOneError("INFORMATION_MISMATCH", f"{name}: {sent} was sent, the attempt has {actual}")
