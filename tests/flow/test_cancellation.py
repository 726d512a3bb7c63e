"""The checklist's cancellations: full, partial, over-cancellation refused, and who may ask."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from sandbox.demo.shopper import at_once

if TYPE_CHECKING:
    from sandbox.demo.shopper import Shopper
    from sandbox.demo.world import World


def test_full_cancellation(world: World, mina: Shopper) -> None:
    purchase = world.paid(mina, 8_000)
    assert world.admin.cancel(purchase.payment_id).result["amount"] == 8_000
    world.quiet(purchase)
    assert world.books.payment(purchase.payment_id)["status"] == "cancelled"
    assert world.books.differences(purchase.payment_id) == []
    again = world.admin.cancel(purchase.payment_id)
    assert (again.status, again.code) == (409, "PAYMENT_ALREADY_CANCELLED")


def test_partial_cancellation_sends_what_portone_has_left(world: World, mina: Shopper) -> None:
    purchase = world.paid(mina, 8_000)
    for amount in (1_000, 2_500):
        assert world.admin.cancel(purchase.payment_id, amount).result["amount"] == amount
    world.quiet(purchase)
    sent = [json.loads(call["body"]) for call in world.cancel_calls(purchase)]
    assert [(body["amount"], body["currentCancellableAmount"]) for body in sent] == [
        (1_000, 8_000),
        (2_500, 7_000),
    ]
    assert world.books.amounts(purchase.payment_id) == (8_000, 3_500, 0, 4_500)
    assert world.books.differences(purchase.payment_id) == []
    (row,) = mina.select("payments", payment_id=f"eq.{purchase.payment_id}")
    assert (row["status"], row["cancelled_amount"], row["cancellable_amount"]) == (
        "partial_cancelled",
        3_500,
        4_500,
    )


def test_partial_cancellation_of_a_tax_free_part(world: World, mina: Shopper) -> None:
    purchase = world.paid(mina, 8_000, tax_free=2_000)
    asked = world.admin.cancel(purchase.payment_id, 1_000)
    assert (asked.status, asked.code) == (422, "TAX_FREE_AMOUNT_REQUIRED")
    assert world.admin.cancel(purchase.payment_id, 1_000, tax_free_amount=400).result["amount"] == 1_000
    world.quiet(purchase)
    (theirs,) = world.portone.payment(purchase.payment_id)["cancellations"]
    assert (theirs["totalAmount"], theirs["taxFreeAmount"]) == (1_000, 400)
    assert world.books.differences(purchase.payment_id) == []


def test_over_cancellation_is_refused_before_portone_is_called(world: World, mina: Shopper) -> None:
    purchase = world.paid(mina, 8_000)
    refused = world.admin.cancel(purchase.payment_id, 8_001)
    assert (refused.status, refused.code) == (409, "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT")
    assert (refused.error["field"], refused.error["max"]) == ("amount", 8_000)
    assert refused.error["hint"] == "Ask for at most 8000."
    assert world.cancel_calls(purchase) == []
    assert world.books.amounts(purchase.payment_id) == (8_000, 0, 0, 8_000)


def test_fifty_refunds_at_once_never_exceed_what_was_paid(world: World, mina: Shopper) -> None:
    purchase = world.paid(mina, 10_000)
    replies = at_once([lambda: world.admin.cancel(purchase.payment_id, 900, wait=30)] * 50)
    answers = [reply.body["status"] if reply.status == 200 else reply.code for reply in replies]
    world.quiet(purchase)
    assert answers.count("succeeded") == 11
    assert answers.count("CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT") == 39
    assert world.books.amounts(purchase.payment_id) == (10_000, 9_900, 0, 100)
    assert world.books.differences(purchase.payment_id) == []


def test_the_same_key_twenty_times_at_once_is_one_refund(world: World, mina: Shopper) -> None:
    purchase = world.paid(mina, 10_000)
    replies = at_once(
        [lambda: world.admin.cancel(purchase.payment_id, 900, idempotency_key="once-only")] * 20
    )
    assert len({reply.body["id"] for reply in replies}) == 1
    world.quiet(purchase)
    assert len(world.cancel_calls(purchase)) == 1
    assert world.books.amounts(purchase.payment_id) == (10_000, 900, 0, 9_100)


def test_a_customer_cannot_refund_what_may_have_been_shipped(world: World, mina: Shopper) -> None:
    purchase = world.paid(mina, 8_000)
    refused = mina.cancel(purchase.payment_id, 1_000)
    assert (refused.status, refused.code) == (403, "CANCEL_NOT_ALLOWED")


def test_an_unpaid_payment_has_nothing_to_refund(world: World, mina: Shopper) -> None:
    purchase = world.prepared(mina, 8_000)
    refused = world.admin.cancel(purchase.payment_id, 1_000)
    assert (refused.status, refused.code) == (409, "PAYMENT_NOT_PAID")


@pytest.mark.parametrize("outcome", ["SUCCEEDED", "FAILED"])
def test_a_cancellation_portone_decides_later(world: World, mina: Shopper, outcome: str) -> None:
    purchase = world.prepared(mina, 8_000)
    world.open_window(purchase, channelKey="channel-key-async")
    world.portone.approve(purchase.payment_id)
    world.quiet(purchase)
    asked = world.admin.cancel(purchase.payment_id, 3_000, wait=2)
    assert (asked.status, asked.body["status"]) == (202, "pending")
    assert world.books.amounts(purchase.payment_id) == (8_000, 0, 3_000, 5_000)
    assert world.admin.cancel(purchase.payment_id, 5_001).code == "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT"
    (theirs,) = world.portone.payment(purchase.payment_id)["cancellations"]
    world.portone.complete_cancellation(purchase.payment_id, theirs["id"], outcome)
    world.quiet(purchase)
    # A failed cancellation has no webhook of its own: whoever asks again reads it.
    world.admin.complete(purchase.payment_id)
    ended = world.admin.operation(asked.body["id"]).body
    assert ended["status"] == outcome.lower()
    refunded = 3_000 if outcome == "SUCCEEDED" else 0
    assert world.books.amounts(purchase.payment_id) == (8_000, refunded, 0, 8_000 - refunded)
    assert world.books.differences(purchase.payment_id) == []


def test_a_card_company_that_refuses_says_why_and_holds_nothing(world: World, mina: Shopper) -> None:
    purchase = world.paid(mina, 8_000)
    world.portone.add_fault("pg_provider", f"/payments/{purchase.payment_id}/cancel", method="POST")
    refused = world.admin.cancel(purchase.payment_id, 1_000)
    assert (refused.status, refused.body["status"]) == (200, "failed")
    assert refused.body["error"]["code"] == "PG_PROVIDER"
    assert world.books.amounts(purchase.payment_id) == (8_000, 0, 0, 8_000)
    assert world.admin.cancel(purchase.payment_id, 1_000).result["amount"] == 1_000


def test_a_chargeback_and_a_console_cancel_appear_in_our_books(world: World, mina: Shopper) -> None:
    purchase = world.paid(mina, 8_000)
    world.portone.chargeback(purchase.payment_id, amount=1_000)
    world.portone.console_cancel(purchase.payment_id, amount=2_000)
    world.quiet(purchase)
    assert world.books.amounts(purchase.payment_id) == (8_000, 3_000, 0, 5_000)
    assert world.books.differences(purchase.payment_id) == []
