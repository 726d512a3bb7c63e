"""What a buggy worker, a lying worker or a hostile customer may send, and why nothing comes of it."""

from __future__ import annotations

import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.sql.shop import (
    Caller,
    Refused,
    Row,
    Shop,
    claim,
    paid_payment,
    payment_row,
    prepared_payment,
    settle,
    snapshot,
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


def test_jobs_that_belong_to_a_request_cannot_be_enqueued_by_hand(worker: Caller) -> None:
    for kind in ("prepare_payment", "cancel_payment", "close_virtual_account"):
        refused = refusal(worker, "enqueue_jobs", jobs=[job_of("pay1"), job_of("pay2", job_kind=kind)])
        assert (refused.status, refused.code, refused.detail["field"]) == (422, "JOB_INVALID", "jobs[2]")


def test_a_read_back_is_of_the_payment_whose_lane_it_takes(worker: Caller) -> None:
    changes: list[Row] = [
        {"lane": None},
        {"lane": "payment:another"},
        {"payload": {}},
        {"payload": {"payment_id": ""}, "lane": "payment:"},
        {"run_at": "2026-99-99"},
        {"run_at": "2026-01-01T99:00:00Z"},
        {"payload": {"payment_id": "pay1", "more": "x" * 20_000}},
    ]
    for change in changes:
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


def test_an_order_without_a_proper_currency_has_no_price(shop: Shop) -> None:
    user_id = shop.new_user()
    for currency in ("", "krw", "WON?", "K"):
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
