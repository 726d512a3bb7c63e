"""Decides the JSON PortOne prints for payments, cancellations and payment events (OpenAPI types of those names)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .clock import nanos_text, seconds_text
from .model import PAID_STATUSES
from .money import vat_of

if TYPE_CHECKING:
    from .assumptions import Assumptions
    from .model import Attempt, Cancellation, Dispute, Payment


def payment_bytes(payment: Payment, rules: Assumptions) -> bytes:
    """Return the bytes of GET payment, rendered again only after a change."""
    if payment.rendered is None:
        payment.rendered = json.dumps(payment_body(payment, rules), ensure_ascii=False).encode()
    return payment.rendered


def payment_body(payment: Payment, rules: Assumptions) -> dict[str, Any]:
    """Return a payment in the variant of its status."""
    attempt = payment.shown
    body: dict[str, Any] = {
        "status": attempt.status,
        "id": payment.id,
        "transactionId": attempt.transaction_id,
        "merchantId": payment.merchant_id,
        "storeId": payment.store_id,
    }
    body |= _channel_fields(attempt, rules)
    if payment.messages:
        most = len(rules.webhook_waits_minutes)
        body["webhooks"] = [message.portone_body(most) for message in payment.messages]
    body |= _times(attempt)
    body |= _order_fields(attempt)
    body["amount"] = amount_body(attempt)
    body |= _status_fields(attempt)
    if rules.unknown_fields:
        body["simulatorUnknownField"] = {"nested": [1, None, "text"]}
    return body


def transaction_body(payment: Payment, attempt: Attempt, rules: Assumptions) -> dict[str, Any]:
    """Return one attempt (OpenAPI: PaymentTransaction): no origin, and PAID has no disputes or cancellations."""
    body: dict[str, Any] = {
        "status": attempt.status,
        "id": attempt.transaction_id,
        "paymentId": payment.id,
        "merchantId": payment.merchant_id,
        "storeId": payment.store_id,
        **_channel_fields(attempt, rules),
        **_times(attempt),
        **_order_fields(attempt),
        "amount": amount_body(attempt),
        **_status_fields(attempt),
    }
    del body["origin"]
    if attempt.status == "PAID":
        body.pop("disputes", None)
        body.pop("cancellations", None)
    return body


def _channel_fields(attempt: Attempt, rules: Assumptions) -> dict[str, Any]:
    fields: dict[str, Any] = {"version": "V2"}
    if attempt.method is not None:
        fields["method"] = attempt.method
    if attempt.status != "READY" or rules.channel_on_ready:
        fields["channel"] = attempt.channel.body()
    if attempt.order.schedule_id is not None:
        fields["scheduleId"] = attempt.order.schedule_id
    if attempt.order.billing_key is not None:
        fields["billingKey"] = attempt.order.billing_key
    return fields


def _times(attempt: Attempt) -> dict[str, str]:
    return {
        "requestedAt": seconds_text(attempt.requested_at),
        "updatedAt": nanos_text(attempt.updated_at),
        "statusChangedAt": seconds_text(attempt.status_changed_at),
    }


def _order_fields(attempt: Attempt) -> dict[str, Any]:
    order = attempt.order
    fields: dict[str, Any] = {
        "orderName": order.name,
        "currency": order.currency,
        "customer": order.customer,
        "origin": order.origin,
    }
    if order.custom_data is not None:
        fields["customData"] = order.custom_data
    if order.products:
        fields["products"] = list(order.products)
    if order.product_count is not None:
        fields["productCount"] = order.product_count
    if order.country is not None:
        fields["country"] = order.country
    return fields


def _status_fields(attempt: Attempt) -> dict[str, Any]:
    if attempt.status == "READY":
        return {}
    fields: dict[str, Any] = {}
    if attempt.status == "FAILED":
        return {
            "failedAt": seconds_text(attempt.failed_at or attempt.updated_at),
            "failure": attempt.failure or {},
        }
    if attempt.pg_tx_id is not None:
        fields["pgTxId"] = attempt.pg_tx_id
    if attempt.status not in PAID_STATUSES:
        return fields
    fields["paidAt"] = seconds_text(attempt.paid_at or attempt.updated_at)
    if attempt.receipt_url is not None:
        fields["receiptUrl"] = attempt.receipt_url
    if attempt.status == "PAID":
        # Disputes are required on PAID and absent from the cancelled variants (OpenAPI).
        fields["disputes"] = [dispute_body(dispute) for dispute in attempt.disputes]
    else:
        fields["cancelledAt"] = seconds_text(attempt.cancelled_at or attempt.updated_at)
    if attempt.cancellations or attempt.status != "PAID":
        fields["cancellations"] = [cancellation_body(entry) for entry in attempt.cancellations]
    return fields


def amount_body(attempt: Attempt) -> dict[str, int]:
    """Return PaymentAmount; ``paid`` stays total - discount in every status (inferred), so it proves nothing."""
    order = attempt.order
    vat = vat_of(order.total, order.tax_free)
    cancelled, cancelled_tax_free = attempt.cancelled
    return {
        "total": order.total,
        "taxFree": order.tax_free,
        "vat": vat,
        "supply": order.total - order.tax_free - vat,
        "discount": attempt.discount,
        "paid": order.total - attempt.discount,
        "cancelled": cancelled,
        "cancelledTaxFree": cancelled_tax_free,
    }


def cancellation_body(entry: Cancellation) -> dict[str, Any]:
    """Return PaymentCancellation in the variant of its status."""
    body: dict[str, Any] = {
        "status": entry.status,
        "id": entry.id,
        "pgCancellationId": entry.pg_cancellation_id,
        "totalAmount": entry.amount,
        "taxFreeAmount": entry.tax_free,
        "vatAmount": entry.vat,
        "reason": entry.reason,
        "requestedAt": seconds_text(entry.requested_at),
        "trigger": entry.trigger,
    }
    if entry.cancelled_at is not None:
        body["cancelledAt"] = seconds_text(entry.cancelled_at)
    return body


def dispute_body(dispute: Dispute) -> dict[str, Any]:
    """Return Dispute."""
    body: dict[str, Any] = {
        "status": "UNRESOLVED" if dispute.resolved_at is None else "RESOLVED",
        "pgDisputeId": dispute.id,
        "reason": dispute.reason,
        "createdAt": seconds_text(dispute.created_at),
    }
    if dispute.resolved_at is not None:
        body["resolvedAt"] = seconds_text(dispute.resolved_at)
    return body


def event_body(
    payment: Payment, attempt: Attempt, event_id: str, created_at: int, entry: Cancellation | None
) -> dict[str, Any]:
    """Return PaymentEvent: PAID without ``entry``, else the cancellation; amounts as they are at this moment."""
    body: dict[str, Any] = {
        "type": attempt.status if entry is not None else "PAID",
        "id": event_id,
        "paymentId": payment.id,
        "transactionId": attempt.transaction_id,
        "merchantId": payment.merchant_id,
        "storeId": payment.store_id,
        "channel": attempt.channel.body(),
        "version": "V2",
        "requestedAt": seconds_text(attempt.requested_at),
        "createdAt": nanos_text(created_at),
        **_order_fields(attempt),
        "totalAmount": amount_body(attempt),
        "eventAmount": -entry.amount if entry is not None else attempt.order.total,
    }
    if attempt.method is not None:
        body["method"] = dict(attempt.method)
    if attempt.pg_tx_id is not None:
        body["pgTxId"] = attempt.pg_tx_id
    if entry is None:
        body["disputes"] = []
    else:
        body["cancellation"] = cancellation_body(entry)
    return body
