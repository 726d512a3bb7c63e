"""Schedules: accepted, executed by the movable clock, revoked all or nothing, listed within their window."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from .test_billing import charge, events, issue
from .walk import ORDER

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from sandbox.portone.control_client import SimulatorControl

    from .receiver import Receiver

LATER = "2100-01-01T00:00:00Z"


def schedule(api: httpx.Client, payment_id: str, key: str, when: str = LATER, **more: Any) -> httpx.Response:
    """Create a schedule."""
    payment = {**ORDER, "billingKey": key, **more}
    return api.post(f"/payments/{payment_id}/schedule", json={"payment": payment, "timeToPay": when})


def revoke(api: httpx.Client, **body: Any) -> httpx.Response:
    """Revoke schedules."""
    return api.delete("/payment-schedules", params={"requestBody": json.dumps(body)})


@pytest.fixture
def key(hooked: SimulatorControl) -> str:
    """Return a billing key."""
    return issue(hooked)


def test_the_clock_executes_it(
    hooked: SimulatorControl, api: httpx.Client, receiver: Receiver, key: str
) -> None:
    schedule_id = schedule(api, "sched00001", key, customData="x").json()["schedule"]["id"]
    events(hooked, receiver)
    assert api.get("/payments/sched00001").status_code == 404, "nothing exists before its time"
    assert api.get(f"/payment-schedules/{schedule_id}").json()["status"] == "SCHEDULED"
    hooked.run_schedule(schedule_id)
    shown = api.get(f"/payment-schedules/{schedule_id}").json()
    payment = api.get("/payments/sched00001").json()
    assert (shown["status"], shown["startedAt"]) == ("SUCCEEDED", LATER)
    assert (payment["status"], payment["scheduleId"], payment["customData"]) == ("PAID", schedule_id, "x")
    assert events(hooked, receiver) == ["Transaction.Paid"], "no webhook is about the schedule itself"
    hooked.advance_clock(86_400)
    assert len(api.get("/payments/sched00001/transactions").json()["items"]) == 1, "it runs once"
    listed = api.get("/payments", params={"requestBody": '{"filter": {"isScheduled": true}}'}).json()
    assert [row["id"] for row in listed["items"]] == ["sched00001"]


@pytest.mark.parametrize("how", ["decline", "fault", "deleted"])
def test_a_failed_execution(hooked: SimulatorControl, api: httpx.Client, key: str, how: str) -> None:
    schedule_id = schedule(api, "sched00001", key).json()["schedule"]["id"]
    if how == "decline":
        hooked.decline_billing_key(key)
    elif how == "fault":
        hooked.add_fault("pg_provider", "/payments/*/schedule")
    else:
        hooked.console_delete_billing_key(key)
    assert hooked.run_schedule(schedule_id)["status"] == "FAILED"
    expected = 404 if how == "deleted" else 200
    assert api.get("/payments/sched00001").status_code == expected
    assert charge(api, "sched00001", issue(hooked)).status_code == 200, "the payment id is free again"


def test_a_pending_payment_keeps_its_schedule_pending(hooked: SimulatorControl, api: httpx.Client) -> None:
    key = issue(hooked, channelKey="channel-key-paypal", billingKeyMethod="PAYPAL")
    schedule_id = schedule(api, "sched00001", key).json()["schedule"]["id"]
    assert hooked.run_schedule(schedule_id)["status"] == "PENDING"
    assert api.get("/payments/sched00001").json()["status"] == "PAY_PENDING"
    hooked.approve("sched00001")
    assert api.get(f"/payment-schedules/{schedule_id}").json()["status"] == "SUCCEEDED"


def test_what_creating_refuses(
    hooked: SimulatorControl, api: httpx.Client, key: str, pay: Callable[..., str]
) -> None:
    assert schedule(api, "sched00001", key).status_code == 200
    for reply in (schedule(api, "sched00001", key), charge(api, "sched00001", key)):
        assert (reply.status_code, reply.json()["type"]) == (409, "PAYMENT_SCHEDULE_ALREADY_EXISTS")
    assert schedule(api, pay(), key).json()["type"] == "ALREADY_PAID_OR_WAITING"
    parts = {"amount": {"total": 10, "taxFree": 9, "vat": 2}}
    assert schedule(api, "sched00002", key, **parts).json()["type"] == "SUM_OF_PARTS_EXCEEDS_TOTAL_AMOUNT"
    assert schedule(api, "sched00002", "none").json()["type"] == "BILLING_KEY_NOT_FOUND"
    for when in ("2000-01-01T00:00:00Z", "tomorrow", "2100-01-01T00:00:00"):
        assert schedule(api, "sched00002", key, when).json()["type"] == "INVALID_REQUEST"
    hooked.assumptions(schedule_in_the_past="run")
    done = schedule(api, "sched00002", key, "2000-01-01T00:00:00Z").json()["schedule"]["id"]
    hooked.advance_clock(1)
    assert api.get(f"/payment-schedules/{done}").json()["status"] == "SUCCEEDED"


def test_revoking_is_all_or_nothing(hooked: SimulatorControl, api: httpx.Client, key: str) -> None:
    ids = [schedule(api, f"sched0000{n}", key).json()["schedule"]["id"] for n in range(3)]
    other = issue(hooked)
    assert revoke(api).json()["type"] == "INVALID_REQUEST"
    assert revoke(api, scheduleIds=[ids[0], "none"]).json()["type"] == "PAYMENT_SCHEDULE_NOT_FOUND"
    assert revoke(api, billingKey=other, scheduleIds=[ids[0]]).json()["type"] == "INVALID_REQUEST"
    assert api.get(f"/payment-schedules/{ids[0]}").json()["status"] == "SCHEDULED"
    assert revoke(api, scheduleIds=ids[:1]).json()["revokedScheduleIds"] == ids[:1]
    assert revoke(api, scheduleIds=ids[:2]).json()["type"] == "PAYMENT_SCHEDULE_ALREADY_REVOKED"
    assert api.delete(f"/billing-keys/{key}").json()["type"] == "PAYMENT_SCHEDULE_ALREADY_EXISTS"
    assert revoke(api, billingKey=key).json()["revokedScheduleIds"] == ids[1:]
    hooked.advance_clock(86_400 * 366)
    assert api.get("/payments/sched00001").status_code == 404, "a revoked schedule never runs"
    assert api.delete(f"/billing-keys/{key}").status_code == 200
    assert revoke(api, billingKey=key).json()["type"] == "BILLING_KEY_ALREADY_DELETED"


def test_the_list_hides_the_future_by_default(hooked: SimulatorControl, api: httpx.Client, key: str) -> None:
    for number, when in enumerate(("2100-01-01T00:00:00Z", "2100-01-02T00:00:00Z")):
        schedule(api, f"sched0000{number}", key, when)

    def listed(**query: Any) -> list[str]:
        rows = api.get("/payment-schedules", params={"requestBody": json.dumps(query)}).json()["items"]
        return [row["paymentId"] for row in rows]

    assert listed() == [], "only the past 90 days of timeToPay"
    window = {"from": "2099-12-31T00:00:00Z", "until": "2100-01-31T00:00:00Z"}
    assert listed(filter=window) == ["sched00001", "sched00000"]
    assert listed(filter=window, sort={"by": "TIME_TO_PAY", "order": "ASC"}) == ["sched00000", "sched00001"]
    assert listed(filter=window | {"status": ["REVOKED"]}) == []
    assert listed(filter=window | {"isForTest": False}) == []
    assert listed(filter=window | {"billingKey": key}, page={"size": 1}) == ["sched00001"]
