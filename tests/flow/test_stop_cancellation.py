"""A refund that PortOne carries out later (Triple-A) is stopped in time, or it is not; nobody has to ask how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sandbox.demo.shopper import Reply, Shopper
    from sandbox.demo.world import Purchase, World


def _requested(world: World, customer: Shopper) -> tuple[Purchase, str, str]:
    """A refund of 3,000 of 8,000 that PortOne has taken: payment, our refund's id, its operation."""
    purchase = world.prepared(customer, 8_000)
    world.open_window(purchase, channelKey="channel-key-async")
    world.portone.approve(purchase.payment_id)
    world.quiet(purchase)
    asked = world.admin.cancel(purchase.payment_id, 3_000, wait=2)
    assert (asked.status, asked.body["status"]) == (202, "pending")
    (refund,) = world.books.cancellations(purchase.payment_id)
    assert (refund["status"], refund["portone_status"]) == ("requested", "REQUESTED")
    return purchase, str(refund["id"]), asked.body["id"]


def _stop(caller: Shopper, refund: str, **body: Any) -> Reply:
    return caller.post(f"/cancellations/{refund}/stop", body or None)


def _theirs(world: World, purchase: Purchase) -> list[str]:
    return [entry["status"] for entry in world.portone.payment(purchase.payment_id)["cancellations"]]


def test_a_refund_stopped_in_time_moves_no_money_and_gives_its_hold_back(world: World, mina: Shopper) -> None:
    purchase, refund, operation = _requested(world, mina)
    stopped = _stop(world.admin, refund, idempotency_key="stop-it-once")
    assert (stopped.body["status"], stopped.result["status"]) == ("succeeded", "failed")
    assert _stop(world.admin, refund, idempotency_key="stop-it-once").body["id"] == stopped.body["id"]
    ended = world.admin.operation(operation).body
    assert (ended["status"], ended["error"]["code"]) == ("failed", "CANCELLATION_STOPPED")
    assert world.books.amounts(purchase.payment_id) == (8_000, 0, 0, 8_000)
    assert _theirs(world, purchase) == ["FAILED"]
    assert world.books.differences(purchase.payment_id) == []
    again = _stop(world.admin, refund)
    assert (again.status, again.code) == (409, "CANCELLATION_NOT_PENDING")
    assert world.admin.cancel(purchase.payment_id, 8_000, wait=2).status == 202


def test_a_refund_carried_out_before_it_was_stopped_stays_carried_out(world: World, mina: Shopper) -> None:
    purchase, refund, operation = _requested(world, mina)
    world.portone.hold_webhooks()
    (theirs,) = world.portone.payment(purchase.payment_id)["cancellations"]
    world.portone.complete_cancellation(purchase.payment_id, theirs["id"], "SUCCEEDED")
    late = _stop(world.admin, refund)
    assert (late.body["status"], late.body["error"]["code"]) == ("failed", "PAYMENT_CANCELLATION_NOT_PENDING")
    assert world.admin.operation(operation).result["amount"] == 3_000
    assert world.books.amounts(purchase.payment_id) == (8_000, 3_000, 0, 5_000)
    assert world.books.differences(purchase.payment_id) == []


def test_a_stop_whose_reply_is_lost_is_read_back(world: World, mina: Shopper) -> None:
    purchase, refund, _ = _requested(world, mina)
    world.portone.add_fault("drop_reply_after_commit", "/payments/*/cancellations/*/stop", method="POST")
    assert _stop(world.admin, refund).result["status"] == "failed"
    assert world.books.amounts(purchase.payment_id) == (8_000, 0, 0, 8_000)


def test_a_stop_the_pg_refuses_says_why_and_the_refund_goes_on(world: World, mina: Shopper) -> None:
    purchase, refund, operation = _requested(world, mina)
    world.portone.add_fault(
        "pg_provider", "/payments/*/cancellations/*/stop", method="POST", pgMessage="거절"
    )
    refused = _stop(world.admin, refund)
    assert (refused.body["status"], refused.body["error"]["pg_message"]) == ("failed", "거절")
    assert world.admin.operation(operation).body["status"] == "pending"
    assert world.books.amounts(purchase.payment_id) == (8_000, 0, 3_000, 5_000)


def test_only_the_shop_stops_a_refund_and_only_one_that_can_be(world: World, mina: Shopper) -> None:
    _, refund, _ = _requested(world, mina)
    assert _stop(mina, refund).code == "CANCEL_NOT_ALLOWED"
    assert _stop(world.customer("stranger"), refund).code == "CANCELLATION_NOT_FOUND"
    assert _stop(world.admin, "no-id").code == "CANCELLATION_NOT_FOUND"
    other = world.paid(mina, 8_000)
    world.admin.cancel(other.payment_id, 1_000)
    (done,) = world.books.cancellations(other.payment_id)
    assert _stop(world.admin, str(done["id"])).code == "CANCELLATION_NOT_PENDING"


@pytest.mark.parametrize("outcome", ["SUCCEEDED", "FAILED"])
def test_how_a_later_refund_ended_is_asked_for_when_nobody_says_it(
    world: World, mina: Shopper, outcome: str
) -> None:
    purchase, _, operation = _requested(world, mina)
    world.portone.hold_webhooks()
    (theirs,) = world.portone.payment(purchase.payment_id)["cancellations"]
    world.portone.complete_cancellation(purchase.payment_id, theirs["id"], outcome)
    world.portone.release_webhooks(drop=1_000)
    assert world.admin.operation(operation).body["status"] == "pending"
    world.advance(700)
    world.wait(lambda: world.admin.operation(operation).body["status"] == outcome.lower())
    assert world.books.differences(purchase.payment_id) == []
