"""A schedule is made once, found again when its reply was lost, and revoked only when PortOne shows it revoked."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.unit.cancel_support import begun
from tests.unit.card_support import (
    CUSTOMER,
    KEY,
    SCHEDULE,
    SCHEDULE_ID,
    TIME_TO_PAY,
    card_job,
    changed,
    operation_body,
    saved_card,
)
from tests.unit.support import PAYMENT, STORE, FakeDatabase, FakePortOne, make_deps, payment, problem
from worker.errors import Transient
from worker.operations.create_schedule import create_schedule
from worker.operations.revoke_schedule import revoke_schedule
from worker.operations.sync_payment import sync_payment
from worker.portone.schedules import read_schedule
from worker.subjects import Schedule

MADE = {"schedule": {"id": SCHEDULE_ID}}


def portone(sends: list[Any], reads: list[Any]) -> FakePortOne:
    """Return a PortOne that gives these answers; plain objects are 200s."""

    def answer(body: Any) -> Any:
        return httpx.Response(200, json=body) if isinstance(body, dict) else body

    fake = FakePortOne()
    fake.payment = None
    fake.posts = [answer(body) for body in sends]
    fake.gets = [answer(body) for body in reads]
    return fake


def listed(*schedules: Any) -> dict[str, Any]:
    """Return a page of schedules."""
    return {"items": list(schedules), "page": {"number": 0, "size": 100, "totalCount": len(schedules)}}


async def create(fake: FakePortOne, decision: str = "send", **job: Any) -> Any:
    """Run the operation and return its outcome."""
    database = FakeDatabase(begin_attempts=begun(decision))
    return await create_schedule(make_deps(database, fake), card_job("create_schedule", **job))


async def test_a_schedule_whose_time_has_come_is_not_sent_and_says_so() -> None:
    fake = portone([MADE], [SCHEDULE])
    outcome = await create(fake, "too_late")
    assert (outcome.verdict, outcome.error["code"]) == ("failed", "TIME_TO_PAY_PASSED")
    assert fake.posts, "nothing was sent"


async def test_a_schedule_is_begun_sent_and_read_back() -> None:
    fake = portone([MADE], [SCHEDULE])
    outcome = await create(fake)
    assert fake.requests[0].url.path == f"/payments/{PAYMENT}/schedule"
    assert json.loads(fake.requests[0].content) == {
        "payment": {
            "storeId": STORE, "billingKey": KEY, "channelKey": "channel-key-billing", "orderName": "Widget x1",
            "customer": {"id": CUSTOMER}, "amount": {"total": 11000, "taxFree": 1000}, "currency": "KRW",
        },
        "timeToPay": TIME_TO_PAY,
    }  # fmt: skip
    assert fake.requests[1].url.path == f"/payment-schedules/{SCHEDULE_ID}"
    assert (outcome.verdict, outcome.attempt.outcome) == ("done", "succeeded")
    assert outcome.to_json()["schedules"] == [
        {
            "schedule_id": SCHEDULE_ID, "payment_id": PAYMENT, "status": "SCHEDULED",
            "time_to_pay": "2026-10-01T00:00:00Z", "started_at": None, "completed_at": None, "revoked_at": None,
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    "read", [httpx.ReadTimeout("x"), problem(404, "PAYMENT_SCHEDULE_NOT_FOUND"), problem(401, "UNAUTHORIZED")]
)
async def test_the_id_of_an_accepted_schedule_is_never_lost(read: Any) -> None:
    outcome = await create(portone([MADE], [read]))
    assert (outcome.verdict, outcome.schedules[0].schedule_id) == ("done", SCHEDULE_ID)
    assert outcome.schedules[0].data.keys() == read_schedule(SCHEDULE).data.keys()  # type: ignore[union-attr]


async def test_a_200_without_an_id_is_an_unknown_outcome() -> None:
    for body in ({}, {"schedule": None}, {"schedule": {}}, {"schedule": {"id": 7}}):
        outcome = await create(portone([body], []))
        assert (outcome.verdict, outcome.attempt.outcome) == ("retry", "unknown")


@pytest.mark.parametrize("code", ["PAYMENT_SCHEDULE_ALREADY_EXISTS", "ALREADY_PAID_OR_WAITING"])
async def test_what_stands_in_the_way_is_our_own_earlier_send(code: str) -> None:
    other = changed(SCHEDULE, id="another", paymentId="pay-another")
    found = await create(portone([problem(409, code)], [listed(other, SCHEDULE)]))
    assert (found.verdict, found.attempt.outcome) == ("done", "succeeded")
    assert found.schedules[0].schedule_id == SCHEDULE_ID
    absent = await create(portone([problem(409, code)], [listed(other)]))
    assert (absent.verdict, absent.attempt.outcome, absent.attempt.code) == ("retry", "unknown", code), (
        "a list may lag behind what PortOne knows: the order must not be free"
    )
    unsure = await create(portone([problem(409, code)], [httpx.ReadTimeout("x")]))
    assert (unsure.verdict, unsure.attempt.outcome) == ("retry", "unknown")


@pytest.mark.parametrize(
    ("status", "code"),
    [(404, "BILLING_KEY_NOT_FOUND"), (409, "BILLING_KEY_ALREADY_DELETED"), (400, "INVALID_REQUEST"),
     (409, "SUM_OF_PARTS_EXCEEDS_TOTAL_AMOUNT")],
)  # fmt: skip
async def test_a_definite_no_is_final(status: int, code: str) -> None:
    outcome = await create(portone([problem(status, code)], []))
    assert (outcome.verdict, outcome.error["code"], outcome.attempt.outcome) == ("failed", code, "failed")
    assert outcome.schedules == ()


async def test_a_repeat_that_is_refused_is_held_against_what_portone_lists() -> None:
    """Should PortOne have forgotten the key: the card may be gone by now, and the schedule still be there."""
    for listing, expected in (
        (listed(SCHEDULE), ("done", "succeeded")),
        (listed(), ("failed", "failed")),
        (httpx.ReadTimeout("x"), ("retry", "unknown")),
    ):
        fake = portone([problem(404, "BILLING_KEY_NOT_FOUND")], [listing])
        database = FakeDatabase()
        deps = make_deps(database, fake)
        database.answers["begin_attempts"] = begun("resend", body=operation_body(deps, b"{}"))
        outcome = await create_schedule(deps, card_job("create_schedule", "unknown"))
        assert outcome is not None
        assert outcome.attempt is not None
        assert (outcome.verdict, outcome.attempt.outcome) == expected


async def test_the_search_looks_around_the_time_also_in_the_future() -> None:
    fake = portone([], [listed(SCHEDULE)])
    outcome = await create(fake, "decided")
    wanted = json.loads(fake.requests[0].url.params["requestBody"])
    assert wanted["filter"] == {
        "storeId": STORE, "billingKey": KEY, "from": "2026-09-30T00:00:00+00:00",
        "until": "2026-10-02T00:00:00+00:00",
    }  # fmt: skip
    assert outcome.schedules[0].schedule_id == SCHEDULE_ID


async def test_the_search_goes_on_to_the_last_page_and_never_guesses() -> None:
    full = listed(*[changed(SCHEDULE, id=f"s{n}", paymentId=f"p{n}") for n in range(100)])
    fake = portone([], [full, listed(SCHEDULE)])
    outcome = await create(fake, "read_only", outcome="unknown")
    assert json.loads(fake.requests[1].url.params["requestBody"])["page"]["number"] == 1
    assert (outcome.verdict, outcome.not_found) == ("retry", False)
    with pytest.raises(Transient):
        await create(portone([], [{"items": None}]), "read_only", outcome="unknown")
    with pytest.raises(Transient):
        await create(portone([], [full] * 20), "read_only", outcome="unknown")


async def test_after_the_window_absence_is_reported_not_decided() -> None:
    outcome = await create(portone([], [listed()]), "read_only", outcome="unknown")
    assert (outcome.verdict, outcome.not_found, outcome.counts_as_failure) == ("retry", True, False)


async def test_after_a_crash_the_stored_bytes_go_out_again() -> None:
    fake = portone([MADE], [SCHEDULE])
    database = FakeDatabase()
    deps = make_deps(database, fake)
    database.answers["begin_attempts"] = begun("resend", body=operation_body(deps, b'{"old":1}'))
    await create_schedule(deps, card_job("create_schedule", None))
    assert fake.requests[0].content == b'{"old":1}'


async def test_a_job_without_its_schedule_needs_a_person() -> None:
    for missing in ({"schedule": None}, {"card": None}, {"card": saved_card(billing_key=None)}):
        assert (await create(portone([], []), **missing)).verdict == "dead"


async def revoke(fake: FakePortOne, **schedule: Any) -> Any:
    """Run the operation and return its outcome."""
    known = {"id": "s1", "schedule_id": SCHEDULE_ID, "payment_id": PAYMENT, "time_to_pay": TIME_TO_PAY,
             "status": "scheduled"} | schedule  # fmt: skip
    return await revoke_schedule(
        make_deps(portone=fake), card_job("revoke_schedule", schedule=Schedule(**known))
    )


async def test_revoking_names_the_schedule_and_reads_it_back() -> None:
    fake = portone(
        [{"revokedScheduleIds": [SCHEDULE_ID]}],
        [changed(SCHEDULE, status="REVOKED", revokedAt="2026-09-02T00:00:00Z")],
    )
    outcome = await revoke(fake)
    body = json.loads(fake.requests[0].url.params["requestBody"])
    assert body == {"storeId": STORE, "scheduleIds": [SCHEDULE_ID]}
    assert (outcome.verdict, outcome.schedules[0].status) == ("done", "REVOKED")


@pytest.mark.parametrize(
    ("answer", "state", "verdict", "code"),
    [
        (problem(409, "PAYMENT_SCHEDULE_ALREADY_REVOKED"), "REVOKED", "done", None),
        (problem(409, "PAYMENT_SCHEDULE_ALREADY_PROCESSED"), "SUCCEEDED", "failed",
         "PAYMENT_SCHEDULE_ALREADY_PROCESSED"),
        (problem(403, "FORBIDDEN"), "SCHEDULED", "failed", "FORBIDDEN"),
        ({"revokedScheduleIds": []}, "SCHEDULED", "retry", "SCHEDULE_STILL_THERE"),
    ],
)  # fmt: skip
async def test_the_schedules_own_state_decides(
    answer: Any, state: str, verdict: str, code: str | None
) -> None:
    fake = portone([answer], [changed(SCHEDULE, status=state), payment("PAID")])
    outcome = await revoke(fake)
    assert (outcome.verdict, (outcome.error or {}).get("code")) == (verdict, code)
    assert len(outcome.snapshots) == (1 if state == "SUCCEEDED" else 0)


async def test_a_schedule_whose_id_was_lost_is_found_and_revoked() -> None:
    fake = portone(
        [{"revokedScheduleIds": [SCHEDULE_ID]}], [listed(SCHEDULE), changed(SCHEDULE, status="REVOKED")]
    )
    outcome = await revoke(fake, schedule_id=None)
    body = json.loads(fake.sent("DELETE")[0].url.params["requestBody"])
    assert (body["scheduleIds"], outcome.verdict) == ([SCHEDULE_ID], "done")


async def test_a_schedule_nobody_finds_is_not_revoked_and_the_database_is_told_so() -> None:
    fake = portone([], [listed()])
    outcome = await revoke(fake, schedule_id=None)
    assert (outcome.verdict, outcome.schedule_not_found, fake.sent("DELETE")) == ("retry", True, [])
    assert outcome.to_json()["schedule_not_found"] is True


async def test_without_its_card_not_finding_a_schedule_proves_nothing() -> None:
    fake = portone([], [])
    job = card_job("revoke_schedule", card=None)
    outcome = await revoke_schedule(make_deps(portone=fake), job)
    assert outcome is not None
    assert (outcome.verdict, outcome.schedule_not_found, fake.requests) == ("retry", False, [])


@pytest.mark.parametrize(
    ("reads", "card", "found", "absent"),
    [
        ([listed(SCHEDULE)], {}, True, False),
        ([listed()], {}, False, True),
        ([], {"card": None}, False, False),
        ([], {"schedule": None}, False, False),
    ],
    ids=["listed", "not listed", "no card to look by", "no schedule"],
)
async def test_a_payment_portone_does_not_know_is_looked_for_as_a_schedule(
    reads: list[Any], card: dict[str, Any], found: bool, absent: bool
) -> None:
    in_either_store = problem(404, "PAYMENT_NOT_FOUND")
    fake = portone([], [in_either_store, in_either_store, *reads])
    outcome = await sync_payment(make_deps(portone=fake), card_job("sync_payment", **card))
    assert (outcome.verdict, outcome.not_found) == ("done", True)
    assert ([one.schedule_id for one in outcome.schedules], outcome.schedule_not_found) == (
        [SCHEDULE_ID] if found else [],
        absent,
    )


async def test_a_schedule_portone_does_not_know_fails() -> None:
    gone = "PAYMENT_SCHEDULE_NOT_FOUND"
    outcome = await revoke(portone([problem(404, gone)], [problem(404, gone)]))
    assert (outcome.verdict, outcome.error["code"]) == ("failed", gone)


@pytest.mark.parametrize(
    "body", [None, [], {}, {"id": 1}, SCHEDULE | {"status": None}, SCHEDULE | {"paymentId": ""}]
)
def test_an_unreadable_schedule_is_none(body: Any) -> None:
    assert read_schedule(body) is None


def test_unknown_words_and_times_are_kept_or_null() -> None:
    reading = read_schedule(SCHEDULE | {"status": "TOMORROW", "timeToPay": "soon", "new": {}})
    assert reading is not None
    assert (reading.status, reading.data["time_to_pay"]) == ("TOMORROW", None)
