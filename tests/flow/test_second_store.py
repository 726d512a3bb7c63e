"""Two stores with secrets of their own: each payment is made, refunded and believed in its store, and in no other."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.portone.config import new_webhook_secret
from sandbox.stack.services import STORE_ID
from tests.flow import saved_cards

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.demo.shopper import Shopper
    from sandbox.demo.world import Purchase, World

SECOND = "store-5e1f0000-0000-4000-8000-0000000000b2"
TRANSFER, BILLING = "channel-key-second-transfer", "channel-key-second-billing"
CHANNELS = {
    TRANSFER: {"pgProvider": "KCP_V2", "payMethods": ["CARD", "TRANSFER"]},
    BILLING: {"pgProvider": "TOSSPAYMENTS", "payMethods": ["CARD"], "billingMethods": ["CARD"]},
}


@dataclass(slots=True)
class SecondStore:
    """The second store as the console shows it."""

    world: World
    api_secret: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    webhook_secret: str = field(default_factory=new_webhook_secret)

    def settings(self, **changes: Any) -> dict[str, str]:
        """The worker's settings that know this store."""
        known = {"api_secret": self.api_secret, "webhook_secrets": [self.webhook_secret], **changes}
        return {"PORTONE_STORES": json.dumps({SECOND: known})}

    def calls(self, purchase: Purchase, tail: str) -> list[str]:
        """The stores named by the calls PortOne received for a payment, oldest first."""
        rows = self.world.portone.requests(path=f"/payments/{purchase.payment_id}/{tail}", method="POST")
        return [json.loads(row["body"])["storeId"] for row in rows]

    def signed_by(self, since: int) -> set[str]:
        """The names of the secrets that signed what the worker recorded since a place in its log."""
        lines = self.world.log_file.read_bytes()[since:].decode().splitlines()
        named = [json.loads(line)["secret_name"] for line in lines if "webhook recorded" in line]
        return {name for names in named for name in names}


@pytest.fixture(scope="module")
def second(flow_world: World) -> Iterator[SecondStore]:
    world = flow_world
    store = SecondStore(world)
    world.portone.open_store(
        SECOND,
        apiSecrets=[store.api_secret],
        webhookSecrets=[store.webhook_secret],
        webhookUrls=[f"{world.stack.worker_url}/webhooks/portone"],
        channels=CHANNELS,
    )
    rows: tuple[dict[str, Any], ...] = (
        {"store_id": STORE_ID, "channel_key": "channel-key-card", "pay_methods": ["CARD"], "priority": 1},
        {"store_id": SECOND, "channel_key": TRANSFER, "pay_methods": ["TRANSFER"]},
        {"store_id": SECOND, "channel_key": BILLING, "purpose": "billing"},
    )
    for row in rows:
        assert world.server.rest("POST", "payment_channels", {"channel_kind": "TEST", **row}).status == 201
    world.stack.restart_worker(store.settings())
    yield store
    for row in rows:
        world.server.rest("DELETE", "payment_channels", channel_key=f"eq.{row['channel_key']}")
    world.stack.restart_worker()


def test_a_payment_in_each_store_is_made_and_refunded_there(
    second: SecondStore, world: World, mina: Shopper
) -> None:
    here, there = world.prepared(mina, 4_000), world.prepared(mina, 5_000, "TRANSFER")
    assert (here.window["storeId"], here.window["channelKey"]) == (STORE_ID, "channel-key-card")
    assert (there.window["storeId"], there.window["channelKey"]) == (SECOND, TRANSFER)
    for purchase, store_id in ((here, STORE_ID), (there, SECOND)):
        world.open_window(purchase)
        world.portone.approve(purchase.payment_id)
        world.quiet(purchase)
        assert world.books.payment(purchase.payment_id)["status"] == "paid"
        assert world.admin.cancel(purchase.payment_id, 1_500).body["status"] == "succeeded"
        assert world.admin.cancel(purchase.payment_id).body["status"] == "succeeded"
        assert world.books.payment(purchase.payment_id)["status"] == "cancelled"
        assert world.books.differences(purchase.payment_id) == []
        assert second.calls(purchase, "pre-register") == [store_id]
        assert second.calls(purchase, "cancel") == [store_id, store_id]


def test_a_saved_card_of_the_second_store_is_charged_there(
    second: SecondStore, world: World, mina: Shopper
) -> None:
    issue = saved_cards.begin(mina)
    assert (issue["storeId"], issue["channelKey"]) == (SECOND, BILLING)
    key = saved_cards.open_window(world, issue)
    world.portone.issue_billing_key(key)
    saved = saved_cards.register(mina, key, issue).result
    card = saved_cards.SavedCard(saved["billingKeyId"], key)
    charged = saved_cards.charge(mina, world.order(mina, 6_000), card).result
    payment_id = charged["paymentId"]
    saved_cards.quiet(world)
    row = world.books.payment(payment_id)
    assert (row["status"], row["store_id"], row["channel_key"], row["discrepancies"]) == (
        "paid",
        SECOND,
        BILLING,
        [],
    )
    (call,) = saved_cards.charges(world, payment_id)
    assert json.loads(call["body"])["storeId"] == SECOND
    assert world.admin.cancel(payment_id, 6_000).body["status"] == "succeeded"
    assert world.books.differences(payment_id) == []
    assert mina.delete(f"/billing-keys/{card.id}").body["status"] == "succeeded"
    assert world.portone.billing_key(key)["status"] == "DELETED"


