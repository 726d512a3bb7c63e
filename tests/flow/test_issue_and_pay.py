"""Saving a phone for carrier billing together with its first payment, which is the only way Inicis has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox.stack.services import STORE_ID
from tests.flow import saved_cards

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.demo.shopper import Shopper
    from sandbox.demo.world import Purchase, World

PERSON = {"fullName": "김미나", "phoneNumber": "01012345678", "email": "mina@example.com"}


@pytest.fixture(autouse=True)
def inicis(world: World) -> Iterator[None]:
    row = {"store_id": STORE_ID, "channel_key": "channel-key-inicis", "channel_kind": "TEST"}
    added = world.server.rest("POST", "payment_channels", {**row, "pay_methods": ["MOBILE"]})
    assert added.status == 201
    yield
    world.server.rest("DELETE", "payment_channels", channel_key="eq.channel-key-inicis")


def opened(world: World, purchase: Purchase, issue: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Open the window for both as the browser SDK's requestIssueBillingKeyAndPay does."""
    window = purchase.window
    payment = {name: window[name] for name in ("paymentId", "orderName", "totalAmount", "currency")}
    return world.portone.open_billing_window(
        storeId=window["storeId"],
        channelKey=window["channelKey"],
        billingKeyMethod="MOBILE",
        productType="DIGITAL",
        issueId=issue["issueId"],
        issueName=issue["issueName"],
        customer={**PERSON, "customerId": issue["customerId"]},
        payment={**payment, **changes},
    )


def test_the_key_is_saved_and_the_order_paid_by_one_window(world: World, mina: Shopper) -> None:
    issue, purchase = saved_cards.begin(mina), world.prepared(mina, 9_900, "MOBILE")
    assert purchase.window["channelKey"] == "channel-key-inicis"
    refused = opened(world, purchase, issue, totalAmount=100)
    assert (refused["code"], refused["billingKey"]) == ("AmountNotEqualToPredefined", "")
    answer = opened(world, purchase, issue)
    world.portone.issue_billing_key(answer["billingKey"])
    saved = saved_cards.register(mina, answer["billingKey"], issue).result
    assert mina.complete(purchase.payment_id).result["status"] == "paid"
    saved_cards.quiet(world)
    assert world.books.differences(purchase.payment_id) == []
    assert mina.select("orders", id=f"eq.{purchase.order_id}")[0]["status"] == "paid"
    (row,) = mina.select("billing_keys", "id,pay_method,is_active,card_number_masked")
    assert (row["id"], row["pay_method"], row["is_active"]) == (saved["billingKeyId"], "MOBILE", True)
    # The next period needs no window.
    card = saved_cards.SavedCard(row["id"], answer["billingKey"])
    charged = saved_cards.charge(mina, world.order(mina, 9_900), card).result
    saved_cards.quiet(world)
    assert world.books.payment(charged["paymentId"])["status"] == "paid"
    assert world.books.differences(charged["paymentId"]) == []


def test_a_closed_window_saves_nothing_and_pays_nothing(world: World, mina: Shopper) -> None:
    issue, purchase = saved_cards.begin(mina), world.prepared(mina, 9_900, "MOBILE")
    key = opened(world, purchase, issue)["billingKey"]
    world.portone.fail_billing_key(key)
    refused = saved_cards.register(mina, key, issue)
    assert (refused.body["status"], refused.body["error"]["code"]) == ("failed", "BILLING_KEY_NOT_FOUND")
    assert mina.complete(purchase.payment_id).result["status"] == "failed"
    saved_cards.quiet(world)
    assert world.books.differences(purchase.payment_id) == []
    # The order can be paid anew, with another window for both.
    again = world.prepared(mina, 9_900, "MOBILE")
    assert "code" not in opened(world, again, saved_cards.begin(mina))


def test_webhooks_alone_bring_both_home(world: World, mina: Shopper) -> None:
    """The browser never comes back from the window."""
    issue, purchase = saved_cards.begin(mina), world.prepared(mina, 9_900, "MOBILE")
    key = opened(world, purchase, issue)["billingKey"]
    world.portone.issue_billing_key(key)
    saved_cards.quiet(world)
    assert world.books.payment(purchase.payment_id)["status"] == "paid"
    (row,) = mina.select("billing_keys", "pay_method,is_active,issued_at")
    assert (row["pay_method"], row["is_active"]) == ("MOBILE", True)
