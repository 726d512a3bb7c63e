"""Typed calls of the queue functions; every one of them is safe to repeat when its reply was lost."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker.db.jobs import read_job
from worker.db.reading import mapping, number, rows, text, whole
from worker.errors import DatabaseFault
from worker.model import Begun, Settled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker.db.client import Database
    from worker.model import ChannelKind, Job, Outcome, Snapshot


@dataclass(frozen=True, slots=True)
class MaintenanceStep:
    """What one call of ``run_maintenance`` did; ``more`` says that another would find something."""

    touched: int
    more: bool


class Queue:
    """The worker's half of the job queue."""

    def __init__(
        self, database: Database, *, worker: str, lease_seconds: int, channel_kind: ChannelKind | None = None
    ) -> None:
        """``channel_kind`` is what this shop runs: a payment of the other kind is never proof, whenever it was begun."""
        self._database = database
        self._worker = worker
        self._lease_seconds = lease_seconds
        self._told = {} if channel_kind is None else {"shop_kind": channel_kind}

    async def claim(self, most: int, *, after_id: int = 0) -> list[Job]:
        """Claim up to ``most`` jobs for ``lease_seconds``. A lost reply leaves them leased until the lease ends.

        ``after_id`` is a floor under the ids looked at, see ``worker.runner.anchor``.
        """
        answer = await self._database.call(
            "claim_jobs",
            {
                "worker": self._worker,
                "max": most,
                "lease_seconds": self._lease_seconds,
                "after_id": after_id,
            },
        )
        return [job for row in rows(answer) if (job := read_job(row)) is not None]

    async def begin(
        self,
        job: Job,
        *,
        body: bytes | None,
        snapshots: Sequence[Snapshot] = (),
    ) -> Begun:
        """Store one send of a money call and commit it, or learn why it must not be sent.

        ``body`` is the sealed exact body, None on a rerun. The answer's decision is one of send, resend, read_only,
        blocked, balance_changed, decided, lost; unknown words are passed on.
        """
        attempt = {
            "job_id": job.id,
            "claim": job.claim,
            "body": None if body is None else base64.b64encode(body).decode("ascii"),
            "snapshots": [{**snapshot.data, **self._told} for snapshot in snapshots],
        }
        answer = rows(await self._database.call("begin_attempts", {"attempts": [attempt]}))
        if not answer:
            raise DatabaseFault("DATABASE_FAULT", "begin_attempts gave no row for the job")
        return _begun(answer[0])

    async def settle(self, outcomes: Sequence[Outcome]) -> list[Settled]:
        """Apply what the outcomes learned and finish their jobs, in one transaction; one answer per outcome."""
        elements = [
            {
                **outcome.to_json(),
                "snapshots": [{**snapshot.data, **self._told} for snapshot in outcome.snapshots],
            }
            for outcome in outcomes
        ]
        answer = await self._database.call("settle_jobs", {"outcomes": elements})
        return [_settled(row) for row in rows(answer)]

    async def extend(self, held: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
        """Renew the leases of ``(job id, claim)`` pairs and return those this worker no longer holds."""
        leases = [
            {"job_id": job_id, "claim": claim, "lease_seconds": self._lease_seconds} for job_id, claim in held
        ]
        lost = {
            whole(row.get("job_id"))
            for row in rows(await self._database.call("extend_leases", {"leases": leases}))
            if row.get("held") is False
        }
        return {pair for pair in held if pair[0] in lost}

    async def release(self, held: Sequence[tuple[int, int]]) -> None:
        """Give ``(job id, claim)`` pairs back unfinished, without counting a failure."""
        await self._database.call("release_jobs", {"jobs": [{"job_id": j, "claim": c} for j, c in held]})

    async def maintain(self) -> MaintenanceStep:
        """Throw away up to a thousand of each kind of old row; see the comment of ``run_maintenance``."""
        answer = mapping(await self._database.call("run_maintenance", {}))
        counts = (whole(value) for name, value in answer.items() if name not in ("more", "busy"))
        return MaintenanceStep(sum(count or 0 for count in counts), answer.get("more") is True)

    async def stats(self) -> Mapping[str, object]:
        """Return the one row of ``queue_stats``: counts by state and ages in seconds."""
        answer = rows(await self._database.call("queue_stats", {}))
        return answer[0] if answer else {}


def _begun(row: Mapping[str, object]) -> Begun:
    stored = text(row.get("body"))
    body: bytes | None = None
    if stored is not None:
        try:
            body = base64.b64decode(stored)
        except (ValueError, binascii.Error):
            raise DatabaseFault(
                "DATABASE_FAULT", "begin_attempts returned a body that is not base64"
            ) from None
    return Begun(
        decision=text(row.get("decision")) or "",
        attempt_number=whole(row.get("attempt_number")) or 0,
        idempotency_key=text(row.get("idempotency_key")) or "",
        body=body,
        retry_in_seconds=number(mapping(row.get("detail")).get("retry_in_seconds")),
    )


def _settled(row: Mapping[str, object]) -> Settled:
    return Settled(
        job_id=whole(row.get("job_id")) or 0,
        accepted=row.get("accepted") is True,
        reason=text(row.get("reason")),
        operation_ids=_operation_ids(row),
        operation_status=text(row.get("operation_status")),
        payment_status=text(row.get("payment_status")),
    )


def _operation_ids(row: Mapping[str, object]) -> tuple[str, ...]:
    several = row.get("operation_ids")
    named = [row.get("operation_id"), *(several if isinstance(several, list) else [])]
    return tuple(dict.fromkeys(entry for entry in named if isinstance(entry, str)))
