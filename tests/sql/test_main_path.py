"""The main path in SQL alone: ask, prepare, pay, refund."""

from __future__ import annotations

import pytest

from tests.sql.shop import (
    PREPARED,
    Caller,
    Refused,
    Shop,
    amounts,
    cancellation,
    claim,
    paid_payment,
    payment_row,
    settle,
    snapshot,
)


def test_an_order_is_prepared_paid_and_partly_refunded(shop: Shop, worker: Caller, owner: Caller) -> None:
    user_id = shop.new_user()
    order_id = shop.new_order(user_id, 1000)
    user = shop.user(user_id)

    operation = user.one("request_payment", order_id=order_id, pay_method="CARD")
    assert operation["status"] == "pending"
    (job,) = claim(worker)
    assert job["kind"] == "prepare_payment"
    assert job["context"]["payment"]["amount"] == 1000
    (answer,) = settle(worker, job, prepared=PREPARED)
    assert (answer["operation_status"], answer["payment_status"]) == ("succeeded", "ready")
    payment_id = user.one("get_operation", id=operation["id"])["result"]["paymentId"]

    completion = user.one("request_completion", payment_id=payment_id)
    (job,) = claim(worker)
    settle(worker, job, snapshots=[snapshot(payment_id)])
    assert user.one("get_operation", id=completion["id"])["result"]["status"] == "paid"
    assert amounts(owner, payment_id) == (1000, 0, 0, 1000)
    assert owner.row("select status from public.orders where id = %s::uuid", order_id)["status"] == "paid"

    refund = worker.one("request_cancellation", payment_id=payment_id, amount=300, reason="size")
    assert amounts(owner, payment_id) == (1000, 0, 300, 700)
    (job,) = claim(worker)
    (begun,) = worker.call(
        "begin_attempts",
        attempts=[
            {
                "job_id": job["id"],
                "claim": job["claim"],
                "body": "c2VhbGVk",
                "snapshots": [snapshot(payment_id)],
            }
        ],
    )
    assert begun["decision"] == "send"
    after = snapshot(
        payment_id,
        "PARTIAL_CANCELLED",
        cancelled=300,
        cancellations=[cancellation("c-1", 300)],
        updated_at="2026-11-02T00:00:01Z",
        status_changed_at="2026-11-02T00:00:01Z",
    )
    (answer,) = settle(
        worker,
        job,
        attempt={"number": 1, "outcome": "succeeded", "cancellation_id": "c-1"},
        snapshots=[after],
    )
    assert (answer["operation_status"], answer["payment_status"]) == ("succeeded", "partial_cancelled")
    assert amounts(owner, payment_id) == (1000, 300, 0, 700)
    assert worker.one("get_operation", id=refund["id"])["result"]["cancellationId"] == "c-1"
    assert payment_row(owner, payment_id)["total_cancel_amount"] == 300
    events = owner.rows(
        "select sequence, event_type, to_status::text from public.payment_events where payment_id = %s order by sequence",
        payment_id,
    )
    assert [(event["sequence"], event["event_type"], event["to_status"]) for event in events] == [
        (1, "status_changed", "ready"),
        (2, "status_changed", "paid"),
        (3, "order_settled", "paid"),
        (4, "cancellation_succeeded", "partial_cancelled"),
        (5, "status_changed", "partial_cancelled"),
    ]


def test_a_refund_above_what_is_left_names_the_amounts(shop: Shop, worker: Caller) -> None:
    paid = paid_payment(shop, worker)
    worker.one("request_cancellation", payment_id=paid.payment_id, amount=300, reason="size")
    with pytest.raises(Refused) as refused:
        worker.one("request_cancellation", payment_id=paid.payment_id, amount=701, reason="size")
    assert (refused.value.status, refused.value.code, refused.value.detail["max"]) == (
        409,
        "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT",
        700,
    )
    assert "700 of 1000" in refused.value.message
