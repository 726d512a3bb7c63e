"""Comparing a window: every page is held against the books, a full one is halved, events are only a second look."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.unit.support import PAYMENT, STORE, FakeDatabase, FakePortOne, make_deps, make_job, payment, script
from worker.errors import DatabaseUnavailable, Rejected, Transient
from worker.operations.compare_window import compare_window
from worker.operations.resend_webhook import resend_webhook
from worker.operations.sweep_payments import sweep_payments
from worker.portone import payment_lists
from worker.runner.reconciler import Reconciler

BEGIN = datetime(2026, 9, 1, tzinfo=UTC)
END = BEGIN + timedelta(hours=6)


class Shop(FakePortOne):
    """A PortOne with payments that changed at given seconds after BEGIN."""

    def __init__(self, *changed_at: int, events: httpx.Response | list[dict[str, Any]] | None = None) -> None:
        super().__init__()
        self.rows = [(BEGIN + timedelta(seconds=at), f"pay{at:08}") for at in changed_at]
        self.events: Any = [] if events is None else events
        self.windows: list[tuple[str, str, int]] = []

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Lists by window, in pages."""
        self.requests.append(request)
        asked = json.loads(request.url.params.get("requestBody", "{}"))
        if request.url.path == "/payment-events-by-cursor":
            if isinstance(self.events, httpx.Response):
                return self.events
            items = self.events if "cursor" not in asked else []
            return httpx.Response(
                200, json={"items": [{"paymentEvent": one, "cursor": "c1"} for one in items]}
            )
        if request.url.path != "/payments":
            return super().handle(request)
        chosen, page = asked["filter"], asked["page"]
        self.windows.append((chosen["from"], chosen["until"], page["number"]))
        since, until = (datetime.fromisoformat(chosen[name]) for name in ("from", "until"))
        found = [name for at, name in self.rows if since <= at <= until]
        shown = found[page["number"] * page["size"] : (page["number"] + 1) * page["size"]]
        return httpx.Response(200, json={"items": [payment(id=name) for name in shown]})


def event(payment_id: str, kind: str, cancelled: int, at: str) -> dict[str, Any]:
    """A PaymentEvent."""
    return {
        "type": kind, "paymentId": payment_id, "storeId": STORE, "createdAt": at, "currency": "KRW",
        "totalAmount": {"total": 11000, "cancelled": cancelled},
    }  # fmt: skip


def equal(params: Any) -> list[dict[str, Any]]:
    """The books agree with everything."""
    return [
        {"payment_id": one["payment_id"], "verdict": "equal", "job_id": None} for one in params["sightings"]
    ]


def seen_ids(database: FakeDatabase) -> list[str]:
    """Ids of every sighting recorded, in order."""
    return [one["payment_id"] for call in database.named("record_drift") for one in call["sightings"]]


async def test_a_day_of_very_many_events_is_recorded_in_calls_the_database_takes() -> None:
    shop = Shop(events=[event(f"old{n}", "PAID", 0, "2026-09-01T01:00:00Z") for n in range(1100)])
    database = FakeDatabase(record_drift=equal, check_unlisted=[])
    deps = make_deps(database, shop)
    found = await compare_window(deps, deps.stores.of(STORE), BEGIN, END, repair=True, whole=False)
    assert [len(call["sightings"]) for call in database.named("record_drift")] == [500, 500, 100]
    assert (len(set(seen_ids(database))), found.seen, found.verdicts) == (1100, 1100, {"equal": 1100})


