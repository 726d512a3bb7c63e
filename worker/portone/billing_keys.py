"""Decides how saved cards are read and deleted at PortOne."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.errors import Rejected, Transient
from worker.portone.billing_key_reading import read_billing_key

if TYPE_CHECKING:
    from worker.portone.client import PortOneClient
    from worker.readings import BillingKeyReading


class BillingKeys:
    """The billing key endpoints this project uses. Keys are in the path: no error or log may repeat it."""

    def __init__(self, client: PortOneClient) -> None:
        self._client = client

    async def get(self, billing_key: str) -> BillingKeyReading | None:
        """Read a billing key (OpenAPI: getBillingKeyInfo); None when PortOne does not know it in this store.

        Raises ``Transient`` for an unreadable answer or one about another key.
        """
        try:
            payload = await self._client.request(
                "GET", "billing-keys", billing_key, query={"storeId": self._client.store_id}
            )
        except Rejected as error:
            if error.code == "BILLING_KEY_NOT_FOUND":
                return None
            raise
        reading = read_billing_key(payload)
        if reading is None or reading.data["billing_key"] != billing_key:
            raise Transient(
                "PORTONE_REPLY_UNREADABLE", "PortOne's answer is not the billing key that was asked for."
            )
        return reading

    async def delete(self, billing_key: str, *, reason: str, requester: str, idempotency_key: str) -> None:
        """Delete a billing key (OpenAPI: deleteBillingKey). Naver Pay wants reason and requester, so both are sent.

        Raises ``Conflict`` (BILLING_KEY_ALREADY_DELETED), ``Rejected`` (PAYMENT_SCHEDULE_ALREADY_EXISTS, PG_PROVIDER, …).
        """
        await self._client.request(
            "DELETE",
            "billing-keys",
            billing_key,
            query={"storeId": self._client.store_id, "reason": reason, "requester": requester},
            idempotency_key=idempotency_key,
        )
