"""Law 2 from many sides at once: refunds that race never sum past what was paid, and PortOne's own cancellations win."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.sql.shop import (
    Caller,
    Refused,
    Row,
    Shop,
    amounts,
    cancellation,
    claim,
    paid_payment,
    settle,
    snapshot,
)


def ask(caller: Caller, payment_id: str, amount: int | None = 100) -> str:
    """Asks for a refund; the code it was refused with, or an empty string."""
    try:
        caller.one("request_cancellation", payment_id=payment_id, amount=amount, reason="r")
    except Refused as refused:
        return refused.code
    return ""


def test_fifty_refunds_at_once_take_what_there_is_and_no_more(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    paid = paid_payment(shop, worker)
    callers = [shop.service() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: ask(callers[number % 8], paid.payment_id), range(50)))
    assert answers.count("") == 10
    assert set(answers) == {"", "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT"}
    assert amounts(owner, paid.payment_id) == (1000, 0, 1000, 0)


def begin(worker: Caller, job: Row, *snapshots: Row) -> Row:
    """Asks to send."""
    (begun,) = worker.call(
        "begin_attempts",
        attempts=[{"job_id": job["id"], "claim": job["claim"], "body": "AAAA", "snapshots": list(snapshots)}],
    )
    return begun


def cancelled_outside(payment_id: str, amount: int, trigger: str, *more: Row) -> Row:
    """PortOne's payment after the console or a chargeback took some of it back."""
    total = amount + sum(entry["amount"] for entry in more)
    return snapshot(
        payment_id,
        "CANCELLED" if total == 1000 else "PARTIAL_CANCELLED",
        cancelled=total,
        cancellations=[cancellation("outside", amount, trigger=trigger), *more],
        updated_at="2026-11-03T00:00:00Z",
        status_changed_at="2026-11-03T00:00:00Z",
    )


@pytest.mark.parametrize("trigger", ["CONSOLE", "CHARGEBACK"])
def test_queued_refund_overtaken_from_outside_ends_balance_changed_without_a_call(
    shop: Shop, worker: Caller, owner: Caller, trigger: str
) -> None:
    paid = paid_payment(shop, worker)
    operation = worker.one("request_cancellation", payment_id=paid.payment_id, amount=600, reason="r")
    (job,) = claim(worker)
    seen = cancelled_outside(paid.payment_id, 700, trigger)
    begun = begin(worker, job, seen)
    assert begun["decision"] == "balance_changed"
    settle(worker, job, snapshots=[seen])
    ended = worker.one("get_operation", id=operation["id"])
    assert (ended["status"], ended["error"]["code"]) == ("failed", "BALANCE_CHANGED")
    assert amounts(owner, paid.payment_id) == (1000, 700, 0, 300)
    assert owner.row("select count(*) as sent from private.attempts")["sent"] == 0
    events = [
        row["event_type"]
        for row in owner.rows(
            "select event_type from public.payment_events where payment_id = %s", paid.payment_id
        )
    ]
    assert "reservation_overtaken" in events


@pytest.mark.parametrize("trigger", ["CONSOLE", "CHARGEBACK"])
def test_sent_refund_and_an_outside_one_both_count_once(
    shop: Shop, worker: Caller, owner: Caller, trigger: str
) -> None:
    paid = paid_payment(shop, worker)
    worker.one("request_cancellation", payment_id=paid.payment_id, amount=300, reason="r")
    (job,) = claim(worker)
    assert begin(worker, job, snapshot(paid.payment_id))["decision"] == "send"
    both = cancelled_outside(paid.payment_id, 700, trigger, cancellation("ours", 300))
    settle(
        worker,
        job,
        attempt={"number": 1, "outcome": "succeeded", "cancellation_id": "ours"},
        snapshots=[both],
    )
    assert amounts(owner, paid.payment_id) == (1000, 1000, 0, 0)


@pytest.mark.parametrize("trigger", ["CONSOLE", "CHARGEBACK"])
def test_unknown_refund_overtaken_from_outside_is_decided_by_its_own_key(
    shop: Shop, worker: Caller, owner: Caller, trigger: str
) -> None:
    paid = paid_payment(shop, worker)
    operation = worker.one("request_cancellation", payment_id=paid.payment_id, amount=600, reason="r")
    (job,) = claim(worker)
    begin(worker, job, snapshot(paid.payment_id))
    settle(
        worker,
        job,
        "retry",
        retry_in_seconds=0,
        attempt={"number": 1, "outcome": "unknown"},
        snapshots=[cancelled_outside(paid.payment_id, 700, trigger)],
    )
    assert amounts(owner, paid.payment_id) == (1000, 700, 300, 0), "the undecided refund keeps what is left"
    (job,) = claim(worker)
    (again,) = worker.call(
        "begin_attempts", attempts=[{"job_id": job["id"], "claim": job["claim"], "snapshots": []}]
    )
    assert (again["decision"], again["attempt_number"], again["body"]) == ("resend", 1, "AAAA")
    settle(
        worker,
        job,
        "retry",
        retry_in_seconds=0,
        attempt={"number": 1, "outcome": "failed", "code": "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN"},
    )
    (job,) = claim(worker)
    assert begin(worker, job)["decision"] == "balance_changed"
    settle(worker, job)
    assert worker.one("get_operation", id=operation["id"])["error"]["code"] == "BALANCE_CHANGED"
    assert amounts(owner, paid.payment_id) == (1000, 700, 0, 300)


def test_only_one_undecided_cancellation_is_sent_and_the_next_waits_its_turn(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    paid = paid_payment(shop, worker)
    for _ in range(2):
        worker.one("request_cancellation", payment_id=paid.payment_id, amount=300, reason="r")
    (first,) = claim(worker)
    begin(worker, first, snapshot(paid.payment_id))
    settle(
        worker,
        first,
        "dead",
        attempt={"number": 1, "outcome": "unknown"},
        error={"code": "GAVE_UP", "message": "x"},
    )
    assert owner.row("select kind from public.drift_findings")["kind"] == "undecided_cancellation"
    (second,) = claim(worker)
    assert begin(worker, second, snapshot(paid.payment_id))["decision"] == "blocked"
    assert amounts(owner, paid.payment_id) == (1000, 0, 600, 400), "both keep their hold"
    with pytest.raises(psycopg.errors.UniqueViolation):
        owner.run("update public.payment_cancellations set status = 'requested' where status = 'reserved'")


def test_when_less_is_left_the_youngest_refund_gives_way_first(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    paid = paid_payment(shop, worker)
    for amount in (600, 300):
        worker.one("request_cancellation", payment_id=paid.payment_id, amount=amount, reason="r")
    (job,) = claim(worker)
    settle(
        worker,
        job,
        "retry",
        retry_in_seconds=0,
        snapshots=[cancelled_outside(paid.payment_id, 500, "CONSOLE")],
    )
    holds = owner.rows(
        "select amount, held_amount from public.payment_cancellations where operation_id is not null order by number"
    )
    assert [(row["amount"], row["held_amount"]) for row in holds] == [(600, 500), (300, 0)]
    assert amounts(owner, paid.payment_id) == (1000, 500, 500, 0)
