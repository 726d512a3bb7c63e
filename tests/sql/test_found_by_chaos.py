"""What `make chaos` found, each as the shortest history that shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.sql.shop import (
    cancellation,
    claim,
    paid_payment,
    payment_row,
    prepared_payment,
    settle,
    snapshot,
    sync,
)
from tests.sql.test_exactly_one_effect import begin

if TYPE_CHECKING:
    from tests.sql.shop import Caller, Paid, Shop

ACCOUNT = {"refund_bank": "SHINHAN", "refund_account_number": "110123456789", "refund_account_holder": "Hong"}


def issued_account(shop: Shop, worker: Caller) -> Paid:
    """A virtual account that waits for its deposit."""
    prepared = prepared_payment(shop, worker, method="VIRTUAL_ACCOUNT")
    issued = snapshot(prepared.payment_id, "VIRTUAL_ACCOUNT_ISSUED", pay_method="VIRTUAL_ACCOUNT")
    sync(worker, prepared.payment_id, issued)
    return prepared


def test_closing_an_account_again_with_the_same_key_is_the_same_operation(shop: Shop, worker: Caller) -> None:
    """A lost reply: the customer's app asks again, before and after the account has been closed."""
    issued = issued_account(shop, worker)
    customer = shop.user(issued.user_id)
    asked = {"payment_id": issued.payment_id, "reason": "changed my mind", "idempotency_key": "close-key-1"}
    first = customer.one("request_cancellation", **asked)
    assert first["kind"] == "close_virtual_account"
    assert customer.one("request_cancellation", **asked)["id"] == first["id"]
    (job,) = claim(worker)
    closed = snapshot(
        issued.payment_id, "FAILED", pay_method="VIRTUAL_ACCOUNT", updated_at="2026-11-02T00:00:00Z"
    )
    settle(worker, job, snapshots=[closed])
    assert customer.one("request_cancellation", **asked)["id"] == first["id"]
    assert claim(worker) == []


def test_a_closing_whose_job_died_is_read_back_in_case_it_happened(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    """PortOne had closed it, every answer was lost: no webhook announces a closed account."""
    issued = issued_account(shop, worker)
    ask = shop.user(issued.user_id).one("request_cancellation", payment_id=issued.payment_id, reason="r")
    (job,) = claim(worker)
    settle(worker, job, "dead", error={"code": "INTERNAL_ERROR", "message": "It failed."})
    assert worker.one("get_operation", id=ask["id"])["status"] == "failed"
    shop.advance(61)
    (reading,) = claim(worker)
    assert (reading["kind"], reading["lane"]) == ("sync_payment", job["lane"])
    closed = snapshot(
        issued.payment_id, "FAILED", pay_method="VIRTUAL_ACCOUNT", updated_at="2026-11-02T00:00:00Z"
    )
    settle(worker, reading, snapshots=[closed])
    assert payment_row(owner, issued.payment_id)["status"] == "failed"


def test_a_second_attempt_still_knows_the_account_to_refund_to(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    """The balance changed between the read and the send: PortOne refuses, and a new body is sent with a new key."""
    paid = paid_payment(shop, worker, pay_method="VIRTUAL_ACCOUNT")
    worker.one("request_cancellation", payment_id=paid.payment_id, amount=300, reason="r", **ACCOUNT)
    (job,) = claim(worker)
    account = job["context"]["cancellation"]["refund_account"]
    assert account == {"bank": "SHINHAN", "number": "110123456789", "holderName": "Hong"}
    assert begin(worker, job, body="AAAA")["attempt_number"] == 1
    refused = {"number": 1, "outcome": "failed", "code": "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN"}
    overtaken = snapshot(
        paid.payment_id, "PARTIAL_CANCELLED", pay_method="VIRTUAL_ACCOUNT", cancelled=200,
        cancellations=[cancellation("c-console", 200, trigger="CONSOLE")], updated_at="2026-11-02T00:00:00Z",
    )  # fmt: skip
    settle(worker, job, "retry", retry_in_seconds=0, attempt=refused, snapshots=[overtaken])
    (again,) = claim(worker)
    assert again["context"]["cancellation"]["refund_account"] == account
    begun = begin(worker, again, body="BBBB")
    assert (begun["decision"], begun["attempt_number"]) == ("send", 2)
    done = snapshot(
        paid.payment_id, "PARTIAL_CANCELLED", pay_method="VIRTUAL_ACCOUNT", cancelled=500,
        cancellations=[cancellation("c-console", 200, trigger="CONSOLE"), cancellation("c-1", 300)],
        updated_at="2026-11-03T00:00:00Z",
    )  # fmt: skip
    succeeded = {"number": 2, "outcome": "succeeded", "cancellation_id": "c-1"}
    settle(worker, again, attempt=succeeded, snapshots=[done])
    assert owner.row("select count(*) as n from private.refund_accounts")["n"] == 0