async def test_everything_listed_is_recorded_once_with_its_store_and_ours_are_looked_for() -> None:
    database = FakeDatabase(record_drift=equal, check_unlisted=["payGone"])
    shop = Shop(1, 2, 3)
    deps = make_deps(database, shop)
    found = await compare_window(deps, deps.stores.main, BEGIN, END, repair=True, whole=True)
    assert (found.seen, found.different, found.unlisted, found.source) == (
        3,
        0,
        ["payGone"],
        "payments+events",
    )
    (recorded,) = database.named("record_drift")
    first = recorded["sightings"][0]
    assert (first["payment_id"], first["store_id"], first["known_store"], first["repair"]) == (
        "pay00000001", STORE, True, True,
    )  # fmt: skip
    assert (first["status"], first["total"], first["cancelled"]) == ("PAID", 11000, 0)
    (checked,) = database.named("check_unlisted")
    assert checked["listed"] == ["pay00000001", "pay00000002", "pay00000003"]
    assert datetime.fromisoformat(checked["until_at"]) == END - timedelta(minutes=2)


async def test_a_window_with_too_many_is_halved_until_it_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payment_lists, "PAGE_SIZE", 2)
    monkeypatch.setattr(payment_lists, "MOST_PAGES", 2)
    database = FakeDatabase(record_drift=equal, check_unlisted=[])
    shop = Shop(*range(0, 20_000, 2_000))
    deps = make_deps(database, shop)
    await compare_window(deps, deps.stores.main, BEGIN, END, repair=False, whole=True)
    assert set(seen_ids(database)) == {name for _at, name in shop.rows}
    (checked,) = database.named("check_unlisted")
    assert len(checked["listed"]) == 10


async def test_more_than_can_be_read_of_one_moment_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payment_lists, "PAGE_SIZE", 1)
    monkeypatch.setattr(payment_lists, "MOST_PAGES", 1)
    deps = make_deps(FakeDatabase(record_drift=equal), Shop(5, 5, 5))
    with pytest.raises(Transient, match="one moment"):
        await compare_window(deps, deps.stores.main, BEGIN, END, repair=True, whole=False)


async def test_what_only_the_events_show_is_recorded_by_its_last_event() -> None:
    database = FakeDatabase(record_drift=equal)
    events = [
        event("payEvent", "PAID", 0, "2026-09-01T01:00:00.1Z"),
        event("payEvent", "CANCELLED", 11000, "2026-09-01T02:00:00Z"),
        event("pay00000001", "PAID", 0, "2026-09-01T01:00:00Z"),
        {"type": "PAID"},
    ]
    deps = make_deps(database, Shop(1, events=events))
    found = await compare_window(deps, deps.stores.main, BEGIN, END, repair=True, whole=False)
    assert seen_ids(database) == ["pay00000001", "payEvent"]
    last = database.named("record_drift")[1]["sightings"][0]
    assert (last["status"], last["cancelled"], last["source"]) == ("CANCELLED", 11000, "events")
    assert found.seen == 2


@pytest.mark.parametrize(
    "gone",
    [httpx.Response(404), httpx.Response(500, text="<html>"), httpx.Response(200, json={"items": "none"})],
)
async def test_without_the_events_the_list_is_enough(gone: httpx.Response) -> None:
    deps = make_deps(FakeDatabase(record_drift=equal), Shop(1, events=gone))
    found = await compare_window(deps, deps.stores.main, BEGIN, END, repair=True, whole=False)
    assert (found.source, found.seen) == ("payments", 1)


async def test_what_the_database_has_no_room_for_is_sent_again_and_counted_once() -> None:
    def first_of(params: Any) -> list[dict[str, Any]]:
        words = ["late", *["again"] * (len(params["sightings"]) - 1)]
        return [
            {"payment_id": one["payment_id"], "verdict": word, "job_id": 1}
            for one, word in zip(params["sightings"], words, strict=True)
        ]

    deps = make_deps(FakeDatabase(record_drift=first_of), Shop(1, 2, 3))
    found = await compare_window(deps, deps.stores.main, BEGIN, END, repair=True, whole=False)
    assert (found.verdicts, found.different) == ({"late": 3}, 3)


