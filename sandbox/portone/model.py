"""Decides what one payment is made of: attempts, cancellations, disputes and its delivery log."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from .channels import Channel
    from .messages import Message

Status = Literal[
    "READY", "PAY_PENDING", "VIRTUAL_ACCOUNT_ISSUED", "PAID", "FAILED", "PARTIAL_CANCELLED", "CANCELLED"
]
PAID_STATUSES = frozenset({"PAID", "PARTIAL_CANCELLED", "CANCELLED"})
CancellationStatus = Literal["REQUESTED", "SUCCEEDED", "FAILED"]
Trigger = Literal["CONSOLE", "API", "PORTONE_ADMIN", "CHARGEBACK"]


@dataclass(frozen=True, slots=True)
class PreRegistration:
    """Amounts fixed before the window opens; None = not fixed (OpenAPI: PreRegisterPaymentBody)."""

    total: int | None
    tax_free: int | None
    currency: str | None


@dataclass(slots=True)
class Cancellation:
    """One entry of ``payment.cancellations``; amounts in minor units, times in nanoseconds."""

    id: str
    status: CancellationStatus
    amount: int
    tax_free: int
    vat: int
    reason: str
    trigger: Trigger
    requested_at: int
    pg_cancellation_id: str
    skip_webhook: bool = False
    cancelled_at: int | None = None


@dataclass(slots=True)
class Dispute:
    """One entry of ``payment.disputes``."""

    id: str
    reason: str
    created_at: int
    resolved_at: int | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """What one opened window asked for; ``customer`` and ``origin`` are already in REST form."""

    name: str
    total: int
    tax_free: int
    currency: str
    pay_method: str
    customer: dict[str, Any]
    custom_data: str | None
    notice_urls: tuple[str, ...]
    easy_pay_provider: str | None
    origin: dict[str, str]
    confirm_url: str | None = None
    account_expires_at: int | None = None
    billing_key: str | None = None
    schedule_id: str | None = None
    products: tuple[dict[str, Any], ...] = ()
    product_count: int | None = None
    country: str | None = None


@dataclass(frozen=True, slots=True)
class RefundAccount:
    """The buyer's bank account (OpenAPI: CancelPaymentBodyRefundAccount)."""

    bank: str
    number: str
    holder_name: str
    holder_phone_number: str | None


@dataclass(slots=True)
class Attempt:
    """One transaction under a payment id: what GET shows is the latest one, or the one that succeeded."""

    transaction_id: str
    channel: Channel
    order: Order
    status: Status
    requested_at: int
    updated_at: int
    status_changed_at: int
    discount: int = 0
    method: dict[str, Any] | None = None
    pg_tx_id: str | None = None
    paid_at: int | None = None
    failed_at: int | None = None
    failure: dict[str, str] | None = None
    cancelled_at: int | None = None
    receipt_url: str | None = None
    payment_token: str | None = None
    account_bank: str | None = None
    cancellations: list[Cancellation] = field(default_factory=list)
    disputes: list[Dispute] = field(default_factory=list)

    def _sum(self, status: CancellationStatus) -> tuple[int, int]:
        entries = [entry for entry in self.cancellations if entry.status == status]
        return sum(entry.amount for entry in entries), sum(entry.tax_free for entry in entries)

    @property
    def cancelled(self) -> tuple[int, int]:
        """Return (amount, tax-free part) of all succeeded cancellations."""
        return self._sum("SUCCEEDED")

    @property
    def pending(self) -> tuple[int, int]:
        """Return (amount, tax-free part) of all requested, undecided cancellations."""
        return self._sum("REQUESTED")

    def refundable(self, base: Literal["total", "total_minus_discount"]) -> int:
        """Return what can be cancelled of it in all."""
        return self.order.total - (self.discount if base == "total_minus_discount" else 0)

    @property
    def method_type(self) -> str:
        """Return the list filter's word for the method (OpenAPI: PaymentMethodType)."""
        return "EASY_PAY" if self.order.pay_method == "PAYPAL" else self.order.pay_method


@dataclass(slots=True)
class Payment:
    """A payment id with all its attempts; ``rendered`` caches the bytes GET answers, None = stale."""

    id: str
    store_id: str
    merchant_id: str
    number: int
    attempts: list[Attempt]
    shown: Attempt
    messages: list[Message] = field(default_factory=list)
    rendered: bytes | None = None

    def attempt(self, transaction_id: str | None) -> Attempt | None:
        """Return the attempt with that id, the shown one for None, None when there is no such attempt."""
        if transaction_id is None:
            return self.shown
        return next((entry for entry in self.attempts if entry.transaction_id == transaction_id), None)


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One entry of the payment event feed; ``body`` is frozen at the time of the event."""

    number: int
    created_at: int
    body: dict[str, Any]
