"""What a worker that lies or is broken may say, and why the books stay right all the same."""

from __future__ import annotations

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
from tests.sql.test_webhook_log import delivery


def refusal(caller: Caller, function: str, /, **arguments: object) -> Refused:
    """The refusal of a call."""
    with pytest.raises(Refused) as caught:
        caller.call(function, **arguments)
    return caught.value


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


def test_an_attempt_number_that_is_none_changes_nothing(shop: Shop, worker: Caller, owner: Caller) -> None:
    paid = paid_payment(shop, worker)
    job = sent_refund(worker, paid.payment_id, 600)
    for number in ("one", None, 99999999999, 1.5):
        settle(worker, job, "retry", retry_in_seconds=0, attempt={"number": number, "outcome": "failed"})
        assert owner.row("select outcome from private.attempts")["outcome"] is None
        (job,) = claim(worker)


def read_back_job(shop: Shop, worker: Caller) -> Row:
    """A claimed job that reads a paid payment back."""
    paid = paid_payment(shop, worker)
    worker.one("request_completion", payment_id=paid.payment_id)
    (job,) = claim(worker)
    return job


def code_of_snapshot(worker: Caller, job: Row, **changes: object) -> str:
    """What a snapshot with these changes is refused with."""
    seen = snapshot(job["payload"]["payment_id"], "PARTIAL_CANCELLED", cancelled=10) | changes
    outcome = {"job_id": job["id"], "claim": job["claim"], "verdict": "done", "snapshots": [seen]}
    return refusal(worker, "settle_jobs", outcomes=[outcome]).code


def test_cancellations_have_an_id_of_some_length(shop: Shop, worker: Caller) -> None:
    job = read_back_job(shop, worker)
    for identifier in ("", "x" * 300, None):
        entries = [cancellation("c-1", 10) | {"id": identifier}]
        assert code_of_snapshot(worker, job, cancellations=entries) == "SNAPSHOT_INCOMPLETE"


def test_a_moment_that_is_none_cannot_freeze_a_payment(shop: Shop, worker: Caller) -> None:
    """`infinity` would win over every later snapshot."""
    job = read_back_job(shop, worker)
    for moment in ("infinity", "-infinity", "now", "tomorrow", "2026-11-01"):
        for name in ("status_changed_at", "updated_at", "paid_at"):
            assert code_of_snapshot(worker, job, **{name: moment}) == "SNAPSHOT_UNREADABLE"
        entries = [cancellation("c-1", 10) | {"requested_at": moment}]
        assert code_of_snapshot(worker, job, cancellations=entries) == "SNAPSHOT_UNREADABLE"


def test_cancellations_that_are_no_objects_are_refused_by_name(shop: Shop, worker: Caller) -> None:
    job = read_back_job(shop, worker)
    for strange in (1, "text", [1], None):
        code = code_of_snapshot(worker, job, cancellations=[strange])
        assert code in ("SNAPSHOT_UNREADABLE", "SNAPSHOT_INCOMPLETE")


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


def test_a_refund_that_kills_every_worker_ends_with_a_person_and_blocks_nobody(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    """It is not given up by a count of failures, but neither does it go on for ever."""
    paid = paid_payment(shop, worker)
    sent_refund(worker, paid.payment_id, 600)
    worker.one("request_completion", payment_id=paid.payment_id)
    for _ in range(30):
        shop.advance(61)
        (job,) = claim(worker)
        assert job["kind"] == "cancel_payment", "within its time it is tried again and again"
    shop.advance(5 * 3600)
    (job,) = claim(worker)
    assert job["kind"] == "sync_payment", "the payment's lane is free"
    assert owner.row("select reason from queue.dead")["reason"] == "lease_expired"
    assert owner.row("select kind from public.drift_findings")["kind"] == "undecided_cancellation"
    assert amounts(owner, paid.payment_id) == (1000, 0, 600, 400), "what may have been refunded stays held"


def test_a_webhook_about_nothing_asks_for_nothing(worker: Caller) -> None:
    (logged,) = worker.call("record_webhooks", webhooks=[delivery("wh-1", "")])
    assert (logged["status"], logged["job_id"]) == ("skipped", None)
