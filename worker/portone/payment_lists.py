"""Decides how PortOne's lists of payments are read: page by page, tolerantly, to their end or not at all.

Two sources: the paged list by ``statusChangedAt`` (OpenAPI: getPayments), and the list of events by cursor (OpenAPI:
getAllPaymentEventsByCursor), which is marked unstable and may be gone any day.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BeforeValidator, Field, ValidationError

from worker.errors import Transient
from worker.portone.tolerant import Text, Time, Tolerant, Whole, whole
from worker.readings import Sighting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from worker.portone.client import PortOneClient

PAGE_SIZE: Final = 100
# Of 600 that PortOne allows (OpenAPI: (number + 1) * size <= 60,000): pages shift while they are read, so windows stay small.
MOST_PAGES: Final = 50
_MOST_EVENT_PAGES: Final = 200


class WindowTooFull(Exception):
    """More payments changed in this window than are read in one go: halve it."""


class _Amount(Tolerant):
    total: Annotated[int, BeforeValidator(whole)]
    cancelled: Whole = None


class _Listed(Tolerant):
    id: str = Field(strict=True, min_length=1)
    status: str = Field(strict=True, min_length=1)
    amount: _Amount
    store_id: Text = None
    currency: Text = None
    status_changed_at: Time = None
    updated_at: Time = None


class _Event(Tolerant):
    type: str = Field(strict=True, min_length=1)
    payment_id: str = Field(strict=True, min_length=1)
    total_amount: _Amount
    store_id: Text = None
    currency: Text = None
    created_at: Time = None


class PaymentLists:
    """What changed in a store, as PortOne lists it."""

    def __init__(self, client: PortOneClient) -> None:
        self._client = client

    async def changed(self, since: str, until: str) -> AsyncIterator[list[Sighting]]:
        """Yield the payments whose status changed in a window of RFC 3339 times, oldest change first, page by page.

        Raises ``WindowTooFull``, ``Transient`` for a page without a list, and what ``request`` raises.
        """
        chosen = {
            "storeId": self._client.store_id,
            "timestampType": "STATUS_CHANGED_AT",
            "from": since,
            "until": until,
            "sortBy": "STATUS_CHANGED_AT",
            "sortOrder": "ASC",
        }
        for number in range(MOST_PAGES):
            page = {"page": {"number": number, "size": PAGE_SIZE}, "filter": chosen}
            items = _items(await self._ask("payments", page))
            yield [seen for item in items if (seen := _listed(item)) is not None]
            if len(items) < PAGE_SIZE:
                return
        raise WindowTooFull

    async def events(self, since: str, until: str) -> list[Sighting]:
        """Return the last money event of each payment in a window. Raises as ``changed``."""
        last: dict[str, Sighting] = {}
        cursor: str | None = None
        for _ in range(_MOST_EVENT_PAGES):
            asked: dict[str, object] = {
                "storeId": self._client.store_id, "from": since, "until": until, "size": PAGE_SIZE,
            }  # fmt: skip
            if cursor is not None:
                asked["cursor"] = cursor
            items = _items(await self._ask("payment-events-by-cursor", asked))
            for item in items:
                seen = _event(item.get("paymentEvent") if isinstance(item, dict) else None)
                if seen is not None:
                    last[seen.payment_id] = _later(last.get(seen.payment_id), seen)
            following = items[-1].get("cursor") if items and isinstance(items[-1], dict) else None
            if not items:
                return list(last.values())
            if not isinstance(following, str) or following == cursor:
                break
            cursor = following
        raise Transient("PORTONE_REPLY_UNREADABLE", "PortOne's list of events cannot be read to its end.")

    async def _ask(self, path: str, asked: Mapping[str, object]) -> dict[str, object]:
        return await self._client.request("GET", path, query={"requestBody": json.dumps(asked)})


def _items(payload: Mapping[str, object]) -> list[object]:
    items = payload.get("items")
    if not isinstance(items, list):
        raise Transient("PORTONE_REPLY_UNREADABLE", "PortOne's answer is not a list.")
    return items


def _listed(item: object) -> Sighting | None:
    try:
        seen = _Listed.model_validate(item)
    except ValidationError:
        return None
    return Sighting(
        payment_id=seen.id, store_id=seen.store_id, status=seen.status, total=seen.amount.total,
        cancelled=seen.amount.cancelled or 0, currency=seen.currency, status_changed_at=seen.status_changed_at,
        updated_at=seen.updated_at, source="payments",
    )  # fmt: skip


def _event(item: object) -> Sighting | None:
    try:
        seen = _Event.model_validate(item)
    except ValidationError:
        return None
    return Sighting(
        payment_id=seen.payment_id, store_id=seen.store_id, status=seen.type, total=seen.total_amount.total,
        cancelled=seen.total_amount.cancelled or 0, currency=seen.currency, status_changed_at=seen.created_at,
        updated_at=None, source="events",
    )  # fmt: skip


def _later(known: Sighting | None, seen: Sighting) -> Sighting:
    if known is None or (seen.cancelled, seen.status_changed_at or "") >= (
        known.cancelled,
        known.status_changed_at or "",
    ):
        return seen
    return known
