"""Charges in the future: PortOne makes them, we learn of each, by webhook or by asking, and revoking takes them back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.flow import saved_cards as card_desk

if TYPE_CHECKING:
    from sandbox.demo.shopper import Shopper
    from sandbox.demo.world import World

_DAY = 86_400


def _shown(customer: Shopper, schedule: dict[str, Any]) -> dict[str, Any]:
    (row,) = customer.select("payment_schedules", id=f"eq.{schedule['scheduleId']}")
    return row


def _payment(customer: Shopper, schedule: dict[str, Any]) -> str:
    (row,) = customer.select("payments", "status", payment_id=f"eq.{schedule['paymentId']}")
    return str(row["status"])


def test_a_schedule_is_made_at_portone_and_its_order_waits_for_it(world: World, mina: Shopper) -> None:
    card = card_desk.saved(world, mina)
    made = card_desk.schedule(world, mina, card, 5_000).result
    (theirs,) = [one for one in world.portone.schedules() if one["paymentId"] == made["paymentId"]]
    row = _shown(mina, made)
    assert (row["status"], row["schedule_id"]) == ("scheduled", theirs["id"])
    (call,) = world.portone.requests(path=f"/payments/{made['paymentId']}/schedule", method="POST")
    sent = json.loads(call["body"])["payment"]
    assert (sent["amount"]["total"], sent["billingKey"]) == (5_000, card.key)
    refused = card_desk.charge(mina, row["order_id"], card)
    assert (refused.status, refused.code) == (409, "ORDER_HAS_OPEN_PAYMENT")


def test_a_schedule_portone_executed_is_learned_by_webhook(world: World, mina: Shopper) -> None:
    made = card_desk.schedule(world, mina, card_desk.saved(world, mina), 5_000, days=2).result
    world.advance(2 * _DAY + 5)
    card_desk.quiet(world)
    assert (_shown(mina, made)["status"], _payment(mina, made)) == ("succeeded", "paid")
    assert world.books.differences(made["paymentId"]) == []
    assert world.books.events(made["paymentId"], "order_settled") == 1
    (order,) = mina.select("orders", "status", id=f"eq.{_shown(mina, made)['order_id']}")
    assert order["status"] == "paid"


def test_a_schedule_whose_webhook_never_came_is_learned_by_asking(world: World, mina: Shopper) -> None:
    made = card_desk.schedule(world, mina, card_desk.saved(world, mina), 5_000, days=2).result
    world.portone.hold_webhooks()
    world.advance(2 * _DAY + 5)
    world.portone.release_webhooks(drop=1_000)
    assert (_shown(mina, made)["status"], _payment(mina, made)) == ("scheduled", "ready")
    world.advance(700)
    world.wait(lambda: _payment(mina, made) == "paid")
    world.books.wait_idle()
    assert _shown(mina, made)["status"] == "succeeded"
    assert world.books.differences(made["paymentId"]) == []


def test_a_schedule_that_is_declined_fails_with_the_card_companys_words(world: World, mina: Shopper) -> None:
    card = card_desk.saved(world, mina)
    made = card_desk.schedule(world, mina, card, 5_000, days=1).result
    world.portone.decline_billing_key(card.key, pgCode="NO_MONEY", pgMessage="잔액부족")
    world.advance(_DAY + 5)
    card_desk.quiet(world)
    row = _shown(mina, made)
    assert (row["status"], row["failure"]["pg_code"], row["failure"]["pg_message"]) == (
        "failed", "NO_MONEY", "잔액부족",
    )  # fmt: skip
    assert _payment(mina, made) == "failed"
    assert card_desk.charge(mina, row["order_id"], card).result["status"] == "paid"


def test_a_revoked_schedule_never_runs_and_frees_its_order(world: World, mina: Shopper) -> None:
    card = card_desk.saved(world, mina)
    made = card_desk.schedule(world, mina, card, 5_000, days=1).result
    stranger = world.customer("stranger")
    assert stranger.delete(f"/schedules/{made['scheduleId']}").code == "SCHEDULE_NOT_FOUND"
    assert mina.delete(f"/schedules/{made['scheduleId']}").result["status"] == "revoked"
    (theirs,) = [one for one in world.portone.schedules() if one["paymentId"] == made["paymentId"]]
    assert theirs["status"] == "REVOKED"
    assert mina.delete(f"/schedules/{made['scheduleId']}").code == "SCHEDULE_IS_OVER"
    world.advance(_DAY + 700)
    card_desk.quiet(world)
    row = _shown(mina, made)
    assert row["status"] == "revoked"
    assert card_desk.charge(mina, row["order_id"], card).result["status"] == "paid"


def test_a_schedule_revoked_too_late_says_that_it_was_charged(world: World, mina: Shopper) -> None:
    made = card_desk.schedule(world, mina, card_desk.saved(world, mina), 5_000, days=1).result
    world.portone.hold_webhooks()
    world.portone.advance_clock(_DAY + 5)
    late = mina.delete(f"/schedules/{made['scheduleId']}")
    assert (late.body["status"], late.body["error"]["code"]) == (
        "failed",
        "PAYMENT_SCHEDULE_ALREADY_PROCESSED",
    )
    world.books.advance_clock(_DAY + 5)
    world.portone.release_webhooks()
    card_desk.quiet(world)
    assert (_shown(mina, made)["status"], _payment(mina, made)) == ("succeeded", "paid")


def test_a_schedule_whose_reply_is_lost_exists_once(world: World, mina: Shopper) -> None:
    card = card_desk.saved(world, mina)
    world.portone.add_fault("drop_reply_after_commit", "/payments/*/schedule", method="POST")
    made = card_desk.schedule(world, mina, card, 5_000).result
    theirs = [one for one in world.portone.schedules() if one["paymentId"] == made["paymentId"]]
    assert [one["status"] for one in theirs] == ["SCHEDULED"]
    assert _shown(mina, made)["schedule_id"] == theirs[0]["id"]


def test_a_time_in_the_past_is_refused_by_name(world: World, mina: Shopper) -> None:
    refused = card_desk.schedule(world, mina, card_desk.saved(world, mina), 5_000, days=-1)
    assert (refused.status, refused.code, refused.error["field"]) == (
        422, "TIME_TO_PAY_OUT_OF_RANGE", "time_to_pay",
    )  # fmt: skip
