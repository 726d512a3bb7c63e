"""Decides how our payment calls map to PortOne's endpoints; every call names the store.

A payment of another store is answered 404 when the store is left out (observed), so ``storeId`` is always sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker.errors import Rejected, Transient
from worker.portone.encoding import encode
from worker.portone.snapshot import read_payment

if TYPE_CHECKING:
    from worker.model import Refund, Snapshot
    from worker.portone.client import PortOneClient


@dataclass(frozen=True, slots=True)
class CancelReply:
    """A 200 of the cancel call. HTTP 200 does not mean refunded: ``status`` does (OpenAPI: CancelPaymentResponse)."""

    cancellation_id: str | None
    status: str


class Payments:
    """The payment endpoints this project uses."""

    def __init__(self, client: PortOneClient) -> None:
        self._client = client

    @property
    def store_id(self) -> str:
        """The configured store."""
        return self._client.store_id

    async def get(self, payment_id: str) -> Snapshot | None:
        """Read a payment (OpenAPI: getPayment); None when PortOne does not know it in this store.

        Raises ``Transient`` for an unreadable or foreign payment: acting on it would be guessing.
        """
        try:
            payload = await self._client.request(
                "GET", "payments", payment_id, query={"storeId": self._client.store_id}
            )
        except Rejected as error:
            if error.code == "PAYMENT_NOT_FOUND":
                return None
            raise
        snapshot = read_payment(payload)
        if snapshot is None or snapshot.payment_id != payment_id:
            raise Transient(
                "PORTONE_REPLY_UNREADABLE", "PortOne's answer is not the payment that was asked for."
            )
        return snapshot

    async def pre_register(
        self, payment_id: str, *, total: int, tax_free: int | None, currency: str, idempotency_key: str
    ) -> None:
        """Fix the amount before a window may open (OpenAPI: preRegisterPayment). Amounts in minor units.

        Raises ``Conflict`` (ALREADY_PAID) when the id is used up.
        """
        body: dict[str, object] = {
            "storeId": self._client.store_id,
            "totalAmount": total,
            "currency": currency,
        }
        if tax_free is not None:
            body["taxFreeAmount"] = tax_free
        await self._client.request(
            "POST",
            "payments",
            payment_id,
            "pre-register",
            body=encode(body),
            idempotency_key=idempotency_key,
        )

    def cancel_body(self, refund: Refund, *, current_cancellable: int) -> bytes:
        """Return the exact body of a cancel (OpenAPI: CancelPaymentBody); it holds bank details, so seal it.

        The amount is always explicit, ``currentCancellableAmount`` always sent: after PortOne's idempotency window it
        is the only guard against refunding twice. A tax-free part left out would count as taxable.
        """
        body: dict[str, object] = {
            "storeId": self._client.store_id,
            "amount": refund.amount,
            "currentCancellableAmount": current_cancellable,
            "reason": refund.reason,
        }
        if refund.tax_free_amount is not None:
            body["taxFreeAmount"] = refund.tax_free_amount
        if refund.requester in ("CUSTOMER", "ADMIN"):
            body["requester"] = refund.requester
        if refund.refund_account is not None:
            account: dict[str, object] = {
                "bank": refund.refund_account.bank,
                "number": refund.refund_account.number,
                "holderName": refund.refund_account.holder_name,
            }
            if refund.refund_account.holder_phone_number is not None:
                account["holderPhoneNumber"] = refund.refund_account.holder_phone_number
            body["refundAccount"] = account
        return encode(body)

    async def cancel(self, payment_id: str, *, body: bytes, idempotency_key: str) -> CancelReply:
        """Send a cancel byte for byte (OpenAPI: cancelPayment).

        Raises the branch of the fault table; a 200 without a readable cancellation is ``Transient`` (it happened, but
        how is unknown).
        """
        payload = await self._client.request(
            "POST", "payments", payment_id, "cancel", body=body, idempotency_key=idempotency_key
        )
        cancellation = payload.get("cancellation")
        status = cancellation.get("status") if isinstance(cancellation, dict) else None
        if not isinstance(cancellation, dict) or not isinstance(status, str):
            raise Transient("PORTONE_REPLY_UNREADABLE", "PortOne's answer to the cancel has no cancellation.")
        identifier = cancellation.get("id")
        return CancelReply(identifier if isinstance(identifier, str) and identifier else None, status)

    async def stop_cancellation(self, payment_id: str, cancellation_id: str, *, idempotency_key: str) -> None:
        """Stop a cancellation that is REQUESTED (OpenAPI: stopPaymentCancellation, Triple-A only).

        Raises ``Rejected`` (PAYMENT_CANCELLATION_NOT_PENDING) when it is decided already.
        """
        await self._client.request(
            "POST",
            "payments", payment_id, "cancellations", cancellation_id, "stop",
            body=encode({"storeId": self._client.store_id}),
            idempotency_key=idempotency_key,
        )  # fmt: skip

    async def resend_webhook(self, payment_id: str, *, idempotency_key: str) -> str:
        """Have the latest webhook of a payment sent again (OpenAPI: resendWebhook) and return how the delivery went.

        Raises ``Rejected`` (WEBHOOK_NOT_FOUND, MAX_WEBHOOK_RETRY_COUNT_REACHED, PAYMENT_NOT_FOUND).
        """
        payload = await self._client.request(
            "POST",
            "payments", payment_id, "resend-webhook",
            body=encode({"storeId": self._client.store_id}),
            idempotency_key=idempotency_key,
        )  # fmt: skip
        webhook = payload.get("webhook")
        status = webhook.get("status") if isinstance(webhook, dict) else None
        return status[:60] if isinstance(status, str) and status else "SENT"

    async def close_virtual_account(self, payment_id: str, *, idempotency_key: str) -> None:
        """Close an account that waits for a deposit (OpenAPI: closeVirtualAccount).

        Raises ``Conflict`` (PAYMENT_NOT_WAITING_FOR_DEPOSIT) when there is nothing to close any more.
        """
        await self._client.request(
            "POST",
            "payments", payment_id, "virtual-account", "close",
            query={"storeId": self._client.store_id},
            idempotency_key=idempotency_key,
        )  # fmt: skip
