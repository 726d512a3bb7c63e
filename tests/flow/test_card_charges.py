"""Charging a saved card: once whatever happens, a decline with the card company's words, and the order's price."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

import pytest

from sandbox.demo.shopper import at_once
from tests.flow import saved_cards as card_desk

if TYPE_CHECKING:
    from sandbox.demo.shopper import Shopper
    from sandbox.demo.world import World


def _order_status(customer: Shopper, order_id: str) -> str:
    (order,) = customer.select("orders", "status", id=f"eq.{order_id}")
    return str(order["status"])


def test_a_charge_is_the_orders_price_paid_once_and_the_books_are_equal(world: World, mina: Shopper) -> None:
    card = card_desk.saved(world, mina)
    order_id = world.order(mina, 12_000, tax_free=2_000)
    paid = card_desk.charge(mina, order_id, card).result
    assert (paid["status"], paid["paidAmount"]) == ("paid", 12_000)
    (call,) = card_desk.charges(world, paid["paymentId"])
    sent = json.loads(call["body"])
    assert (sent["amount"], sent["currency"], sent["billingKey"]) == (
        {"total": 12_000, "taxFree": 2_000}, "KRW", card.key,
    )  # fmt: skip
    card_desk.quiet(world)
    assert world.books.differences(paid["paymentId"]) == []
    assert world.books.events(paid["paymentId"], "order_settled") == 1
    assert _order_status(mina, order_id) == "paid"
    again = card_desk.charge(mina, order_id, card)
    assert (again.status, again.code) == (409, "ORDER_ALREADY_PAID")


def test_the_database_function_charges_as_the_route_does(world: World, mina: Shopper) -> None:
    card = card_desk.saved(world, mina)
    asked = mina.rpc("request_billing_payment", order_id=world.order(mina, 2_000), billing_key_id=card.id)
    assert mina.operation(asked.body["id"], wait=15).result["status"] == "paid"


def test_a_decline_tells_the_card_companys_code_and_words_and_frees_the_order(
    world: World, mina: Shopper
) -> None:
    card = card_desk.saved(world, mina)
    order_id = world.order(mina, 12_000)
    world.portone.decline_billing_key(card.key, pgCode="REJECT_CARD_PAYMENT", pgMessage="한도초과")
    declined = card_desk.charge(mina, order_id, card)
    assert (declined.status, declined.body["status"]) == (200, "failed")
    error = declined.body["error"]
    assert (error["code"], error["pg_code"], error["pg_message"]) == (
        "PG_PROVIDER", "REJECT_CARD_PAYMENT", "한도초과",
    )  # fmt: skip
    failed_id = declined.body["result"]["paymentId"]
    card_desk.quiet(world)
    assert world.books.payment(failed_id)["status"] == "failed"
    assert world.books.differences(failed_id) == []
    assert _order_status(mina, order_id) == "pending"
    paid = card_desk.charge(mina, order_id, card).result
    assert (paid["status"], paid["paymentId"] != failed_id) == ("paid", True)


@pytest.mark.parametrize("kind", ["drop_reply_after_commit", "html_500_after_commit", "reset_before"])
def test_a_charge_whose_reply_is_lost_is_repeated_with_its_key_and_happens_once(
    world: World, mina: Shopper, kind: str
) -> None:
    card = card_desk.saved(world, mina)
    world.portone.hold_webhooks()
    world.portone.add_fault(kind, "/payments/*/billing-key", method="POST")
    paid = card_desk.charge(mina, world.order(mina, 9_000), card, wait=30).result
    assert (paid["status"], paid["paidAmount"]) == ("paid", 9_000)
    calls = card_desk.charges(world, paid["paymentId"])
    assert len({(call["idempotency_key"], call["body"]) for call in calls}) == 1
    assert world.books.differences(paid["paymentId"]) == []
    assert world.books.events(paid["paymentId"], "order_settled") == 1


def test_ten_charges_of_one_order_at_once_are_one_payment(world: World, mina: Shopper) -> None:
    card, key = card_desk.saved(world, mina), str(uuid.uuid4())
    order_id = world.order(mina, 9_000)
    replies = at_once([lambda: card_desk.charge(mina, order_id, card, idempotency_key=key)] * 10)
    assert len({reply.result["paymentId"] for reply in replies}) == 1
    others = at_once([lambda: card_desk.charge(mina, order_id, card)] * 3)
    assert {reply.code for reply in others} == {"ORDER_ALREADY_PAID"}
    assert len(mina.select("payments", "payment_id", order_id=f"eq.{order_id}")) == 1
    assert len(card_desk.charges(world, replies[0].result["paymentId"])) == 1


def test_a_refund_of_a_charge_is_a_refund_like_any_other(world: World, mina: Shopper) -> None:
    card = card_desk.saved(world, mina)
    paid = card_desk.charge(mina, world.order(mina, 9_000), card).result
    assert world.admin.cancel(paid["paymentId"], 4_000).result["amount"] == 4_000
    card_desk.quiet(world)
    assert world.books.amounts(paid["paymentId"]) == (9_000, 4_000, 0, 5_000)
    assert world.books.differences(paid["paymentId"]) == []


def test_a_key_deleted_behind_our_back_fails_the_charge_and_frees_the_order(
    world: World, mina: Shopper
) -> None:
    card = card_desk.saved(world, mina)
    world.portone.hold_webhooks()
    world.portone.console_delete_billing_key(card.key)
    order_id = world.order(mina, 9_000)
    refused = card_desk.charge(mina, order_id, card)
    assert (refused.body["status"], refused.body["error"]["code"]) == (
        "failed",
        "BILLING_KEY_ALREADY_DELETED",
    )
    assert mina.pay(order_id).result["totalAmount"] == 9_000, "the order can be paid another way"


def test_the_card_of_somebody_elses_order_is_refused(world: World, mina: Shopper) -> None:
    card, friend = card_desk.saved(world, mina), world.customer("friend")
    refused = card_desk.charge(mina, world.order(friend, 1_000), card)
    assert (refused.status, refused.code) == (404, "ORDER_NOT_FOUND")
    by_server = world.server.rpc(
        "request_billing_payment", order_id=world.order(friend, 1_000), billing_key_id=card.id
    )
    assert by_server.code == "PT404"
