"""Step 2: an order is prepared at PortOne before anybody sees a payment id, and nobody names a price."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from sandbox.demo.shopper import at_once

if TYPE_CHECKING:
    from sandbox.demo.story import Story
    from sandbox.demo.world import World

_SLOW_SECONDS = 1.0


def order_is_prepared_before_it_is_visible(world: World, story: Story) -> None:
    """Prepare with a slow PortOne, ask from two tabs, try to write as a client."""
    mina = world.customer()
    story.tell("Mina orders a lamp for 12,900 and asks to pay; PortOne answers pre-register slowly")
    order_id = world.order(mina, 12_900)
    world.portone.add_fault(
        "delay_after_commit", "/payments/*/pre-register", method="POST", seconds=_SLOW_SECONDS
    )
    asked = mina.pay(order_id, wait=0)
    story.expect(
        "the worker accepts and keeps working", (asked.status, asked.body["status"]), (202, "pending")
    )
    while not (calls := world.portone.requests(method="POST")):
        time.sleep(0.02)
    seen = [
        asked.body["payment_id"],
        asked.body["result"],
        *mina.select("payments", order_id=f"eq.{order_id}"),
    ]
    story.expect("payment ids Mina can see meanwhile", [value for value in seen if value is not None], [])
    window = mina.operation(asked.body["id"], wait=10).result
    payment_id = window["paymentId"]
    calls = [call for call in world.portone.requests(method="POST") if payment_id in call["path"]]
    story.expect(
        "calls PortOne got for it", [call["path"] for call in calls], [f"/payments/{payment_id}/pre-register"]
    )
    story.expect("amount fixed at PortOne", json.loads(calls[0]["body"])["totalAmount"], 12_900)
    story.expect("now visible to Mina", [row["status"] for row in mina.select("payments", order_id=f"eq.{order_id}")], ["ready"])  # fmt: skip

    story.tell("She asks again, from two tabs at once")
    again = at_once([lambda: mina.pay(order_id)] * 2)
    story.expect("payments of the order", {reply.result["paymentId"] for reply in again}, {payment_id})

    story.tell("A client that writes, or names its price, is refused")
    row = {"payment_id": "mine", "amount": 1, "user_id": mina.user_id, "status": "paid"}
    story.expect("insert into payments", mina.rest("POST", "payments", row).status, 403)
    mine = {"payment_id": f"eq.{payment_id}"}
    story.expect("update of payments", mina.rest("PATCH", "payments", {"amount": 1}, **mine).status, 403)
    cheaper = mina.rest("PATCH", "orders", {"total_amount": 1}, id=f"eq.{order_id}")
    story.expect("update of the order's price", cheaper.status, 403)
    with_price = mina.post("/payments", {"order_id": order_id, "pay_method": "CARD", "amount": 1})
    story.expect(
        "a price in the request", (with_price.status, with_price.error.get("field")), (422, "amount")
    )
    by_rpc = mina.rpc("request_payment", order_id=order_id, pay_method="CARD", amount=1)
    story.expect("a price in the database call", by_rpc.status, 404)
    kept = world.books.payment(payment_id)
    story.expect("the price after all this", (kept["amount"], kept["status"]), (12_900, "ready"))
