"""The checklist's payments: initialization with prepare, verification, confirmation, delivery, log entries."""

from __future__ import annotations

import base64
import json
import uuid
from typing import TYPE_CHECKING

from sandbox.demo.shopper import at_once

if TYPE_CHECKING:
    from sandbox.demo.shopper import Shopper
    from sandbox.demo.world import Purchase, World


def _order_status(customer: Shopper, purchase: Purchase) -> str:
    (order,) = customer.select("orders", "status", id=f"eq.{purchase.order_id}")
    return str(order["status"])


def test_initialization_pre_registers_total_tax_free_part_and_currency(world: World, mina: Shopper) -> None:
    purchase = world.prepared(mina, 10_000, tax_free=3_000)
    (call,) = world.portone.requests(path=f"/payments/{purchase.payment_id}/pre-register")
    sent = json.loads(call["body"])
    assert (sent["totalAmount"], sent["taxFreeAmount"], sent["currency"]) == (10_000, 3_000, "KRW")
    assert call["idempotency_key"].strip('"').startswith("prepare-")
    assert purchase.window.keys() >= {
        "paymentId", "storeId", "channelKey", "orderName", "totalAmount", "currency", "payMethod", "noticeUrls",
    }  # fmt: skip


def test_initialization_survives_a_portone_that_is_down_for_a_moment(world: World, mina: Shopper) -> None:
    world.portone.add_fault("reset_before", "/payments/*/pre-register", method="POST")
    purchase = world.prepared(mina, 1_000)
    assert world.books.payment(purchase.payment_id)["status"] == "ready"


def test_initialization_ten_tabs_at_once_get_one_payment(world: World, mina: Shopper) -> None:
    order_id = world.order(mina, 1_000)
    replies = at_once([lambda: mina.pay(order_id)] * 10)
    assert len({reply.result["paymentId"] for reply in replies}) == 1
    assert len(mina.select("payments", order_id=f"eq.{order_id}")) == 1


def test_initialization_again_with_another_method_keeps_the_payment(world: World, mina: Shopper) -> None:
    purchase = world.prepared(mina, 1_000)
    again = mina.pay(purchase.order_id, "EASY_PAY").result
    assert (again["paymentId"], again["payMethod"], again["channelKey"]) == (
        purchase.payment_id, "EASY_PAY", "channel-key-easypay",
    )  # fmt: skip


def test_initialization_with_a_method_the_shop_does_not_offer_says_so(world: World, mina: Shopper) -> None:
    order_id = world.order(mina, 1_000)
    asked = mina.pay(order_id, "TRANSFER")
    assert (asked.status, asked.body["status"]) == (200, "failed")
    assert asked.body["error"]["code"] == "PAY_METHOD_NOT_CONFIGURED"
    assert mina.pay(order_id, "CARD").result["totalAmount"] == 1_000, "the order is free again"


def test_the_same_idempotency_key_is_the_same_operation_and_not_another_request(
    world: World, mina: Shopper
) -> None:
    order_id, other = world.order(mina, 1_000), world.order(mina, 2_000)
    body = {"order_id": order_id, "pay_method": "CARD", "idempotency_key": str(uuid.uuid4())}
    first, second = mina.post("/payments", body), mina.post("/payments", body)
    assert first.body["id"] == second.body["id"]
    reused = mina.post("/payments", {**body, "order_id": other})
    assert (reused.status, reused.code, reused.error["field"]) == (
        409,
        "IDEMPOTENCY_KEY_REUSED",
        "idempotency_key",
    )


def test_verification_does_not_believe_a_browser_that_says_paid(world: World, mina: Shopper) -> None:
    purchase = world.prepared(mina, 1_000)
    world.open_window(purchase)
    assert mina.complete(purchase.payment_id).result["status"] == "ready"
    assert _order_status(mina, purchase) == "pending"


