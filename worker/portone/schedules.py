"""Decides how future charges are made, found, read and revoked at PortOne."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from pydantic import Field, ValidationError

from worker.errors import Rejected, Transient
from worker.portone.encoding import encode
from worker.portone.tolerant import Text, Time, Tolerant
from worker.readings import ScheduleReading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker.portone.client import PortOneClient

_AROUND: Final = timedelta(days=1)
_PAGE_SIZE: Final = 100
_MOST_PAGES: Final = 20


class _Schedule(Tolerant):
    id: str = Field(strict=True, min_length=1)
    payment_id: str = Field(strict=True, min_length=1)
    status: str = Field(strict=True, min_length=1)
    time_to_pay: Time = None
    started_at: Time = None
    completed_at: Time = None
    revoked_at: Time = None


class _Created(Tolerant):
    id: Text = None


def read_schedule(payload: object) -> ScheduleReading | None:
    """Return what a ``PaymentSchedule`` says, or None when even id, payment or status are unreadable."""
    try:
        found = _Schedule.model_validate(payload)
    except ValidationError:
        return None
    data = {**found.model_dump(exclude={"id"}), "schedule_id": found.id}
    return ScheduleReading(found.id, found.payment_id, found.status, data)


class Schedules:
    """The schedule endpoints this project uses."""

    def __init__(self, client: PortOneClient) -> None:
        self._client = client

    @staticmethod
    def create_body(payment: Mapping[str, object], time_to_pay: str) -> bytes:
        """Return the body of a new schedule (OpenAPI: CreatePaymentScheduleBody); ``time_to_pay`` is RFC 3339."""
        return encode({"payment": dict(payment), "timeToPay": time_to_pay})

    async def create(self, payment_id: str, *, body: bytes, idempotency_key: str) -> str:
        """Make a schedule, byte for byte (OpenAPI: createPaymentSchedule), and return PortOne's id of it.

        Raises the branch of the fault table; a 200 without an id is ``Transient`` (it happened, but how is unknown).
        """
        payload = await self._client.request(
            "POST", "payments", payment_id, "schedule", body=body, idempotency_key=idempotency_key
        )
        schedule = payload.get("schedule")
        identifier = _Created.model_validate(schedule).id if isinstance(schedule, dict) else None
        if not identifier:
            raise Transient("PORTONE_REPLY_UNREADABLE", "PortOne's answer to the schedule has no id.")
        return identifier

    async def get(self, schedule_id: str) -> ScheduleReading | None:
        """Read a schedule (OpenAPI: getPaymentSchedule); None when PortOne does not know it in this store."""
        try:
            payload = await self._client.request(
                "GET", "payment-schedules", schedule_id, query={"storeId": self._client.store_id}
            )
        except Rejected as error:
            if error.code == "PAYMENT_SCHEDULE_NOT_FOUND":
                return None
            raise
        reading = read_schedule(payload)
        if reading is None or reading.schedule_id != schedule_id:
            raise Transient(
                "PORTONE_REPLY_UNREADABLE", "PortOne's answer is not the schedule that was asked for."
            )
        return reading

    async def find(self, payment_id: str, *, billing_key: str, time_to_pay: str) -> ScheduleReading | None:
        """Find the schedule of a payment whose schedule id was lost with a reply; None when there is none.

        Looks a day around ``time_to_pay``: the list shows only the past 90 days unless told (OpenAPI:
        getPaymentSchedules), and there is no look-up by payment. Raises ``Transient`` when the list does not end.
        """
        moment = datetime.fromisoformat(time_to_pay)
        window = {
            "storeId": self._client.store_id,
            "billingKey": billing_key,
            "from": (moment - _AROUND).isoformat(),
            "until": (moment + _AROUND).isoformat(),
        }
        for number in range(_MOST_PAGES):
            page = {"page": {"number": number, "size": _PAGE_SIZE}, "filter": window}
            payload = await self._client.request(
                "GET", "payment-schedules", query={"requestBody": json.dumps(page)}
            )
            items = payload.get("items")
            if not isinstance(items, list):
                break
            for item in items:
                reading = read_schedule(item)
                if reading is not None and reading.payment_id == payment_id:
                    return reading
            if len(items) < _PAGE_SIZE:
                return None
        raise Transient("PORTONE_REPLY_UNREADABLE", "PortOne's list of schedules cannot be read to its end.")

    async def revoke(
        self,
        *,
        idempotency_key: str,
        schedule_ids: Sequence[str] | None = None,
        billing_key: str | None = None,
    ) -> None:
        """Revoke schedules, all or none (OpenAPI: revokePaymentSchedules); a billing key alone means all of its own."""
        body: dict[str, object | None] = {
            "storeId": self._client.store_id,
            "billingKey": billing_key,
            "scheduleIds": list(schedule_ids) if schedule_ids is not None else None,
        }
        await self._client.request(
            "DELETE",
            "payment-schedules",
            query={"requestBody": encode(body).decode()},
            idempotency_key=idempotency_key,
        )
