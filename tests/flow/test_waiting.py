"""What a request answers while its operation is not finished, and what happens to the operation meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.demo.shopper import Shopper

if TYPE_CHECKING:
    from sandbox.demo.world import Purchase, World

_SLOW = 2.5


def _slow_read(world: World, purchase: Purchase, seconds: float = _SLOW) -> None:
    world.portone.add_fault("delay", f"/payments/{purchase.payment_id}", method="GET", seconds=seconds)


def test_who_does_not_wait_gets_202_and_where_to_look(world: World, mina: Shopper) -> None:
    purchase = world.paid(mina, 1_000)
    _slow_read(world, purchase)
    asked = mina.complete(purchase.payment_id, wait=0)
    assert (asked.status, asked.body["status"]) == (202, "pending")
    assert asked.headers["location"] == f"/operations/{asked.body['id']}"
    assert int(asked.headers["retry-after"]) >= 1
    assert mina.get(asked.headers["location"]).status == 202
    assert mina.get(asked.headers["location"], wait=20).result["status"] == "paid"


def test_a_token_that_expires_while_waiting_ends_the_wait_not_the_work(world: World, mina: Shopper) -> None:
    purchase = world.paid(mina, 1_000)
    # A token must live until its request is let in, which takes longer where the machine is busy.
    for lifetime in (1.2, 4.0, 12.0):
        world.portone.clear_faults()
        _slow_read(world, purchase, lifetime + 1.5)
        token = world.stack.supabase.mint_jwt(mina.user_id, ttl_seconds=lifetime)
        hasty = Shopper(world.stack.endpoint, world.stack.worker_url, token=token)
        asked = hasty.complete(purchase.payment_id)
        hasty.close()
        if asked.status != 401:
            break
    assert (asked.status, asked.body["status"]) == (202, "pending")
    assert mina.operation(asked.body["id"], wait=20).result["status"] == "paid"


def test_a_price_that_changes_before_payment_makes_a_new_payment(world: World, mina: Shopper) -> None:
    old = world.prepared(mina, 1_000)
    assert (
        world.server.rest("PATCH", "orders", {"total_amount": 2_000}, id=f"eq.{old.order_id}").status == 200
    )
    new = mina.pay(old.order_id).result
    assert (new["paymentId"] != old.payment_id, new["totalAmount"]) == (True, 2_000)
    world.open_window(old)
    world.portone.approve(old.payment_id)
    world.quiet(old)
    assert world.books.payment(old.payment_id)["discrepancies"] == ["amount"]
    assert [order["status"] for order in mina.select("orders")] == ["pending"]
    assert world.admin.cancel(old.payment_id).result["amount"] == 1_000, "the customer gets it back"
