"""What a buggy worker, a lying worker or a hostile customer may send, and why nothing comes of it."""

from __future__ import annotations

import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.sql.shop import (
    PREPARED,
    Caller,
    Refused,
    Row,
    Shop,
    amounts,
    cancellation,
    claim,
    paid_payment,
    payment_row,
    prepared_payment,
    settle,
    snapshot,
    sync,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def refusal(caller: Caller, function: str, /, **arguments: object) -> Refused:
    """The refusal of a call."""
    with pytest.raises(Refused) as caught:
        caller.call(function, **arguments)
    return caught.value


def job_of(payment_id: str, **changes: object) -> Row:
    """A read-back as `enqueue_jobs` takes it."""
    made: Row = {
        "idempotency_key": str(uuid.uuid4()),
        "job_kind": "sync_payment",
        "lane": f"payment:{payment_id}",
        "payload": {"payment_id": payment_id},
    }
    return made | changes


# Jobs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["prepare_payment", "cancel_payment", "close_virtual_account"])
def test_jobs_that_belong_to_a_request_cannot_be_enqueued_by_hand(worker: Caller, kind: str) -> None:
    refused = refusal(worker, "enqueue_jobs", jobs=[job_of("pay1"), job_of("pay2", job_kind=kind)])
    assert (refused.status, refused.code, refused.detail["field"]) == (422, "JOB_INVALID", "jobs[2]")


@pytest.mark.parametrize(
    "change",
    [
        {"lane": None},
        {"lane": "payment:another"},
        {"payload": {}},
        {"payload": {"payment_id": ""}, "lane": "payment:"},
        {"run_at": "2026-99-99"},
        {"run_at": "2026-01-01T99:00:00Z"},
        {"payload": {"payment_id": "pay1", "more": "x" * 20_000}},
    ],
)
def test_a_read_back_is_of_the_payment_whose_lane_it_takes(worker: Caller, change: Row) -> None:
    refused = refusal(worker, "enqueue_jobs", jobs=[job_of("pay1") | change])
    assert (refused.status, refused.code, refused.detail["field"]) == (422, "JOB_INVALID", "jobs[1]")


def test_one_strange_job_does_not_stop_the_claims_of_all(worker: Caller, owner: Caller) -> None:
    owner.run(
        """insert into queue.jobs (kind, state, payload, created_at)
        values ('noop', 'ready', '{"payment_id": "x", "cancellation": "no uuid"}', now()),
          ('cancel_payment', 'ready', '{"payment_id": "x", "cancellation": "no uuid"}', now())"""
    )
    worker.call("enqueue_jobs", jobs=[job_of("pay1")])
    assert [job["kind"] for job in claim(worker)] == ["noop", "cancel_payment", "sync_payment"]


def test_a_claim_that_was_never_given_settles_nothing(worker: Caller) -> None:
    (added,) = worker.call("enqueue_jobs", jobs=[job_of("pay1")])
    named = {"job_id": added["job_id"], "claim": 0}
    assert refusal(worker, "settle_jobs", outcomes=[named | {"verdict": "done"}]).code == "CLAIM_REQUIRED"


def test_a_job_of_another_kind_never_fulfils_an_order(shop: Shop, worker: Caller, owner: Caller) -> None:
    """Its lane is not the payment's, so it must not touch the payment."""
    paid = paid_payment(shop, worker)
    owner.run("delete from private.order_settlements")
    worker.call(
        "enqueue_jobs",
        jobs=[
            {"idempotency_key": "noop-0001", "job_kind": "noop", "payload": {"payment_id": paid.payment_id}}
        ],
    )
    settle(worker, claim(worker))
    assert not owner.rows("select 1 from private.order_settlements")


def at_once(
    shop: Shop, first: Callable[[Caller], object], second: Callable[[Caller], object], then: str
) -> None:
    """`first` runs in an open transaction, `second` elsewhere, then `then` in the first: nobody may be a victim."""
    holder, other = shop.service(), shop.service()
    started = threading.Event()

    def run_second() -> None:
        started.set()
        second(other)

    with ThreadPoolExecutor(1) as pool, holder.connection.transaction():
        first(holder)
        waiting = pool.submit(run_second)
        started.wait()
        until_blocked(shop, other)
        holder.rows(then)
    waiting.result()


def until_blocked(shop: Shop, caller: Caller) -> None:
    """Waits until this connection waits for somebody."""
    pid = caller.connection.info.backend_pid
    for _ in range(500):
        if shop.setup.row("select cardinality(pg_blocking_pids(%s)) as n", pid)["n"]:
            return
        time.sleep(0.01)
    raise AssertionError("the second call never waited")


@pytest.mark.parametrize("call", ["settle_jobs", "begin_attempts"])
def test_heartbeats_and_settling_lock_jobs_in_one_order(
    shop: Shop, worker: Caller, owner: Caller, call: str
) -> None:
    """Job 9 before job 10, whatever the order of the batch and whether ids are compared as text."""
    owner.run("alter sequence queue.jobs_id_seq restart with 9")
    if call == "settle_jobs":
        worker.call("enqueue_jobs", jobs=[job_of("pay1"), job_of("pay2")])
    else:
        owner.run("alter sequence queue.jobs_id_seq restart with 5")
        for paid in (paid_payment(shop, worker), paid_payment(shop, worker)):
            worker.one("request_cancellation", payment_id=paid.payment_id, amount=1, reason="r")
    jobs = claim(worker)
    assert [job["id"] for job in jobs] == [9, 10]
    element = {"verdict": "retry"} if call == "settle_jobs" else {"body": "AAAA"}
    argument = "outcomes" if call == "settle_jobs" else "attempts"
    listed = [{"job_id": job["id"], "claim": job["claim"]} | element for job in reversed(jobs)]
    heartbeat = 'select * from public.extend_leases(array[\'{"job_id": %s, "claim": 1}\']::jsonb[])'
    at_once(
        shop,
        lambda caller: caller.rows(heartbeat.replace("%s", "9")),
        lambda caller: caller.call(call, **{argument: listed}),
        heartbeat.replace("%s", "10"),
    )


# Orders ---------------------------------------------------------------------------------------


def test_an_order_has_one_live_payment_however_its_id_is_spelled(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    paid = prepared_payment(shop, worker)
    customer = shop.user(paid.user_id)
    again = customer.one("request_payment", order_id=paid.order_id.upper(), pay_method="CARD")
    assert again["result"]["paymentId"] == paid.payment_id
    assert again["order_id"] == paid.order_id
    assert owner.row("select count(*) as n from public.payments")["n"] == 1


@pytest.mark.parametrize("currency", ["", "krw", "WON?", "K"])
def test_an_order_without_a_proper_currency_has_no_price(shop: Shop, currency: str) -> None:
    user_id = shop.new_user()
    order_id = shop.new_order(user_id, currency=currency)
    refused = refusal(shop.user(user_id), "request_payment", order_id=order_id, pay_method="CARD")
    assert (refused.status, refused.code) == (409, "ORDER_HAS_NO_PRICE")


def test_a_payment_that_was_never_registered_fulfils_nothing(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    """Its id shows once it has failed; paid all the same, with a test channel say, it proves nothing."""
    user_id = shop.new_user()
    order_id = shop.new_order(user_id)
    shop.user(user_id).one("request_payment", order_id=order_id, pay_method="CARD")
    (job,) = claim(worker)
    settle(worker, job, "failed", error={"code": "CHANNEL_NOT_FOUND", "message": "x"})
    payment_id = shop.user(user_id).row("select payment_id from public.payments")["payment_id"]
    worker.one("request_completion", payment_id=payment_id)
    settle(worker, claim(worker), snapshots=[snapshot(payment_id)])
    row = payment_row(owner, payment_id)
    assert (row["status"], row["discrepancies"]) == ("paid", ["channel_kind", "store"])
    assert owner.row("select status from public.orders")["status"] == "pending"


def test_a_payment_that_failed_while_the_next_request_waited_is_not_handed_out_again(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    paid = prepared_payment(shop, worker)
    customer = shop.user(paid.user_id)
    worker.one("request_completion", payment_id=paid.payment_id)
    (job,) = claim(worker)
    settler = shop.service()
    with ThreadPoolExecutor(1) as pool:
        with settler.connection.transaction():
            settle(settler, job, snapshots=[snapshot(paid.payment_id, "FAILED")])
            asked = pool.submit(customer.one, "request_payment", order_id=paid.order_id, pay_method="CARD")
            until_blocked(shop, customer)
        operation = asked.result()
    assert operation["status"] == "pending", "a new payment is on its way"
    assert owner.row("select count(*) as n from public.payments")["n"] == 2


# A worker that lies -----------------------------------------------------------------------------


def test_the_workers_result_names_no_payment(shop: Shop, worker: Caller) -> None:
    """The id comes from the job, and only once it is registered."""
    paid = prepared_payment(shop, worker)
    user_id = shop.new_user()
    customer = shop.user(user_id)
    operation = customer.one("request_payment", order_id=shop.new_order(user_id), pay_method="CARD")
    (job,) = claim(worker)
    settle(worker, job, "failed", error={"code": "X", "message": "x"}, result={"paymentId": paid.payment_id})
    ended = customer.one("get_operation", id=operation["id"])
    assert (ended["status"], ended["payment_id"], ended["result"]) == ("failed", None, {})


def sent_refund(worker: Caller, payment_id: str, amount: int) -> Row:
    """A refund whose attempt has been sent; its job."""
    worker.one("request_cancellation", payment_id=payment_id, amount=amount, reason="r")
    (job,) = claim(worker)
    (begun,) = worker.call(
        "begin_attempts",
        attempts=[
            {"job_id": job["id"], "claim": job["claim"], "body": "AAAA", "snapshots": [snapshot(payment_id)]}
        ],
    )
    assert begun["decision"] == "send"
    return job


def partly_cancelled(payment_id: str, amount: int, **changes: object) -> Row:
    """PortOne's payment after one cancellation, whose id is c-1."""
    return snapshot(
        payment_id,
        "PARTIAL_CANCELLED",
        cancelled=amount,
        cancellations=[cancellation("c-1", amount)],
        updated_at="2026-11-03T00:00:00Z",
    ) | dict(changes)


def test_a_refund_does_not_become_somebody_elses_of_another_amount(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    paid = paid_payment(shop, worker)
    job = sent_refund(worker, paid.payment_id, 600)
    sync_job = worker.one("request_completion", payment_id=paid.payment_id)
    assert sync_job["status"] == "pending"
    settle(
        worker,
        job,
        "retry",
        retry_in_seconds=0,
        attempt={"number": 1, "outcome": "unknown"},
        snapshots=[partly_cancelled(paid.payment_id, 100)],
    )
    (job,) = claim(worker)
    settle(worker, job, attempt={"number": 1, "outcome": "succeeded", "cancellation_id": "c-1"})
    refund = owner.row(
        "select status::text, cancellation_id from public.payment_cancellations where operation_id is not null"
    )
    assert refund == {"status": "unknown", "cancellation_id": None}
    assert owner.row("select reason from queue.dead")["reason"] == "cancellation_ambiguous"
    assert "ambiguous_cancellation" in {
        row["kind"] for row in owner.rows("select kind from public.drift_findings")
    }
    assert amounts(owner, paid.payment_id) == (1000, 100, 600, 300)


def test_a_refund_that_portone_books_with_another_amount_is_shown_to_somebody(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    paid = paid_payment(shop, worker)
    job = sent_refund(worker, paid.payment_id, 600)
    settle(
        worker,
        job,
        attempt={"number": 1, "outcome": "succeeded", "cancellation_id": "c-1"},
        snapshots=[partly_cancelled(paid.payment_id, 100)],
    )
    assert amounts(owner, paid.payment_id) == (1000, 100, 0, 900), "PortOne's own sum counts"
    finding = owner.row("select kind, detail from public.drift_findings")
    assert finding["kind"] == "cancellation_amount_differs"
    assert (finding["detail"]["amount"], finding["detail"]["portone_amount"]) == (600, 100)


@pytest.mark.parametrize("number", ["one", None, 99999999999, 1.5])
def test_an_attempt_number_that_is_none_changes_nothing(
    shop: Shop, worker: Caller, owner: Caller, number: object
) -> None:
    paid = paid_payment(shop, worker)
    job = sent_refund(worker, paid.payment_id, 600)
    settle(worker, job, "retry", attempt={"number": number, "outcome": "failed"})
    assert owner.row("select outcome from private.attempts")["outcome"] is None


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"vat": 2**40}, "AMOUNT_OUT_OF_RANGE"),
        ({"vat": 1.5}, "AMOUNT_NOT_WHOLE"),
        ({"vat": "NaN"}, "AMOUNT_NOT_WHOLE"),
        ({"tax_free": 1.5}, "AMOUNT_NOT_WHOLE"),
        ({"tax_free": -1}, "AMOUNT_OUT_OF_RANGE"),
        ({"id": "x" * 300}, "SNAPSHOT_INCOMPLETE"),
        ({"id": ""}, "SNAPSHOT_INCOMPLETE"),
    ],
)
def test_every_number_of_a_cancellation_is_looked_at(
    shop: Shop, worker: Caller, entry: Row, code: str
) -> None:
    paid = paid_payment(shop, worker)
    worker.one("request_completion", payment_id=paid.payment_id)
    (job,) = claim(worker)
    seen = snapshot(
        paid.payment_id, "PARTIAL_CANCELLED", cancelled=10, cancellations=[cancellation("c-1", 10) | entry]
    )
    outcome = {"job_id": job["id"], "claim": job["claim"], "verdict": "done", "snapshots": [seen]}
    assert refusal(worker, "settle_jobs", outcomes=[outcome]).code == code


@pytest.mark.parametrize("moment", ["infinity", "-infinity", "now", "tomorrow"])
@pytest.mark.parametrize("name", ["status_changed_at", "updated_at"])
def test_a_moment_that_is_none_cannot_freeze_a_payment(
    shop: Shop, worker: Caller, owner: Caller, name: str, moment: str
) -> None:
    """`infinity` would win over every later snapshot."""
    paid = prepared_payment(shop, worker)
    worker.one("request_completion", payment_id=paid.payment_id)
    (job,) = claim(worker)
    seen = snapshot(paid.payment_id, "READY") | {name: moment}
    outcome = {"job_id": job["id"], "claim": job["claim"], "verdict": "done", "snapshots": [seen]}
    assert refusal(worker, "settle_jobs", outcomes=[outcome]).code == "SNAPSHOT_UNREADABLE"


@pytest.mark.parametrize("strange", [1, "text", [1], None])
def test_cancellations_that_are_no_objects_are_refused_by_name(
    shop: Shop, worker: Caller, strange: object
) -> None:
    paid = paid_payment(shop, worker)
    worker.one("request_completion", payment_id=paid.payment_id)
    (job,) = claim(worker)
    seen = snapshot(paid.payment_id, cancellations=[strange])
    outcome = {"job_id": job["id"], "claim": job["claim"], "verdict": "done", "snapshots": [seen]}
    assert refusal(worker, "settle_jobs", outcomes=[outcome]).code in (
        "SNAPSHOT_UNREADABLE",
        "SNAPSHOT_INCOMPLETE",
    )


def test_what_is_left_can_be_refunded_when_portone_took_only_taxable_money(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    """A console cancellation whose split PortOne does not tell leaves more tax-free than there is money."""
    paid = paid_payment(shop, worker, 1000, tax_free=400)
    sync(worker, paid.payment_id, partly_cancelled(paid.payment_id, 700, tax_free=400))
    assert worker.one("request_cancellation", payment_id=paid.payment_id, reason="r")["status"] == "pending"
    refund = owner.row(
        "select amount, tax_free_amount from public.payment_cancellations where operation_id is not null"
    )
    assert refund == {"amount": 300, "tax_free_amount": 300}


def test_prepared_twice_after_payment_does_not_move_it_elsewhere(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    """Where a payment is expected is settled once money has moved."""
    paid = prepared_payment(shop, worker)
    customer = shop.user(paid.user_id)
    customer.one("request_payment", order_id=paid.order_id, pay_method="EASY_PAY")
    (job,) = claim(worker)
    elsewhere = PREPARED | {"store_id": "store-2", "channel_kind": "LIVE"}
    settle(worker, job, prepared=elsewhere, snapshots=[snapshot(paid.payment_id)])
    row = payment_row(owner, paid.payment_id)
    assert (row["store_id"], row["channel_kind"]) == ("store-1", "TEST")
