"""Compares what PortOne lists as changed in a window with our books: the heart of every sweep, scheduled or by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from worker.db.reconciliation import MOST_SIGHTINGS
from worker.errors import Misconfigured, Transient, WorkerError
from worker.logs import get_logger
from worker.portone.payment_lists import WindowTooFull

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from worker.deps import Deps
    from worker.portone.stores import Store
    from worker.readings import Sighting

DIFFERENCES: Final = frozenset({"late", "missing_here", "status_differs", "amount_differs", "unknown_store"})
_CHUNK: Final = timedelta(days=1)
_SHORTEST: Final = timedelta(seconds=2)
# Lists may lag behind; what changed a moment ago is not missed for not being listed.
_LAG: Final = timedelta(minutes=2)


@dataclass(slots=True)
class Comparison:
    """What a comparison has found so far, by verdict; ``unlisted`` are ours that PortOne did not show."""

    source: str = "payments"
    seen: int = 0
    verdicts: dict[str, int] = field(default_factory=dict)
    unlisted: list[str] = field(default_factory=list)

    @property
    def different(self) -> int:
        """How many differences: each of them is a finding."""
        return sum(count for verdict, count in self.verdicts.items() if verdict in DIFFERENCES)


async def compare_window(
    deps: Deps, store: Store, since: datetime, until: datetime, *, repair: bool, whole: bool
) -> Comparison:
    """Read PortOne's lists of a window, oldest first, and hold every payment against ours.

    With ``whole`` also the other way round: ours that PortOne does not list. With ``repair`` what differs is read back
    by jobs. Raises ``Transient``, ``Misconfigured``, ``Rejected`` when the list of payments cannot be read; the list of
    events is unstable and only a second look.
    """
    result = Comparison()
    for begin, end in _chunks(since, until):
        listed = await _compare_chunk(deps, store, begin, end, repair=repair, result=result)
        if whole:
            last = min(end, until - _LAG)
            if last > begin:
                result.unlisted += await deps.reconciliation.check_unlisted(
                    store.store_id, begin.isoformat(), last.isoformat(), sorted(listed), repair=repair
                )
    return result


async def _compare_chunk(
    deps: Deps, store: Store, begin: datetime, end: datetime, *, repair: bool, result: Comparison
) -> set[str]:
    listed: set[str] = set()
    try:
        async for page in store.lists.changed(begin.isoformat(), end.isoformat()):
            await _record(deps, store, page, repair=repair, result=result, known=listed)
    except WindowTooFull:
        if end - begin < _SHORTEST:
            raise Transient(
                "PORTONE_REPLY_UNREADABLE", "PortOne lists more payments of one moment than can be read."
            ) from None
        middle = begin + (end - begin) / 2
        first = await _compare_chunk(deps, store, begin, middle, repair=repair, result=result)
        return first | await _compare_chunk(deps, store, middle, end, repair=repair, result=result)
    events = await _events(store, begin, end)
    if events is not None:
        result.source = "payments+events"
        await _record(deps, store, events, repair=repair, result=result, known=set(listed))
    return listed


async def _events(store: Store, begin: datetime, end: datetime) -> list[Sighting] | None:
    try:
        return await store.lists.events(begin.isoformat(), end.isoformat())
    except Misconfigured:
        raise
    except WorkerError as error:
        get_logger().info("portone events not listed: the list of payments is enough", code=error.code)
        return None


async def _record(
    deps: Deps, store: Store, page: Sequence[Sighting], *, repair: bool, result: Comparison, known: set[str]
) -> None:
    """Hold those of a page that are not ``known`` against our rows, until the database has looked at all of them."""
    fresh = {seen.payment_id: seen for seen in page if seen.payment_id not in known}
    known.update(fresh)
    result.seen += len(fresh)
    waiting = list(fresh.values())
    while waiting:
        # A day's events are one list, whatever their number.
        part, rest = waiting[:MOST_SIGHTINGS], waiting[MOST_SIGHTINGS:]
        judged = await deps.reconciliation.record(
            part, known_stores=deps.stores.ids, asked_store=store.store_id, repair=repair
        )
        again = {one.payment_id for one in judged if one.verdict == "again"}
        for one in judged:
            if one.verdict != "again":
                result.verdicts[one.verdict] = result.verdicts.get(one.verdict, 0) + 1
        waiting = (
            rest if len(again) == len(part) else [seen for seen in part if seen.payment_id in again] + rest
        )


def _chunks(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    begin = since
    while begin < until:
        end = min(begin + _CHUNK, until)
        yield begin, end
        begin = end
