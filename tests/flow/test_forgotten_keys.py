"""PortOne forgets an Idempotency-Key sooner than its three hours ("may change"): each call still takes effect once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.flow import saved_cards as card_desk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.demo.shopper import Shopper
    from sandbox.demo.world import World


@pytest.fixture
def forgetful(world: World) -> Iterator[World]:
    """PortOne keeps no key, and the reply to the next call of each kind is lost after it was carried out."""
    world.portone.assumptions(idempotency_hours=0)
    for action in ("cancel", "billing-key", "schedule"):
        world.portone.add_fault("drop_reply_after_commit", f"/payments/*/{action}", method="POST")
    yield world
    world.portone.clear_faults()
    world.portone.assumptions(idempotency_hours=3)


def test_a_refund_is_made_once(forgetful: World, mina: Shopper) -> None:
    purchase = forgetful.paid(mina, 10_000)
    assert forgetful.admin.cancel(purchase.payment_id, 3_000, wait=30).result["amount"] == 3_000
    forgetful.quiet(purchase)
    made = forgetful.portone.payment(purchase.payment_id)["cancellations"]
    assert [one["totalAmount"] for one in made] == [3_000]
    keys = {call["idempotency_key"] for call in forgetful.cancel_calls(purchase)}
    assert len(keys) == 1, "what PortOne lists is the refund: there is no second attempt"
    assert forgetful.books.differences(purchase.payment_id) == []


def test_a_charge_and_a_schedule_are_made_once(forgetful: World, mina: Shopper) -> None:
    card = card_desk.saved(forgetful, mina)
    paid = card_desk.charge(mina, forgetful.order(mina, 9_000), card, wait=30).result
    assert (paid["status"], paid["paidAmount"]) == ("paid", 9_000)
    body = {
        "order_id": forgetful.order(mina, 7_000),
        "billing_key_id": card.id,
        "time_to_pay": card_desk.in_days(forgetful, 30),
    }
    made = mina.post("/schedules", body, wait=30).result
    assert made["status"] == "scheduled"
    theirs = [one for one in forgetful.portone.schedules() if one["paymentId"] == made["paymentId"]]
    assert len(theirs) == 1
