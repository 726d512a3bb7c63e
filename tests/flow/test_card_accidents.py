"""Saved cards when things go wrong for long: nothing is guessed, PortOne's books decide, the order is free again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.flow import saved_cards as card_desk

if TYPE_CHECKING:
    from sandbox.demo.shopper import Shopper
    from sandbox.demo.world import World

_HOUR, _DAY = 3_600, 86_400


def _passing(world: World, customer: Shopper, operation_id: str, *, step: float, steps: int) -> None:
    """Let time pass until an operation has ended."""
    for _ in range(steps):
        if customer.operation(operation_id, wait=1).body["status"] != "pending":
            return
        world.advance(step)


def test_a_charge_nobody_could_read_for_hours_is_decided_when_portone_is_back(
    world: World, mina: Shopper
) -> None:
    card, order_id = card_desk.saved(world, mina), world.order(mina, 9_000)
    world.portone.hold_webhooks()
    world.portone.add_fault("drop_reply_after_commit", "/payments/*/billing-key", method="POST", times=10_000)
    world.portone.add_fault("status", "/payments/*", method="GET", status=503, times=10_000)
    asked = card_desk.charge(mina, order_id, card, wait=1)

    def findings() -> list[dict[str, object]]:
        return world.books.rows(
            "select closed_how from public.drift_findings where kind = 'undecided_charge' and subject = %s",
            asked.body["id"],
        )

    for _ in range(60):
        if findings():
            break
        world.advance(1_200)
        mina.operation(asked.body["id"], wait=1)
    assert findings() == [{"closed_how": None}], "its time is over and a person is asked"
    assert mina.pay(order_id).code == "ORDER_HAS_OPEN_PAYMENT", "no second charge of the order meanwhile"
    world.portone.clear_faults()
    _passing(world, mina, asked.body["id"], step=600, steps=12)
    paid = mina.operation(asked.body["id"]).result
    assert paid["status"] == "paid"
    assert findings() == [{"closed_how": "succeeded"}]
    assert world.books.differences(paid["paymentId"]) == []
    assert world.books.open_work(paid["paymentId"]) == [], "the dead job is dealt with"
    calls = card_desk.charges(world, paid["paymentId"])
    assert len({(call["idempotency_key"], call["body"]) for call in calls}) == 1


def test_a_deletion_the_pg_refuses_says_so_and_charges_nothing_more(world: World, mina: Shopper) -> None:
    card = card_desk.saved(world, mina)
    world.portone.add_fault("pg_provider", f"/billing-keys/{card.key}", method="DELETE", pgMessage="거절")
    refused = mina.delete(f"/billing-keys/{card.id}")
    assert (refused.body["status"], refused.body["error"]["pg_message"]) == ("failed", "거절")
    assert world.portone.billing_key(card.key)["status"] == "ISSUED"
    assert card_desk.charge(mina, world.order(mina, 1_000), card).code == "BILLING_KEY_INACTIVE"
    assert mina.delete(f"/billing-keys/{card.id}").result["deletedAt"] is not None


def test_a_card_deleted_while_portone_is_down_is_deleted_when_it_is_back(world: World, mina: Shopper) -> None:
    card = card_desk.saved(world, mina)
    world.portone.add_fault("status", f"/billing-keys/{card.key}", method="DELETE", status=503, times=2)
    assert mina.delete(f"/billing-keys/{card.id}", wait=30).result["deletedAt"] is not None
    assert world.portone.billing_key(card.key)["status"] == "DELETED"


def test_a_schedule_whose_key_was_deleted_in_the_console_fails_and_frees_its_order(
    world: World, mina: Shopper
) -> None:
    card = card_desk.saved(world, mina)
    made = card_desk.schedule(world, mina, card, 5_000, days=1).result
    world.portone.console_delete_billing_key(card.key)
    world.advance(_DAY + 5)
    card_desk.quiet(world)
    world.advance(700)
    shown = {"columns": "status,failure", "id": f"eq.{made['scheduleId']}"}
    world.wait(lambda: mina.select("payment_schedules", **shown)[0]["status"] == "failed")
    (theirs,) = [one for one in world.portone.schedules() if one["paymentId"] == made["paymentId"]]
    assert theirs["status"] == "FAILED"
    assert mina.select("payment_schedules", **shown)[0]["failure"]["code"] == "PAYMENT_SCHEDULE_FAILED"
    (payment,) = mina.select("payments", "status,order_id", payment_id=f"eq.{made['paymentId']}")
    assert payment["status"] == "failed"
    assert mina.pay(payment["order_id"]).result["totalAmount"] == 5_000


def test_an_expired_card_is_not_charged(world: World, mina: Shopper) -> None:
    card = card_desk.saved(world, mina)
    world.books.rows(
        "update public.billing_keys set card_expiry_year = 2020, card_expiry_month = 1 where id = %s returning id",
        card.id,
    )
    refused = card_desk.charge(mina, world.order(mina, 1_000), card)
    assert (refused.status, refused.code) == (409, "BILLING_KEY_EXPIRED")
