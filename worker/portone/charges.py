"""Decides how a payment is made without a window: charging a saved card, and approving by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.portone.encoding import encode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.model import ExpectedPayment
    from worker.portone.client import PortOneClient
    from worker.subjects import Approval


def billing_key_payment(
    payment: ExpectedPayment,
    *,
    store_id: str,
    billing_key: str,
    channel_key: str | None,
    customer_id: str | None,
    notice_urls: Sequence[str],
) -> dict[str, object]:
    """Return what a charge and a schedule have in common (OpenAPI: BillingKeyPaymentInput); amounts in minor units."""
    amount = {"total": payment.amount, "taxFree": payment.tax_free_amount}
    body: dict[str, object | None] = {
        "storeId": store_id,
        "billingKey": billing_key,
        "channelKey": channel_key,
        "orderName": payment.order_name or payment.payment_id,
        "customer": {"id": customer_id} if customer_id else None,
        "amount": {name: value for name, value in amount.items() if value is not None},
        "currency": payment.currency,
        "noticeUrls": list(notice_urls) or None,
    }
    return {name: value for name, value in body.items() if value is not None}


class Charges:
    """``POST /payments/{id}/billing-key`` and ``POST /payments/{id}/confirm``, sent byte for byte."""

    def __init__(self, client: PortOneClient) -> None:
        self._client = client

    async def charge(self, payment_id: str, *, body: bytes, idempotency_key: str) -> None:
        """Charge a saved card (OpenAPI: payWithBillingKey). Synchronous: a 200 means paid, the rest is read back.

        Raises the branch of the fault table; ``Rejected`` (PG_PROVIDER) is a declined card.
        """
        await self._client.request(
            "POST", "payments", payment_id, "billing-key", body=body, idempotency_key=idempotency_key
        )

    def confirm_body(self, payment: ExpectedPayment, approval: Approval, *, is_test: bool) -> bytes:
        """Return the body of an approval (OpenAPI: ConfirmPaymentBody); it holds the token, so seal it.

        Everything PortOne can compare is sent: a window that asked for another price ends in INFORMATION_MISMATCH
        instead of a payment.
        """
        return encode(
            {
                "storeId": self._client.store_id,
                "paymentToken": approval.payment_token,
                "txId": approval.tx_id,
                "currency": payment.currency,
                "totalAmount": payment.amount,
                "taxFreeAmount": payment.tax_free_amount,
                "isTest": is_test,
            }
        )

    async def confirm(self, payment_id: str, *, body: bytes, idempotency_key: str) -> None:
        """Approve a payment by hand (OpenAPI: confirmPayment). Raises the branch of the fault table."""
        await self._client.request(
            "POST", "payments", payment_id, "confirm", body=body, idempotency_key=idempotency_key
        )