def test_verification_a_test_store_never_fulfils_by_a_live_channel(world: World, mina: Shopper) -> None:
    purchase = world.prepared(mina, 1_000)
    world.open_window(purchase, channelKey="channel-key-live-card")
    world.portone.approve(purchase.payment_id)
    completed = mina.complete(purchase.payment_id).result
    world.quiet(purchase)
    assert (completed["status"], completed["discrepancies"]) == ("paid", ["channel_kind"])
    assert _order_status(mina, purchase) == "pending"
    assert world.admin.select("drift_findings", "kind", subject=f"eq.{purchase.payment_id}") == [
        {"kind": "discrepancy"}
    ]


def test_confirmation_needs_no_webhook(world: World, mina: Shopper) -> None:
    purchase = world.prepared(mina, 7_000)
    world.portone.hold_webhooks()
    world.open_window(purchase)
    world.portone.approve(purchase.payment_id)
    assert mina.complete(purchase.payment_id).result["status"] == "paid"
    assert world.books.differences(purchase.payment_id) == []
    assert _order_status(mina, purchase) == "paid"


def test_confirmation_needs_no_browser(world: World, mina: Shopper) -> None:
    purchase = world.paid(mina, 7_000)
    assert world.books.differences(purchase.payment_id) == []
    assert _order_status(mina, purchase) == "paid"


def test_confirmation_of_a_refused_card_and_then_a_good_one(world: World, mina: Shopper) -> None:
    purchase = world.prepared(mina, 7_000)
    world.open_window(purchase)
    world.portone.fail(purchase.payment_id)
    assert mina.complete(purchase.payment_id).result["status"] == "failed"
    again = mina.pay(purchase.order_id).result
    assert again["paymentId"] != purchase.payment_id
    world.portone.open_window(**again)
    world.portone.approve(again["paymentId"])
    assert mina.complete(again["paymentId"]).result["status"] == "paid"
    assert _order_status(mina, purchase) == "paid"
    assert world.books.differences(again["paymentId"]) == []


def test_a_paid_order_cannot_be_paid_again(world: World, mina: Shopper) -> None:
    purchase = world.paid(mina, 7_000)
    refused = mina.pay(purchase.order_id)
    assert (refused.status, refused.code, refused.error["field"]) == (409, "ORDER_ALREADY_PAID", "order_id")


def test_webhook_delivery_is_logged_with_everything_that_came(world: World, mina: Shopper) -> None:
    purchase = world.paid(mina, 7_000)
    sent = world.portone.webhooks(paymentId=purchase.payment_id)
    logged = world.admin.select(
        "webhook_logs",
        "id,webhook_id,webhook_type,status,provider_transaction_id,payment_id,response_status",
        payment_id=f"eq.{purchase.payment_id}", order="id",
    )  # fmt: skip
    assert [(row["webhook_id"], row["webhook_type"]) for row in logged] == [
        (message["id"], message["type"]) for message in sent
    ]
    assert {row["status"] for row in logged} == {"processed"}
    assert {row["response_status"] for row in logged} == {200}
    transaction = world.portone.payment(purchase.payment_id)["transactionId"]
    assert {row["provider_transaction_id"] for row in logged} == {transaction}
    body = world.admin.rpc("read_webhook_body", id=logged[-1]["id"])
    assert json.loads(base64.b64decode(body.body)) == json.loads(sent[-1]["body"])
    assert mina.rpc("read_webhook_body", id=logged[-1]["id"]).code == "PT403"


def test_a_payment_made_past_the_app_is_known_but_belongs_to_nobody(world: World) -> None:
    payment_id = f"console{uuid.uuid4().hex[:16]}"
    world.portone.open_window(
        paymentId=payment_id, storeId="store-5e1f0000-0000-4000-8000-000000000001",
        channelKey="channel-key-card", orderName="By hand", totalAmount=4_000, currency="KRW", payMethod="CARD",
    )  # fmt: skip
    world.portone.approve(payment_id)
    world.portone.settle()
    world.books.wait_quiet(payment_id)
    assert world.books.differences(payment_id) == []
    row = world.books.payment(payment_id)
    assert (row["origin"], row["user_id"], row["order_id"]) == ("portone", None, None)
    assert world.books.events(payment_id, "order_settled") == 0