def test_which_stores_secret_signed_is_kept_and_decides_nothing(
    second: SecondStore, world: World, mina: Shopper
) -> None:
    purchase = world.prepared(mina, 4_000, "TRANSFER")
    world.open_window(purchase)
    world.quiet(purchase)
    data = {"paymentId": purchase.payment_id, "storeId": SECOND, "transactionId": "tx-1"}
    since = len(world.log_file.read_bytes())
    # Signed by the main store, about the second one: genuine, so it is kept, and PortOne is asked where the body says.
    crossed = world.portone.send_webhook(storeId=SECOND, data=data, secret=world.stack.webhook_secret)
    world.quiet(purchase)
    (row,) = world.books.webhooks(crossed["id"])
    assert (crossed["status"], row["status"]) == (200, "processed")
    assert second.signed_by(since) == {f"{STORE_ID}/0"}
    assert world.books.payment(purchase.payment_id)["status"] == "ready"
    # Signed by a store that is not ours: never stored.
    forged = world.portone.send_webhook(storeId=SECOND, data=data, secret=new_webhook_secret())
    assert (forged["status"], world.books.webhooks(forged["id"])) == (401, [])


def test_a_payment_made_in_the_other_store_is_seen_never_fulfilled_and_refunded_there(
    second: SecondStore, world: World, mina: Shopper
) -> None:
    purchase = world.prepared(mina, 7_000)
    # Store and channel keys are public: a browser can open the window wherever it likes.
    world.open_window(purchase, storeId=SECOND, channelKey=TRANSFER)
    world.portone.approve(purchase.payment_id)
    world.quiet(purchase)
    row = world.books.payment(purchase.payment_id)
    assert (row["status"], row["discrepancies"]) == ("paid", ["store"])
    assert (row["store_id"], row["portone_store_id"]) == (STORE_ID, SECOND)
    assert mina.select("orders", id=f"eq.{purchase.order_id}")[0]["status"] == "pending"
    findings = world.admin.select("drift_findings", "kind", subject=f"eq.{purchase.payment_id}")
    assert findings == [{"kind": "discrepancy"}]
    # The browser's own word leads to the same row.
    assert mina.complete(purchase.payment_id).result["discrepancies"] == ["store"]
    assert world.admin.cancel(purchase.payment_id, 7_000).body["status"] == "succeeded"
    assert second.calls(purchase, "cancel") == [SECOND]
    assert world.books.differences(purchase.payment_id) == []


def test_secrets_are_rotated_without_losing_anything(
    second: SecondStore, world: World, mina: Shopper
) -> None:
    def pay() -> set[str]:
        since = len(world.log_file.read_bytes())
        purchase = world.prepared(mina, 3_000, "TRANSFER")
        world.open_window(purchase)
        world.portone.approve(purchase.payment_id)
        world.quiet(purchase)
        assert world.books.payment(purchase.payment_id)["status"] == "paid"
        return second.signed_by(since)

    next_secret, next_webhook_secret = secrets.token_urlsafe(48), new_webhook_secret()
    # The console has issued the next ones beside the old: both sign, both open.
    world.portone.api_secrets(second.api_secret, next_secret, storeId=SECOND)
    world.portone.webhook_settings(storeId=SECOND, secrets=[second.webhook_secret, next_webhook_secret])
    assert pay() == {f"{SECOND}/0"}
    both = [second.webhook_secret, next_webhook_secret]
    world.stack.restart_worker(second.settings(api_secret=next_secret, webhook_secrets=both))
    assert pay() == {f"{SECOND}/0"}
    # The old ones have expired: the second of the two settings is the one that matches now.
    world.portone.api_secrets(next_secret, storeId=SECOND)
    world.portone.webhook_settings(storeId=SECOND, secrets=[next_webhook_secret])
    assert pay() == {f"{SECOND}/1"}

    # Whoever forgot to deploy a new one in time learns which it is, and nothing is lost meanwhile.
    last_secret = secrets.token_urlsafe(48)
    world.portone.api_secrets(last_secret, storeId=SECOND)
    asked = mina.pay(world.order(mina, 3_000), "TRANSFER", wait=1)
    told = f"PORTONE_STORES.{SECOND}.api_secret: PortOne refused it for {SECOND}"
    world.wait(lambda: told in world.log_file.read_text())
    assert mina.operation(asked.body["id"]).body["status"] == "pending"
    world.stack.restart_worker(second.settings(api_secret=last_secret, webhook_secrets=both))
    assert mina.operation(asked.body["id"], wait=20).result["storeId"] == SECOND
    second.api_secret, second.webhook_secret = last_secret, next_webhook_secret
