"""A payment that took its money in another store than the one it was prepared in: seen, not fulfilled, refundable there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.sql.shop import STORE, claim, payment_row, prepared_payment, settle, snapshot, sync

if TYPE_CHECKING:
    from tests.sql.shop import Caller, Shop

ELSEWHERE = "store-2"


def store_of_the_next_job(worker: Caller, payment_id: str) -> str:
    """The store a worker is sent to for this payment now."""
    worker.one("request_completion", payment_id=payment_id)
    (job,) = claim(worker)
    settle(worker, job, not_found=True)
    return str(job["context"]["payment"]["store_id"])


def test_money_is_spoken_of_where_it_lies(shop: Shop, worker: Caller, owner: Caller) -> None:
    paid = prepared_payment(shop, worker)
    sync(worker, paid.payment_id, snapshot(paid.payment_id, "READY", store_id=ELSEWHERE))
    assert payment_row(owner, paid.payment_id)["portone_store_id"] == ELSEWHERE
    assert store_of_the_next_job(worker, paid.payment_id) == STORE, (
        "a window that took no money proves nothing"
    )
    sync(worker, paid.payment_id, snapshot(paid.payment_id, "PAID", store_id=ELSEWHERE))
    row = payment_row(owner, paid.payment_id)
    assert (row["status"], row["store_id"], row["discrepancies"]) == ("paid", STORE, ["store"])
    assert owner.row("select status from public.orders")["status"] == "pending"
    assert store_of_the_next_job(worker, paid.payment_id) == ELSEWHERE


def test_a_payment_only_portone_knows_is_refunded_in_its_store(shop: Shop, worker: Caller) -> None:
    element = {
        "webhook_id": "msg-1", "webhook_type": "Transaction.Paid", "body": "e30=", "headers": {}, "subject_id": "paytheirs00001",
        "subject_kind": "payment", "secret_index": 0, "store_id": ELSEWHERE,
    }  # fmt: skip
    worker.call("record_webhooks", webhooks=[element])
    (job,) = claim(worker)
    settle(worker, job, snapshots=[snapshot("paytheirs00001", store_id=ELSEWHERE)])
    worker.one("request_cancellation", payment_id="paytheirs00001", amount=300, reason="r")
    (refund,) = claim(worker)
    assert (refund["kind"], refund["context"]["payment"]["store_id"]) == ("cancel_payment", ELSEWHERE)
