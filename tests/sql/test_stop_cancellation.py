"""A refund PortOne has taken is stopped only where PortOne can, by the shop, and only by PortOne's word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sql.cards import begin
from tests.sql.shop import amounts, cancellation, claim, paid_payment, settle, snapshot
from tests.sql.test_bad_input import refusal

if TYPE_CHECKING:
    from tests.sql.shop import Caller, Row, Shop


def seen(payment_id: str, status: str) -> Row:
    """PortOne's payment with the one cancellation in this state."""
    done = status == "SUCCEEDED"
    return snapshot(
        payment_id,
        "PARTIAL_CANCELLED" if done else "PAID",
        pg_provider="TRIPLE_A",
        cancelled=300 if done else 0,
        cancellations=[cancellation("c-1", 300, status)],
        updated_at="2026-11-02T00:00:00Z" if status == "REQUESTED" else "2026-11-03T00:00:00Z",
    )


def requested(shop: Shop, worker: Caller, owner: Caller) -> Row:
    """A refund of 300 PortOne has taken: payment, refund, operation, who paid."""
    paid = paid_payment(shop, worker, pg_provider="TRIPLE_A")
    operation = worker.one("request_cancellation", payment_id=paid.payment_id, amount=300, reason="r")
    (job,) = claim(worker)
    begin(worker, job)
    taken = {"number": 1, "outcome": "requested", "cancellation_id": "c-1"}
    settle(worker, job, attempt=taken, snapshots=[seen(paid.payment_id, "REQUESTED")])
    refund = owner.row("select id::text from public.payment_cancellations where cancellation_id = 'c-1'")
    return {
        "payment": paid.payment_id,
        "refund": refund["id"],
        "operation": operation["id"],
        "user": paid.user_id,
    }


@pytest.mark.parametrize(
    ("word", "stopped", "refunded", "code"),
    [
        ("FAILED", "succeeded", "failed", "CANCELLATION_STOPPED"),
        ("SUCCEEDED", "failed", "succeeded", None),
    ],
)
def test_what_portone_says_after_the_stop_decides(
    shop: Shop,
    worker: Caller,
    owner: Caller,
    word: str,
    stopped: str,
    refunded: str,
    code: str | None,
) -> None:
    made = requested(shop, worker, owner)
    stop = shop.admin().one("stop_cancellation", id=made["refund"])
    (job,) = claim(worker)
    assert job["context"]["cancellation"]["cancellation_id"] == "c-1"
    settle(worker, job, "done", retry_in_seconds=0, snapshots=[seen(made["payment"], "REQUESTED")])
    assert worker.one("get_operation", id=stop["id"])["status"] == "pending", "not by the worker's word"
    assert amounts(owner, made["payment"]) == (1000, 0, 300, 700)
    (job,) = claim(worker)
    settle(worker, job, "done", snapshots=[seen(made["payment"], word)])
    assert worker.one("get_operation", id=stop["id"])["status"] == stopped
    refund = worker.one("get_operation", id=made["operation"])
    assert (refund["status"], (refund["error"] or {}).get("code")) == (refunded, code)
    cancelled = 300 if word == "SUCCEEDED" else 0
    assert amounts(owner, made["payment"]) == (1000, cancelled, 0, 1000 - cancelled)


def test_a_refused_stop_leaves_the_refund_as_it_is(shop: Shop, worker: Caller, owner: Caller) -> None:
    made = requested(shop, worker, owner)
    stop = worker.one("stop_cancellation", id=made["refund"])
    (job,) = claim(worker)
    error = {"code": "PG_PROVIDER", "message": "The PG refused it."}
    settle(worker, job, "failed", error=error, snapshots=[seen(made["payment"], "REQUESTED")])
    ended = worker.one("get_operation", id=stop["id"])
    assert (ended["status"], ended["error"]["code"]) == ("failed", "PG_PROVIDER")
    assert worker.one("get_operation", id=made["operation"])["status"] == "pending"
    assert amounts(owner, made["payment"]) == (1000, 0, 300, 700)


def test_a_stop_whose_job_died_is_read_back_in_case_it_happened(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    """PortOne had stopped the refund, every answer was lost: its hold must not stand until somebody looks."""
    made = requested(shop, worker, owner)
    stop = worker.one("stop_cancellation", id=made["refund"])
    (job,) = claim(worker)
    settle(worker, job, "dead", error={"code": "INTERNAL_ERROR", "message": "It failed."})
    assert worker.one("get_operation", id=stop["id"])["status"] == "failed"
    assert amounts(owner, made["payment"]) == (1000, 0, 300, 700)
    shop.advance(61)
    (reading,) = claim(worker)
    assert (reading["kind"], reading["lane"]) == ("sync_payment", job["lane"])
    settle(worker, reading, snapshots=[seen(made["payment"], "FAILED")])
    assert amounts(owner, made["payment"]) == (1000, 0, 0, 1000)
    assert worker.one("get_operation", id=made["operation"])["status"] == "failed"


def test_who_may_stop_and_what_can_be_stopped(shop: Shop, worker: Caller, owner: Caller) -> None:
    made = requested(shop, worker, owner)
    ask = {"id": made["refund"]}
    assert refusal(shop.user(made["user"]), "stop_cancellation", **ask)[1] == "CANCEL_NOT_ALLOWED"
    assert refusal(shop.user(shop.new_user()), "stop_cancellation", **ask)[1] == "CANCELLATION_NOT_FOUND"
    owner.run("update public.payments set pg_provider = 'TOSSPAYMENTS'")
    assert refusal(worker, "stop_cancellation", **ask)[1] == "CANCELLATION_NOT_STOPPABLE"
    owner.run("update public.payments set pg_provider = null")
    assert refusal(worker, "stop_cancellation", **ask)[1] == "CANCELLATION_NOT_STOPPABLE"
    reserved = worker.one("request_cancellation", payment_id=made["payment"], amount=1, reason="r")
    waiting = owner.row(
        "select id::text from public.payment_cancellations where operation_id = %s", reserved["id"]
    )
    assert refusal(worker, "stop_cancellation", id=waiting["id"])[1] == "CANCELLATION_NOT_PENDING"


def test_a_stop_asked_for_twice_with_one_key_is_one(shop: Shop, worker: Caller, owner: Caller) -> None:
    made = requested(shop, worker, owner)
    first = worker.one("stop_cancellation", id=made["refund"], idempotency_key="stop-once-1")
    assert (
        worker.one("stop_cancellation", id=made["refund"], idempotency_key="stop-once-1")["id"] == first["id"]
    )
