"""Typed call that stores webhook deliveries: raw log, dedupe and job in one transaction."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from worker.db.reading import rows, text, whole
from worker.errors import DatabaseFault
from worker.model import Recorded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.db.client import Database
    from worker.model import Delivery


class WebhookLog:
    """Writes to ``webhook_logs`` through ``record_webhooks``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, deliveries: Sequence[Delivery]) -> list[Recorded]:
        """Store at most 200 deliveries and return one answer each, in order; durable once this returns."""
        answer = await self._database.call(
            "record_webhooks", {"webhooks": [_element(one) for one in deliveries]}
        )
        recorded = [
            Recorded(
                id=whole(row.get("id")),
                status=text(row.get("status")) or "",
                duplicate=row.get("duplicate") is True,
                job_id=whole(row.get("job_id")),
            )
            for row in rows(answer)
        ]
        if len(recorded) != len(deliveries):
            raise DatabaseFault("DATABASE_FAULT", "record_webhooks did not answer for every webhook")
        return recorded


def _element(delivery: Delivery) -> dict[str, object]:
    """Return the element of ``record_webhooks``; what is None is left out, which says the same there."""
    element = {
        "webhook_id": delivery.webhook_id,
        "webhook_type": delivery.webhook_type,
        "body": base64.b64encode(delivery.body).decode("ascii"),
        "headers": dict(delivery.headers),
        "subject_id": delivery.subject_id,
        "subject_kind": delivery.subject_kind,
        "provider_transaction_id": delivery.provider_transaction_id,
        "event_at": delivery.event_at,
        "secret_index": delivery.secret_index,
        "secret_name": delivery.secret_name,
        "store_id": delivery.store_id,
        "skip_reason": delivery.skip_reason,
    }
    return {name: value for name, value in element.items() if value is not None}
