"""Charges of saved cards: once, decided by PortOne, a decline is a business failure, an unknown one is never guessed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.sql.cards import begin, saved_card
from tests.sql.shop import Refused, claim, payment_row, settle, snapshot
from tests.sql.test_bad_input import refusal
from tests.sql.test_webhook_log import delivery

if TYPE_CHECKING:
    from tests.sql.shop import Caller, Row, Shop


def charge(shop: Shop, worker: Caller, **card: Any) -> tuple[str, str, str, Row]:
    """An order charged to a saved card, up to its send: user, order, operation, job."""
    user_id = shop.new_user()
    card_id = saved_card(shop, worker, user_id, **card)
    order_id = shop.new_order(user_id)
    operation = shop.user(user_id).one("request_billing_payment", order_id=order_id, billing_key_id=card_id)
    (job,) = claim(worker)
    return user_id, order_id, str(operation["id"]), job


def test_an_order_is_charged_to_a_saved_card_once(shop: Shop, worker: Caller, owner: Caller) -> None:
    user_id, order_id, operation_id, job = charge(shop, worker)
    assert (
        job["kind"],
        job["context"]["billing_key"]["channel_kind"],
        job["context"]["billing_key"]["billing_key"],
        job["context"]["payment"]["amount"],
    ) == ("charge_billing_key", "TEST", "billing-key-1", 1000)
    begun = begin(worker, job)
    assert begun["decision"] == "send"
    assert begin(worker, job)["decision"] == "resend"
    payment_id = job["payload"]["payment_id"]
    settle(
        worker,
        job,
        attempt={"number": 1, "outcome": "succeeded"},
        snapshots=[snapshot(payment_id, channel_key="channel-key-billing")],
    )
    ended = worker.one("get_operation", id=operation_id)
    assert (ended["status"], ended["result"]["status"], ended["payment_id"]) == (
        "succeeded",
        "paid",
        payment_id,
    )
    assert owner.row("select status from public.orders where id = %s::uuid", order_id)["status"] == "paid"
    assert (
        refusal(
            shop.user(user_id),
            "request_billing_payment",
            order_id=order_id,
            billing_key_id=owner.row("select id from public.billing_keys")["id"],
        )[1]
        == "ORDER_ALREADY_PAID"
    )


def test_a_decline_is_a_business_failure_with_the_pgs_words_and_frees_the_order(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    user_id, order_id, operation_id, job = charge(shop, worker)
    begin(worker, job)
    payment_id = job["payload"]["payment_id"]
    error = {
        "code": "PG_PROVIDER",
        "message": "The card was declined.",
        "pg_code": "LIMIT",
        "pg_message": "over the limit",
    }
    declined = snapshot(payment_id, "FAILED", failure={"pg_code": "LIMIT", "pg_message": "over the limit"})
    settle(
        worker,
        job,
        "failed",
        attempt={"number": 1, "outcome": "failed", "code": "PG_PROVIDER"},
        error=error,
        snapshots=[declined],
    )
    ended = worker.one("get_operation", id=operation_id)
    assert (ended["status"], ended["error"]["pg_code"]) == ("failed", "LIMIT")
    assert payment_row(owner, payment_id)["status"] == "failed"
    card_id = owner.row("select id from public.billing_keys")["id"]
    assert (
        shop.user(user_id).one("request_billing_payment", order_id=order_id, billing_key_id=card_id)["id"]
        != ended["id"]
    )


def test_an_unknown_charge_is_repeated_with_its_bytes_and_after_the_window_read_back(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    _, _, operation_id, job = charge(shop, worker)
    first = begin(worker, job, "Ynl0ZXM=")
    settle(worker, job, "retry", retry_in_seconds=0, attempt={"number": 1, "outcome": "unknown"})
    (job,) = claim(worker)
    again = begin(worker, job, None)
    assert (again["decision"], again["body"], again["idempotency_key"]) == (
        "resend",
        "Ynl0ZXM=",
        first["idempotency_key"],
    )
    settle(worker, job, "retry", retry_in_seconds=0, attempt={"number": 1, "outcome": "unknown"})
    shop.advance(3 * 3600 + 1)
    (job,) = claim(worker)
    assert begin(worker, job, "bmV3")["decision"] == "read_only"
    settle(worker, job, snapshots=[snapshot(job["payload"]["payment_id"])])
    assert worker.one("get_operation", id=operation_id)["status"] == "succeeded"


def test_a_charge_that_never_reached_portone_is_known_to_be_so_after_two_reads(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    _, _, operation_id, job = charge(shop, worker)
    begin(worker, job)
    settle(worker, job, "retry", retry_in_seconds=0, attempt={"number": 1, "outcome": "unknown"})
    shop.advance(3 * 3600 + 1)
    for expected in ("pending", "failed"):
        (job,) = claim(worker)
        begin(worker, job, None)
        settle(worker, job, "retry", not_found=True, counts_as_failure=False)
        assert worker.one("get_operation", id=operation_id)["status"] == expected
        shop.advance(61)
    assert worker.one("get_operation", id=operation_id)["error"]["code"] == "NOT_EXECUTED"


def test_an_undecided_charge_that_dies_calls_for_a_person_and_claims_nothing(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    _, _, operation_id, job = charge(shop, worker)
    begin(worker, job)
    settle(
        worker,
        job,
        "dead",
        attempt={"number": 1, "outcome": "unknown"},
        error={"code": "BUG", "message": "x"},
    )
    assert worker.one("get_operation", id=operation_id)["status"] == "pending"
    assert (
        owner.row("select kind from public.drift_findings where closed_at is null")["kind"]
        == "undecided_charge"
    )


def test_a_worker_that_calls_a_charge_done_without_portones_word_is_not_believed(
    shop: Shop, worker: Caller
) -> None:
    _, _, operation_id, job = charge(shop, worker)
    begin(worker, job)
    settle(worker, job, attempt={"number": 1, "outcome": "succeeded"})
    assert worker.one("get_operation", id=operation_id)["status"] == "pending"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("is_active = false, is_default = false", "BILLING_KEY_INACTIVE"),
        ("card_expiry_year = 2026, card_expiry_month = 10", "BILLING_KEY_EXPIRED"),
    ],
)
def test_a_card_that_is_off_or_expired_is_not_charged(
    shop: Shop, worker: Caller, owner: Caller, change: str, code: str
) -> None:
    user_id = shop.new_user()
    card_id = saved_card(shop, worker, user_id)
    owner.run(f"update public.billing_keys set {change}")
    ask = {"order_id": shop.new_order(user_id), "billing_key_id": card_id}
    assert refusal(shop.user(user_id), "request_billing_payment", **ask)[:2] == (409, code)
    with pytest.raises(Refused) as refused:
        shop.user(shop.new_user()).one("request_billing_payment", **ask)
    assert refused.value.code == "ORDER_NOT_FOUND"


def test_an_order_with_an_open_window_is_not_charged_beside_it(shop: Shop, worker: Caller) -> None:
    user_id = shop.new_user()
    card_id = saved_card(shop, worker, user_id)
    order_id = shop.new_order(user_id)
    user = shop.user(user_id)
    user.one("request_payment", order_id=order_id, pay_method="CARD")
    assert (
        refusal(user, "request_billing_payment", order_id=order_id, billing_key_id=card_id)[1]
        == "ORDER_HAS_OPEN_PAYMENT"
    )


def test_an_accepted_charge_that_could_never_be_read_back_is_not_called_unexecuted(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    _, _, operation_id, job = charge(shop, worker)
    begin(worker, job)
    settle(worker, job, "retry", retry_in_seconds=0, attempt={"number": 1, "outcome": "succeeded"})
    (job,) = claim(worker)
    assert begin(worker, job)["decision"] == "decided", "PortOne said yes: nothing is sent again"
    shop.advance(5 * 3600)
    settle(worker, job, "retry", error={"code": "UNREACHABLE", "message": "PortOne does not answer."})
    assert worker.one("get_operation", id=operation_id)["status"] == "pending"
    assert (
        owner.row("select kind from public.drift_findings where closed_at is null")["kind"]
        == "undecided_charge"
    )


def test_a_webhook_of_another_store_says_which_store_to_ask(worker: Caller) -> None:
    worker.call("record_webhooks", webhooks=[delivery("wh-1", "payelsewhere", store_id="store-2")])
    (job,) = claim(worker)
    assert job["payload"] == {"payment_id": "payelsewhere", "store_id": "store-2"}
