"""Decides the JSON PortOne prints for billing keys, schedules and identity verifications (OpenAPI types)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .clock import nanos_text, seconds_text
from .money import vat_of
from .persons import verified_customer

if TYPE_CHECKING:
    from .billing import BillingKey
    from .identity import Verification
    from .schedules import Schedule
    from .store import Store


def billing_key_body(store: Store, entry: BillingKey) -> dict[str, Any]:
    """Return BillingKeyInfo in the variant of its status (ISSUED or DELETED)."""
    request = entry.request
    body: dict[str, Any] = {
        "status": entry.status,
        "billingKey": entry.key,
        "merchantId": store.merchant_id,
        "storeId": store.id,
        "methods": [_key_method(entry)],
        "channels": [channel.body() for channel in entry.channels],
        "customer": request.customer,
        "requestedAt": seconds_text(entry.requested_at),
        "issuedAt": seconds_text(entry.issued_at or entry.requested_at),
    }
    if entry.group is not None:
        test = entry.channels[0].type == "TEST"
        body["channelGroup"] = {"id": entry.group, "name": entry.group, "isForTest": test}
    optional = {
        "customData": request.custom_data,
        "issueId": request.issue_id,
        "issueName": request.issue_name,
        "deletedAt": None if entry.deleted_at is None else seconds_text(entry.deleted_at),
    }
    return body | {name: value for name, value in optional.items() if value is not None}


def _key_method(entry: BillingKey) -> dict[str, Any]:
    match entry.request.method:
        case "EASY_PAY":
            return {
                "type": "BillingKeyPaymentMethodEasyPay",
                "provider": entry.provider,
                "method": {"type": "BillingKeyPaymentMethodCard", "card": entry.card},
            }
        case "MOBILE":
            return {"type": "BillingKeyPaymentMethodMobile"}
        case "PAYPAL":
            return {"type": "BillingKeyPaymentMethodPaypal"}
        case _:
            return {"type": "BillingKeyPaymentMethodCard", "card": entry.card}


def schedule_body(store: Store, schedule: Schedule) -> dict[str, Any]:
    """Return PaymentSchedule in the variant of its status."""
    order = schedule.order
    vat = vat_of(order.total, order.tax_free) if schedule.vat is None else schedule.vat
    body: dict[str, Any] = {
        "status": store.planner.status(schedule),
        "id": schedule.id,
        "merchantId": store.merchant_id,
        "storeId": store.id,
        "paymentId": schedule.payment_id,
        "billingKey": schedule.billing_key,
        "orderName": order.name,
        "isCulturalExpense": False,
        "isEscrow": False,
        "customer": order.customer,
        "customData": order.custom_data or "",
        "totalAmount": order.total,
        "taxFreeAmount": order.tax_free,
        "vatAmount": vat,
        "currency": order.currency,
        "createdAt": seconds_text(schedule.created_at),
        "timeToPay": seconds_text(schedule.time_to_pay),
    }
    if schedule.installment is not None:
        body["installmentMonth"] = schedule.installment
    if order.notice_urls:
        body["noticeUrls"] = list(order.notice_urls)
    if order.products:
        body["products"] = list(order.products)
    for name, moment in (
        ("startedAt", schedule.started_at),
        ("completedAt", schedule.completed_at),
        ("revokedAt", schedule.revoked_at),
    ):
        if moment is not None:
            body[name] = seconds_text(moment)
    return body


def identity_body(entry: Verification) -> dict[str, Any]:
    """Return IdentityVerification in the variant of its status."""
    customer = entry.request.customer
    body: dict[str, Any] = {"status": entry.status, "id": entry.id, "channel": entry.channel.body()}
    if entry.person is None:
        body["requestedCustomer"] = customer
    else:
        body["verifiedCustomer"] = verified_customer(entry.person, entry.channel, customer.get("id"))
    if entry.request.custom_data is not None:
        body["customData"] = entry.request.custom_data
    body |= {
        "requestedAt": seconds_text(entry.requested_at),
        "updatedAt": nanos_text(entry.updated_at),
        "statusChangedAt": seconds_text(entry.status_changed_at),
        "version": "V2",
    }
    if entry.failure is not None:
        body["failure"] = entry.failure
    if entry.pg_tx_id is not None:
        body["pgTxId"] = entry.pg_tx_id
    if entry.verified_at is not None:
        # As sensitive as the CI: the PG's own answer, name and DI included.
        raw = f"RETURNCODE=0000&NAME={entry.person.name if entry.person else ''}"
        body |= {"verifiedAt": seconds_text(entry.verified_at), "pgRawResponse": raw}
    return body
