"""Typed calls about comparing PortOne with our books: what is due, what a list showed, how far it went."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from worker.db.reading import rows, text, whole
from worker.errors import DatabaseFault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.db.client import Database
    from worker.readings import Sighting

# record_drift takes no more a call.
MOST_SIGHTINGS: Final = 500


@dataclass(frozen=True, slots=True)
class Due:
    """What one look at the clock enqueued."""

    sweeps: int
    polls: int
    overdue: int
    more: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """What the database says of one sighting; ``job_id`` is the job that will read it back, if any."""

    payment_id: str
    verdict: str
    job_id: int | None


class Reconciliation:
    """The worker's calls about reconciliation; all of them safe to repeat."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def schedule(self, stores: Sequence[str]) -> Due:
        """Enqueue what is due for these stores; any number of workers may ask."""
        answer = rows(await self._database.call("schedule_reconciliation", {"stores": list(stores)}))
        if not answer:
            raise DatabaseFault("DATABASE_FAULT", "schedule_reconciliation gave no row")
        row = answer[0]
        return Due(
            sweeps=whole(row.get("sweeps")) or 0,
            polls=whole(row.get("polls")) or 0,
            overdue=whole(row.get("overdue")) or 0,
            more=row.get("more") is True,
        )

    async def record(
        self, sightings: Sequence[Sighting], *, known_stores: frozenset[str], asked_store: str, repair: bool
    ) -> list[Judged]:
        """Hold at most ``MOST_SIGHTINGS`` sightings against our rows; one answer each."""
        elements = [
            asdict(seen)
            | {
                "store_id": seen.store_id or asked_store,
                "known_store": (seen.store_id or asked_store) in known_stores,
                "repair": repair,
            }
            for seen in sightings
        ]
        answer = rows(await self._database.call("record_drift", {"sightings": elements}))
        return [
            Judged(
                payment_id=text(row.get("payment_id")) or "",
                verdict=text(row.get("verdict")) or "",
                job_id=whole(row.get("job_id")),
            )
            for row in answer
        ]

    async def check_unlisted(
        self, store_id: str, since: str, until: str, listed: Sequence[str], *, repair: bool
    ) -> list[str]:
        """Have our payments read back that PortOne's list of a window did not show; return their ids, at most 100."""
        answer = await self._database.call(
            "check_unlisted",
            {
                "store_id": store_id,
                "from_at": since,
                "until_at": until,
                "listed": list(listed),
                "repair": repair,
            },
        )
        return [entry for entry in answer if isinstance(entry, str)] if isinstance(answer, list) else []

    async def finish(
        self, store_id: str, since: str, until: str, *, source: str, seen: int, different: int
    ) -> None:
        """Write down that a comparison by hand reached its end."""
        await self._database.call(
            "finish_reconciliation",
            {
                "store_id": store_id, "from_at": since, "until_at": until, "source": source, "seen": seen,
                "different": different,
            },
        )  # fmt: skip
