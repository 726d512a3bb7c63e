"""Decides how the input of schedule calls reaches the state (OpenAPI: payment schedule)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .clock import seconds_text
from .inputs import read_portone
from .inputs_charges import RevokeInput, ScheduleInput, SchedulesInput
from .pages import listed_until, page_of, time_window
from .replies import Reply, json_reply
from .views_extra import schedule_body

if TYPE_CHECKING:
    from .calls import Call
    from .schedules import Schedule
    from .store import Store


async def create(call: Call) -> Reply:
    """POST /payments/{id}/schedule: 200 ``{schedule: {id}}``."""
    body = read_portone(ScheduleInput, call.raw)
    store = call.store(body.payment.storeId)
    schedule = store.planner.create(call.parameters[0], body.payment, body.timeToPay)
    return json_reply({"schedule": {"id": schedule.id}})


async def get(call: Call) -> Reply:
    """GET /payment-schedules/{id}."""
    store = call.store(call.query_value("storeId"))
    return json_reply(schedule_body(store, store.planner.find(call.parameters[0])))


async def page(call: Call) -> Reply:
    """GET /payment-schedules: without ``from`` and ``until`` only the past 90 days of timeToPay."""
    query = read_portone(SchedulesInput, call.list_query())
    wanted, store = query.filter, call.store(query.filter.storeId)
    since, until = time_window(store.clock.now(), wanted.from_, wanted.until)
    known = listed_until(store.clock.now(), store.rules)
    rows = [
        one
        for one in store.planner.schedules.values()
        if since <= one.time_to_pay <= until
        and one.created_at <= known
        and wanted.billingKey in (None, one.billing_key)
        and (wanted.status is None or store.planner.status(one) in wanted.status)
        and (wanted.isForTest is None or wanted.isForTest == _is_test(store, one))
    ]
    by = query.sort.by or "CREATED_AT"
    rows.sort(key=lambda one: (_moment(one, by), one.number), reverse=query.sort.order != "ASC")
    return json_reply(page_of(query.page, rows, lambda one: schedule_body(store, one)))


async def revoke(call: Call) -> Reply:
    """DELETE /payment-schedules: 200 ``{revokedScheduleIds, revokedAt}``, all or nothing."""
    body = read_portone(RevokeInput, call.list_query())
    revoked, moment = call.store(body.storeId).planner.revoke(body.billingKey, body.scheduleIds)
    return json_reply({"revokedScheduleIds": revoked, "revokedAt": seconds_text(moment)})


def _is_test(store: Store, schedule: Schedule) -> bool:
    return store.vault.keys[schedule.billing_key].channels[0].type == "TEST"


def _moment(schedule: Schedule, by: str) -> int:
    if by == "TIME_TO_PAY":
        return schedule.time_to_pay
    if by == "COMPLETED_AT":
        return schedule.completed_at or 0
    if by == "STATUS_TIMESTAMP":
        changes = (schedule.started_at, schedule.completed_at, schedule.revoked_at)
        return max(schedule.created_at, *(moment or 0 for moment in changes))
    return schedule.created_at
