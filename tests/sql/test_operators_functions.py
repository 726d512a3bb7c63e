"""explain_payment and service_status: right for operators, bounded, and nothing in them that must not be read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.sql.shop import Refused, claim, paid_payment, settle, snapshot
from tests.sql.test_views import bury, deliver

if TYPE_CHECKING:
    from tests.sql.shop import Caller, Shop


def explained(caller: Caller, payment_id: str) -> dict[str, Any]:
    """What the function tells this caller."""
    told: dict[str, Any] = caller.row("select public.explain_payment(%s) as told", payment_id)["told"]
    return told


def status(caller: Caller) -> dict[str, Any]:
    """How the whole stands."""
    told: dict[str, Any] = caller.row("select public.service_status() as told")["told"]
    return told


def hanging_refund(shop: Shop, worker: Caller) -> str:
    """A refund that was sent and whose answer was lost, and a read-back that waits for it; the payment's id."""
    paid = paid_payment(shop, worker)
    worker.one("request_cancellation", payment_id=paid.payment_id, amount=300, reason="one was broken")
    (job,) = claim(worker)
    worker.call("begin_attempts", attempts=[{"job_id": job["id"], "claim": job["claim"], "body": "Ym9keQ=="}])
    error = {"code": "PORTONE_TIMEOUT", "message": "PortOne did not answer in time."}
    settle(worker, job, "retry", attempt={"number": 1, "outcome": "unknown"}, error=error)
    worker.one("request_completion", payment_id=paid.payment_id)
    return paid.payment_id


def test_why_a_refund_hangs(shop: Shop, worker: Caller) -> None:
    payment_id = hanging_refund(shop, worker)
    told = explained(shop.admin(), payment_id)
    assert told["payment"]["reserved_amount"] == 300
    assert [(job["kind"], job["state"]) for job in told["jobs"]] == [
        ("cancel_payment", "backoff"),
        ("sync_payment", "waiting"),
    ]
    assert told["jobs"][0]["error"]["code"] == "CANCELLATION_UNDECIDED"
    assert told["jobs"][0]["run_at"] > told["now"]
    (send,) = told["sends"]
    assert (send["number"], send["outcome"], send["decided_at"]) == (1, "unknown", None)
    assert send["repeatable_until"] > send["sent_at"]
    (refund,) = told["refunds"]
    assert (refund["status"], refund["held_amount"]) == ("unknown", 300)
    assert [entry["what"] for entry in told["timeline"]][:1] == ["prepare_payment requested"]
    assert "Ym9keQ" not in json.dumps(told)


def test_dead_jobs_and_findings_belong_to_the_story(shop: Shop, worker: Caller) -> None:
    paid = paid_payment(shop, worker)
    worker.one("request_cancellation", payment_id=paid.payment_id, amount=400, reason="r")
    (job,) = claim(worker)
    worker.call("begin_attempts", attempts=[{"job_id": job["id"], "claim": job["claim"], "body": "Ym9keQ=="}])
    settle(worker, job, "dead", error={"code": "SETTLE_REJECTED", "message": "m"})
    told = explained(worker, paid.payment_id)
    assert [(job["kind"], job["state"], job["reason"]) for job in told["jobs"]] == [
        ("cancel_payment", "dead", "settle_rejected"),
        ("sync_payment", "scheduled", None),  # it is read back when PortOne's window is over
    ]
    assert [finding["kind"] for finding in told["findings"]] == ["undecided_cancellation"]


def test_a_payment_only_webhooks_speak_of_has_a_story(shop: Shop, worker: Caller) -> None:
    deliver(worker, "wh-stray", "never-heard-of")
    told = explained(shop.owner(), "never-heard-of")
    assert told["payment"] is None
    assert [entry["source"] for entry in told["timeline"]] == ["webhook"]


def test_the_story_is_for_operators(shop: Shop, worker: Caller) -> None:
    paid = paid_payment(shop, worker)
    user = str(
        shop.setup.row(
            "select user_id::text as id from public.payments where payment_id = %s", paid.payment_id
        )["id"]
    )
    for caller, code in ((shop.user(user), "ADMIN_REQUIRED"), (shop.user(shop.new_user()), "ADMIN_REQUIRED")):
        with pytest.raises(Refused) as refused:
            explained_by_call(caller, paid.payment_id)
        assert refused.value.code == code
    for wrong, code in (("", "PAYMENT_ID_REQUIRED"), ("nothing", "PAYMENT_NOT_FOUND")):
        with pytest.raises(Refused) as refused:
            explained_by_call(shop.admin(), wrong)
        assert refused.value.code == code


def explained_by_call(caller: Caller, payment_id: str) -> None:
    """The same, with refusals as `Refused`."""
    caller.call("explain_payment", payment_id=payment_id)


def test_how_the_whole_stands(shop: Shop, worker: Caller) -> None:
    nothing = status(worker)
    assert (nothing["jobs"], nothing["findings"], nothing["unknown_outcomes"]) == ([], {}, 0)
    assert nothing["webhooks"]["lag_p50_seconds"] is None
    paid = paid_payment(shop, worker)
    deliver(worker, "wh-1", paid.payment_id, times=2)
    shop.advance(2)
    (job,) = claim(worker)
    settle(worker, job, snapshots=[snapshot(paid.payment_id)])
    bury(worker)
    hanging_refund(shop, worker)
    deliver(worker, "wh-2", "console-payment-1")
    shop.advance(30)
    told = status(worker)
    assert {(job["kind"], job["state"]): job["jobs"] for job in told["jobs"]} == {
        ("cancel_payment", "backoff"): 1, ("send_letter", "dead"): 1, ("sync_payment", "ready"): 1, ("sync_payment", "waiting"): 1,
    }  # fmt: skip
    assert told["unknown_outcomes"] == told["refunds"]["unknown"] == told["refunds"]["open"] == 1
    assert told["finished"]["done"] >= 3
    webhooks = told["webhooks"]
    assert [webhooks[name] for name in ("received", "processed", "skipped", "failed", "waiting")] == [
        3,
        1,
        1,
        0,
        1,
    ]
    assert 2 <= webhooks["lag_max_seconds"] < 30
    assert webhooks["oldest_waiting_seconds"] >= 30
    shop.advance(3600)
    assert status(worker)["webhooks"]["received"] == 0
    assert status(worker)["finished"]["done"] == 0


def test_open_findings_are_counted_by_kind(shop: Shop, worker: Caller) -> None:
    for name in ("console-1", "console-2"):
        deliver(worker, f"wh-{name}", name)
        (job,) = claim(worker)
        settle(worker, job, snapshots=[snapshot(name)])
    assert status(worker)["findings"] == {"missing_here": 2}


def test_open_refunds_are_found_by_their_index(shop: Shop, worker: Caller) -> None:
    """With sequential scans made dear, the planner has an index whose condition is this query's."""
    shop.setup.run("set enable_seqscan = off")
    plan = shop.setup.rows(
        "explain select from public.payment_cancellations where status in ('reserved', 'requested', 'unknown') order by created_at limit 10"
    )
    assert "payment_cancellations_open_idx" in str(plan)
