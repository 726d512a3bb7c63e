"""Decides what one webhook message is: a fixed id and body, and the attempts to deliver it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from .clock import nanos_text, seconds_text

if TYPE_CHECKING:
    from .channels import ChannelType

State = Literal["held", "scheduled", "sending", "succeeded", "failed", "dropped"]
DeliveryStatus = Literal["SUCCEEDED", "FAILED_NOT_OK_RESPONSE", "FAILED_UNEXPECTED_ERROR"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt: when, what was sent, what came back; ``status`` None = no reply, then ``error`` says why."""

    number: int
    sent_at: int
    responded_at: int
    headers: dict[str, str]
    status: int | None
    response_headers: str
    response_body: str
    error: str | None

    def body(self) -> dict[str, Any]:
        """Return the control API's form."""
        return {
            "number": self.number,
            "sentAt": nanos_text(self.sent_at),
            "headers": self.headers,
            "status": self.status,
            "body": self.response_body,
            "error": self.error,
        }


@dataclass(slots=True)
class Message:
    """A webhook to one address. ``id`` and ``raw`` never change over re-sends, timestamp and signature do."""

    id: str
    type: str
    raw: bytes
    url: str
    environment: ChannelType
    payment_id: str | None
    payment_status: str | None
    created_at: int
    delivery_id: str
    store_id: str
    content_type: str = "application/json"
    billing_key: str | None = None
    trigger: str | None = None
    state: State = "scheduled"
    due_at: int | None = None
    automatic: int = 0
    manual: int = 0
    attempts: list[Delivery] = field(default_factory=list)
    outcome: DeliveryStatus | None = None

    def control_body(self) -> dict[str, Any]:
        """Return ``{id, type, body, attempts, status, …}`` for the control API."""
        return {
            "id": self.id,
            "type": self.type,
            "body": self.raw.decode(),
            "url": self.url,
            "paymentId": self.payment_id,
            "billingKey": self.billing_key,
            "contentType": self.content_type,
            "createdAt": nanos_text(self.created_at),
            "dueAt": nanos_text(self.due_at) if self.due_at is not None else None,
            "status": self.state,
            "attempts": [attempt.body() for attempt in self.attempts],
        }

    def portone_body(self, max_executions: int) -> dict[str, Any]:
        """Return the delivery log entry shown in ``payment.webhooks[]`` (OpenAPI: PaymentWebhook)."""
        body: dict[str, Any] = {"id": self.delivery_id, "url": self.url, "isAsync": self.trigger is not None}
        if self.payment_status is not None:
            body["paymentStatus"] = self.payment_status
        if self.trigger is not None:
            body["trigger"] = self.trigger
        body["currentExecutionCount"] = self.automatic
        body["maxExecutionCount"] = max_executions
        body["triggeredAt"] = seconds_text(self.created_at)
        if self.outcome is not None:
            body["status"] = self.outcome
        if self.attempts:
            body |= _last_exchange(self.attempts[-1], self.raw)
        return body


def _last_exchange(last: Delivery, raw: bytes) -> dict[str, Any]:
    headers = "\n".join(f"{name}: {value}" for name, value in last.headers.items())
    exchange: dict[str, Any] = {
        "request": {"header": headers, "body": raw.decode(), "requestedAt": seconds_text(last.sent_at)}
    }
    if last.status is not None:
        exchange["response"] = {
            "code": str(last.status),
            "header": last.response_headers,
            "body": last.response_body,
            "respondedAt": seconds_text(last.responded_at),
        }
    return exchange
