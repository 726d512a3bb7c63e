"""Decides how a schedule is read back: by PortOne's id, or, where that was lost with a reply, among those of its card."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worker.portone.stores import Store
    from worker.readings import ScheduleReading
    from worker.subjects import SavedCard, Schedule


def can_find(schedule: Schedule, card: SavedCard | None) -> bool:
    """Whether ``find_schedule`` knows enough to be believed when it finds nothing."""
    return schedule.schedule_id is not None or (card is not None and bool(card.billing_key))


async def find_schedule(store: Store, schedule: Schedule, card: SavedCard | None) -> ScheduleReading | None:
    """Read the schedule; None when PortOne has none, or when nothing is known to look for it by.

    Raises the branches of the reads.
    """
    if schedule.schedule_id is not None:
        return await store.schedules.get(schedule.schedule_id)
    if card is None or not card.billing_key:
        return None
    return await store.schedules.find(
        schedule.payment_id, billing_key=card.billing_key, time_to_pay=schedule.time_to_pay
    )
