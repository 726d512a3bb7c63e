"""Calls of whoever operates: jobs, webhook deliveries and findings, read and acted on with a reason."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker.db.reading import mapping, rows, text
from worker.errors import DatabaseFault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker.db.client import Database

_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Because:
    """Who acts and why; both are kept with what was done."""

    actor: str
    reason: str


class Desk:
    """Operators' functions, called with the service key; ``actor`` says which person that was."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def jobs(
        self, *, states: Sequence[str] | None, kind: str | None, payment_id: str | None, most: int
    ) -> list[Mapping[str, object]]:
        """Return the youngest jobs; ``states`` None = all that are not finished."""
        given = {"kind": kind, "payment_id": payment_id, "max": most}
        asked = _given(given) | ({} if states is None else {"states": list(states)})
        return rows(await self._database.call("list_jobs", asked))

    async def job(self, job_id: int) -> Mapping[str, object]:
        """Return everything about one job. Raises ``Rejected`` (JOB_NOT_FOUND)."""
        return mapping(await self._database.call("describe_job", {"id": job_id}))

    async def requeue(self, ids: Sequence[int], because: Because) -> list[Mapping[str, object]]:
        """Have dead jobs run again, and those that wait for their time run now."""
        return await self._each("requeue_jobs", ids, because)

    async def discard(self, ids: Sequence[int], because: Because) -> list[Mapping[str, object]]:
        """Take dead jobs off the list of what needs a person."""
        return await self._each("discard_jobs", ids, because)

    async def cancel(self, job_id: int, because: Because) -> Mapping[str, object]:
        """Take a job that has not run out of the queue. Raises ``Rejected``."""
        asked = {"id": job_id, "reason": because.reason, "actor": because.actor}
        answer = rows(await self._database.call("cancel_job", asked))
        return answer[0] if answer else {}

    async def webhooks(
        self,
        *,
        status: str | None = None,
        since: str | None = None,
        payment_id: str | None = None,
        after_id: int | None = None,
        most: int = 100,
    ) -> list[Mapping[str, object]]:
        """Return deliveries, youngest first; above ``after_id`` the oldest first."""
        asked = {
            "status": status,
            "since": since,
            "payment_id": payment_id,
            "after_id": after_id,
            "max": most,
        }
        return rows(await self._database.call("list_webhooks", _given(asked)))

    async def webhook(self, webhook_row: int) -> Mapping[str, object] | None:
        """Return one delivery by its row's id, or None."""
        found = await self.webhooks(after_id=webhook_row - 1, most=1)
        return found[0] if found and found[0].get("id") == webhook_row else None

    async def body(self, webhook_row: int) -> bytes | None:
        """Return the raw body of a delivery; None when it was thrown away. Raises ``Rejected`` (WEBHOOK_NOT_FOUND)."""
        encoded = text(await self._database.call("read_webhook_body", {"id": webhook_row}))
        try:
            return None if encoded is None else base64.b64decode(encoded)
        except (ValueError, binascii.Error):
            raise DatabaseFault("DATABASE_FAULT", "read_webhook_body gave no base64") from None

    async def replay(self, ids: Sequence[int], because: Because) -> list[Mapping[str, object]]:
        """Read again what these deliveries named."""
        return await self._each("replay_webhooks", ids, because)

    async def replay_all(
        self, *, since: str | None, failed_only: bool, because: Because
    ) -> list[Mapping[str, object]]:
        """Read again what all deliveries since a moment, or all failed ones, named; page by page."""
        replayed: list[Mapping[str, object]] = []
        after = 0
        while True:
            asked = _given({"since": since}) | {
                "failed_only": failed_only, "after_id": after, "reason": because.reason, "actor": because.actor,
            }  # fmt: skip
            page = rows(await self._database.call("replay_webhooks", asked))
            replayed += page
            last = page[-1].get("id") if page else None
            if len(page) < _AT_ONCE or not isinstance(last, int):
                return replayed
            after = last

    async def close_finding(self, finding: int, because: Because) -> Mapping[str, object]:
        """Close a finding. Raises ``Rejected`` (FINDING_NOT_FOUND)."""
        asked = {"id": finding, "how": because.reason, "actor": because.actor}
        answer = rows(await self._database.call("close_finding", asked))
        return answer[0] if answer else {}

    async def _each(self, function: str, ids: Sequence[int], because: Because) -> list[Mapping[str, object]]:
        answers: list[Mapping[str, object]] = []
        for start in range(0, len(ids), _AT_ONCE):
            asked = {
                "ids": list(ids[start : start + _AT_ONCE]), "reason": because.reason, "actor": because.actor,
            }  # fmt: skip
            answers += rows(await self._database.call(function, asked))
        return answers


def _given(asked: Mapping[str, object]) -> dict[str, object]:
    """Leave out what was not said, so that the database's defaults hold."""
    return {name: value for name, value in asked.items() if value is not None}
