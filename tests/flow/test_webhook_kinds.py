"""Every kind of webhook PortOne sends, in every shape it has ever had, is answered, kept and acted on or skipped."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.demo.shopper import Shopper
    from sandbox.demo.world import Purchase, World

PAYMENT_EVENTS = (
    "Ready", "Paid", "VirtualAccountIssued", "PayPending", "Failed", "PartialCancelled", "Cancelled", "CancelPending",
    "DisputeCreated", "DisputeResolved",
)  # fmt: skip
SECOND_STORE = "store-5e1f0000-0000-4000-8000-000000000002"
SECOND_SECRET = "whsec_c2Vjb25kIHN0b3JlIHNlY29uZCBzdG9yZSBzZWNvbmQ="


def _data(purchase: Purchase) -> dict[str, Any]:
    return {"paymentId": purchase.payment_id, "storeId": purchase.window["storeId"], "transactionId": "tx-1"}


def _row(world: World, sent: dict[str, Any]) -> dict[str, Any]:
    assert sent["status"] == 200
    (row,) = world.books.webhooks(sent["id"])
    return row


@pytest.fixture
def legacy_console(world: World) -> Iterator[World]:
    """The console set to version 2024-01-01, and back."""
    world.portone.webhook_settings(version="2024-01-01")
    yield world
    world.portone.webhook_settings(version="2024-04-25", contentType="json")


@pytest.mark.parametrize("event", PAYMENT_EVENTS)
def test_every_payment_event_only_makes_us_ask_portone(world: World, mina: Shopper, event: str) -> None:
    purchase = world.prepared(mina, 4_000)
    world.open_window(purchase)
    world.quiet(purchase)
    # Whatever a message claims, the books say what PortOne says when it is asked: still READY.
    sent = world.portone.send_webhook(type=f"Transaction.{event}", data=_data(purchase))
    world.quiet(purchase)
    row = _row(world, sent)
    assert (row["status"], row["webhook_type"]) == ("processed", f"Transaction.{event}")
    assert world.books.payment(purchase.payment_id)["status"] == "ready"
    assert world.books.differences(purchase.payment_id) == []


def test_an_approval_we_never_asked_for_is_kept_and_not_acted_on(world: World, mina: Shopper) -> None:
    purchase = world.prepared(mina, 4_000)
    sent = world.portone.send_webhook(
        type="Transaction.Confirm", data={**_data(purchase), "totalAmount": 4_000}
    )
    row = _row(world, sent)
    assert (row["status"], row["skip_reason"]) == ("skipped", "not_actionable")


@pytest.mark.parametrize("kind", ["Transaction.Teleported", "Subscription.Renewed", "결제.완료"])
def test_a_type_of_tomorrow_is_kept_and_skipped(world: World, mina: Shopper, kind: str) -> None:
    row = _row(world, world.portone.send_webhook(type=kind, data=_data(world.prepared(mina, 4_000))))
    assert (row["status"], row["skip_reason"], row["webhook_type"]) == ("skipped", "unknown_type", kind)


def test_fields_of_tomorrow_change_nothing(world: World, mina: Shopper) -> None:
    purchase = world.prepared(mina, 4_000)
    world.portone.hold_webhooks()
    world.open_window(purchase)
    world.portone.approve(purchase.payment_id)
    body = {
        "type": "Transaction.Paid", "timestamp": "2030-01-01T00:00:00.123456789Z", "apiVersion": {"major": 9},
        "data": {**_data(purchase), "cancellationId": None, "trace": ["a", {"b": 1}], "금액": 4_000},
    }  # fmt: skip
    sent = world.portone.send_webhook(body=json.dumps(body, ensure_ascii=False))
    world.books.wait_quiet(purchase.payment_id)
    assert _row(world, sent)["status"] == "processed"
    assert world.books.payment(purchase.payment_id)["status"] == "paid"


@pytest.mark.parametrize("content_type", ["json", "form"])
def test_a_console_left_at_the_old_version_loses_nothing(
    legacy_console: World, mina: Shopper, content_type: str
) -> None:
    world = legacy_console
    world.portone.webhook_settings(contentType=content_type)
    purchase = world.prepared(mina, 4_000)
    world.open_window(purchase)
    world.portone.approve(purchase.payment_id)
    world.portone.settle()
    messages = world.portone.webhooks(paymentId=purchase.payment_id)
    assert [message["status"] for message in messages] == ["succeeded"] * len(messages)
    rows = [row for message in messages for row in world.books.webhooks(message["id"])]
    assert {(row["status"], row["skip_reason"]) for row in rows} == {("skipped", "legacy_version")}
    # The browser's completion does not need webhooks at all.
    assert mina.complete(purchase.payment_id).result["status"] == "paid"
    assert world.books.differences(purchase.payment_id) == []


@pytest.mark.parametrize(
    "options",
    [{}, {"version": "2024-01-01"}, {"version": "2024-01-01", "contentType": "form"}],
    ids=["2024-04-25", "2024-01-01 json", "2024-01-01 form"],
)
def test_the_consoles_call_test_is_answered_200(world: World, options: dict[str, str]) -> None:
    called = world.portone.call_test(**options)
    assert called["status"] == 200
    world.books.wait_idle()
    (row,) = world.books.webhooks(called["id"])
    assert row["status"] == "skipped"
    assert world.books.rows("select 1 from public.payments where payment_id = 'example-payment-id'") == []


def test_a_cancel_that_is_pending_and_then_done_is_followed_by_its_webhooks(
    world: World, mina: Shopper
) -> None:
    purchase = world.prepared(mina, 4_000)
    world.open_window(purchase, channelKey="channel-key-async")
    world.portone.approve(purchase.payment_id)
    world.quiet(purchase)
    asked = world.admin.cancel(purchase.payment_id, 1_500, wait=1)
    world.portone.settle()
    (theirs,) = world.portone.payment(purchase.payment_id)["cancellations"]
    world.portone.complete_cancellation(purchase.payment_id, theirs["id"], "SUCCEEDED")
    world.quiet(purchase)
    types = [message["type"] for message in world.portone.webhooks(paymentId=purchase.payment_id)]
    assert types[-2:] == ["Transaction.CancelPending", "Transaction.PartialCancelled"]
    assert world.admin.operation(asked.body["id"]).body["status"] == "succeeded"
    assert world.books.differences(purchase.payment_id) == []


def test_a_second_stores_secret_is_accepted_and_named_in_the_log(world: World) -> None:
    settings = {
        SECOND_STORE: {"api_secret": world.stack.portone_api_secret, "webhook_secrets": [SECOND_SECRET]}
    }
    data = {"paymentId": f"second{uuid.uuid4().hex[:12]}", "storeId": SECOND_STORE, "transactionId": "tx-2"}
    assert world.portone.send_webhook(data=data, secret=SECOND_SECRET)["status"] == 401
    world.stack.restart_worker({"PORTONE_STORES": json.dumps(settings)})
    try:
        start = len(world.log_file.read_bytes())
        first = world.portone.send_webhook(data=data)
        second = world.portone.send_webhook(data=data, secret=SECOND_SECRET)
        world.books.wait_idle()
    finally:
        world.stack.restart_worker()
    row = _row(world, second)
    assert (row["status"], row["skip_reason"]) == ("skipped", "payment_not_found")
    recorded = [
        json.loads(line)
        for line in world.log_file.read_bytes()[start:].decode().splitlines()
        if "webhook recorded" in line
    ]
    named = {line["webhook_ids"][0]: line["secret_name"] for line in recorded}
    assert named[second["id"]] == [f"{SECOND_STORE}/0"]
    assert named[first["id"]] != named[second["id"]]
    assert SECOND_SECRET.removeprefix("whsec_") not in world.log_file.read_text()
