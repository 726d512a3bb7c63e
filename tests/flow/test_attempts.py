"""One payment id, several attempts: pending, failed, manually approved, paid; the books follow PortOne's word."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sandbox.demo.shopper import Reply, Shopper
    from sandbox.demo.world import Purchase, World

MANUAL = "channel-key-manual"


def _status(customer: Shopper, purchase: Purchase) -> str:
    (row,) = customer.select("payments", "status", payment_id=f"eq.{purchase.payment_id}")
    return str(row["status"])


def _approved_in_window(world: World, customer: Shopper) -> tuple[Purchase, str]:
    purchase = world.prepared(customer, 6_000, tax_free=1_000)
    opened = world.open_window(purchase, channelKey=MANUAL)
    world.portone.approve(purchase.payment_id)
    return purchase, str(opened["txId"])


def _confirm(
    world: World, customer: Shopper, purchase: Purchase, tx_id: str, token: str | None = None
) -> Reply:
    given = token or world.portone.payment_token(purchase.payment_id)
    body = {"payment_token": given, "tx_id": tx_id}
    return customer.post(f"/payments/{purchase.payment_id}/confirm", body)


def test_manual_approval_moves_no_money_until_it_is_confirmed(world: World, mina: Shopper) -> None:
    purchase, tx_id = _approved_in_window(world, mina)
    assert mina.complete(purchase.payment_id).result["status"] == "ready"
    assert _confirm(world, mina, purchase, tx_id).result["status"] == "paid"
    world.quiet(purchase)
    (call,) = world.portone.requests(path=f"/payments/{purchase.payment_id}/confirm", method="POST")
    sent = json.loads(call["body"])
    assert (sent["totalAmount"], sent["taxFreeAmount"], sent["currency"], sent["isTest"]) == (
        6_000, 1_000, "KRW", True,
    )  # fmt: skip
    assert world.books.differences(purchase.payment_id) == []
    assert world.books.events(purchase.payment_id, "order_settled") == 1
    assert world.books.rows("select * from private.payment_tokens") == [], "the token is forgotten"


def test_manual_approval_of_other_information_is_refused_and_can_be_done_right(
    world: World, mina: Shopper
) -> None:
    purchase, tx_id = _approved_in_window(world, mina)
    wrong = _confirm(world, mina, purchase, "tx-of-another-window")
    assert (wrong.status, wrong.body["status"], wrong.body["error"]["code"]) == (
        200,
        "failed",
        "INFORMATION_MISMATCH",
    )
    assert wrong.body["error"]["message"].startswith("Amount, currency or channel differ")
    assert world.portone.payment(purchase.payment_id)["status"] == "READY"
    assert _confirm(world, mina, purchase, tx_id).result["status"] == "paid"


def test_manual_approval_with_a_wrong_token_is_refused(world: World, mina: Shopper) -> None:
    purchase, tx_id = _approved_in_window(world, mina)
    wrong = _confirm(world, mina, purchase, tx_id, "not-the-token")
    assert (wrong.body["status"], wrong.body["error"]["code"]) == ("failed", "INVALID_PAYMENT_TOKEN")
    stranger = world.customer("stranger")
    assert _confirm(world, stranger, purchase, tx_id).code == "PAYMENT_NOT_FOUND"


@pytest.mark.parametrize("kind", ["drop_reply_after_commit", "html_500_after_commit"])
def test_manual_approval_whose_reply_is_lost_is_repeated_and_happens_once(
    world: World, mina: Shopper, kind: str
) -> None:
    purchase, tx_id = _approved_in_window(world, mina)
    world.portone.hold_webhooks()
    world.portone.add_fault(kind, f"/payments/{purchase.payment_id}/confirm", method="POST")
    assert _confirm(world, mina, purchase, tx_id).result["status"] == "paid"
    calls = world.portone.requests(path=f"/payments/{purchase.payment_id}/confirm", method="POST")
    assert len({(call["idempotency_key"], call["body"]) for call in calls}) == 1
    assert world.books.differences(purchase.payment_id) == []


def test_manual_approval_the_card_company_refuses_says_why(world: World, mina: Shopper) -> None:
    purchase, tx_id = _approved_in_window(world, mina)
    world.portone.add_fault(
        "pg_provider",
        f"/payments/{purchase.payment_id}/confirm",
        method="POST",
        pgCode="51",
        pgMessage="잔액부족",
    )
    refused = _confirm(world, mina, purchase, tx_id)
    assert (refused.body["status"], refused.body["error"]["pg_code"]) == ("failed", "51")
    world.quiet(purchase)
    assert world.books.differences(purchase.payment_id) == []
    assert _status(mina, purchase) == "failed"


def test_a_payment_the_pg_holds_is_pending_and_then_paid(world: World, mina: Shopper) -> None:
    purchase = world.prepared(mina, 6_000)
    world.open_window(purchase)
    world.portone.pend(purchase.payment_id)
    world.quiet(purchase)
    assert (_status(mina, purchase), mina.select("orders")[0]["status"]) == ("pay_pending", "pending")
    world.portone.approve(purchase.payment_id)
    world.quiet(purchase)
    assert (_status(mina, purchase), mina.select("orders")[0]["status"]) == ("paid", "paid")
    assert world.books.differences(purchase.payment_id) == []


def test_a_refused_attempt_and_a_good_one_under_the_same_id(world: World, mina: Shopper) -> None:
    purchase = world.prepared(mina, 6_000)
    world.open_window(purchase)
    world.portone.fail(purchase.payment_id, pgCode="51", pgMessage="잔액부족")
    world.quiet(purchase)
    assert _status(mina, purchase) == "failed"
    world.open_window(purchase)
    world.portone.approve(purchase.payment_id)
    world.quiet(purchase)
    assert (_status(mina, purchase), mina.select("orders")[0]["status"]) == ("paid", "paid")
    assert world.books.differences(purchase.payment_id) == []
    assert world.books.events(purchase.payment_id, "order_settled") == 1


def test_an_attempt_that_failed_and_was_paid_after_all_is_followed(world: World, mina: Shopper) -> None:
    purchase = world.prepared(mina, 6_000)
    opened = world.open_window(purchase)
    world.portone.fail(purchase.payment_id)
    world.quiet(purchase)
    assert _status(mina, purchase) == "failed"
    world.portone.approve(purchase.payment_id, transactionId=opened["txId"], late=True)
    world.quiet(purchase)
    assert _status(mina, purchase) == "paid"
    assert world.books.differences(purchase.payment_id) == []


def test_webhooks_of_three_attempts_in_reverse_order_end_in_the_last_word(
    world: World, mina: Shopper
) -> None:
    purchase = world.prepared(mina, 6_000)
    world.portone.hold_webhooks()
    for _ in range(2):
        world.open_window(purchase)
        world.portone.fail(purchase.payment_id)
    world.open_window(purchase)
    world.portone.approve(purchase.payment_id)
    world.portone.release_webhooks(order="reverse", duplicate=True)
    world.quiet(purchase)
    assert _status(mina, purchase) == "paid"
    assert world.books.differences(purchase.payment_id) == []
    assert world.books.events(purchase.payment_id, "order_settled") == 1


def test_a_window_nobody_came_back_to_frees_its_order_and_paid_later_still_counts(
    world: World, mina: Shopper
) -> None:
    purchase = world.prepared(mina, 6_000)
    world.open_window(purchase)
    world.quiet(purchase)
    world.advance(25 * 3_600)
    while world.server.rpc("run_maintenance").body["more"]:
        pass
    assert _status(mina, purchase) == "expired"
    assert world.books.payment(purchase.payment_id)["portone_status"] == "READY"
    world.portone.approve(purchase.payment_id)
    world.quiet(purchase)
    assert (_status(mina, purchase), mina.select("orders")[0]["status"]) == ("paid", "paid")
    assert world.books.differences(purchase.payment_id) == []