async def test_a_payment_of_a_store_nobody_configured_is_marked() -> None:
    database = FakeDatabase(record_drift=equal)
    shop = Shop(1)
    deps = make_deps(database, shop)
    stranger = copy.deepcopy(payment(id="payX", storeId="store-unknown"))
    shop.gets = []
    shop.handle = lambda request: httpx.Response(  # type: ignore[method-assign]
        200, json={"items": [stranger] if request.url.path == "/payments" else []}
    )
    deps = make_deps(database, shop)
    await compare_window(deps, deps.stores.main, BEGIN, END, repair=True, whole=False)
    (recorded,) = database.named("record_drift")
    assert (recorded["sightings"][0]["store_id"], recorded["sightings"][0]["known_store"]) == (
        "store-unknown",
        False,
    )


async def test_a_sweep_ends_with_what_it_saw_and_fails_where_the_list_cannot_be_read() -> None:
    job = make_job(
        "sweep_payments",
        payload={"store_id": STORE, "from": BEGIN.isoformat(), "until": END.isoformat()},
    )
    deps = make_deps(FakeDatabase(record_drift=equal), Shop(1, 2))
    outcome = await sweep_payments(deps, job)
    assert (outcome.verdict, outcome.result) == (
        "done",
        {"source": "payments+events", "seen": 2, "different": 0},
    )
    broken = FakePortOne()
    broken.gets = [httpx.Response(502, text="<html>")]
    with pytest.raises(Transient):
        await sweep_payments(make_deps(FakeDatabase(), broken), job)
    nothing = await sweep_payments(deps, make_job("sweep_payments", payload={}))
    assert nothing.verdict == "dead"


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        (httpx.Response(200, json={"webhook": {"id": "w", "status": "SUCCEEDED"}}), "SUCCEEDED"),
        (httpx.Response(200, json={"webhook": {"id": "w"}}), "SENT"),
        (httpx.Response(404, json={"type": "WEBHOOK_NOT_FOUND"}), "WEBHOOK_NOT_FOUND"),
        (
            httpx.Response(400, json={"type": "MAX_WEBHOOK_RETRY_COUNT_REACHED"}),
            "MAX_WEBHOOK_RETRY_COUNT_REACHED",
        ),
        (httpx.Response(503, text="<html>"), "PORTONE_UNAVAILABLE"),
    ],
)
async def test_a_webhook_is_asked_for_and_the_payment_read_whatever_the_answer(
    reply: httpx.Response, answer: str
) -> None:
    fake = FakePortOne()
    fake.posts = [reply]
    outcome = await resend_webhook(make_deps(FakeDatabase(), fake), make_job("resend_webhook"))
    assert (outcome.verdict, outcome.result) == ("done", {"resend": answer})
    assert [snapshot.payment_id for snapshot in outcome.snapshots] == [PAYMENT]
    post, get = fake.requests
    assert post.url.path == f"/payments/{PAYMENT}/resend-webhook"
    assert json.loads(post.content) == {"storeId": STORE}
    assert get.url.path == f"/payments/{PAYMENT}"


def due(sweeps: int = 0, *, more: bool = False) -> dict[str, Any]:
    """An answer of schedule_reconciliation."""
    return {"sweeps": sweeps, "polls": 0, "overdue": 0, "more": more}


async def test_a_look_goes_on_while_there_is_more_and_wakes_the_claimer() -> None:
    database = FakeDatabase(schedule_reconciliation=script(due(1, more=True), due()))
    deps = make_deps(database)
    await Reconciler(deps).look()
    calls = database.named("schedule_reconciliation")
    assert len(calls) == 2
    assert STORE in calls[0]["stores"]
    assert await deps.bell.wait(0) is True


@pytest.mark.parametrize("error", [DatabaseUnavailable("X", "gone"), Rejected("X", "no")])
async def test_a_look_that_fails_is_made_up_for_by_the_next(error: Exception) -> None:
    await Reconciler(make_deps(FakeDatabase(schedule_reconciliation=error))).look()
