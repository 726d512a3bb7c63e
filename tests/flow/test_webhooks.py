"""The checklist's webhooks: the same one twice, skipped with its reason, version 2024-04-25, and wrong ones."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from sandbox.demo.shopper import at_once

if TYPE_CHECKING:
    from sandbox.demo.shopper import Shopper
    from sandbox.demo.world import World

DUPLICATES = """
select webhook_id, count(*) as attempt_count, max(created_at) as last_attempt
from webhook_logs group by webhook_id having count(*) > 1
"""
RECENT = """
select webhook_id, webhook_type, status, provider_transaction_id, created_at
from webhook_logs order by created_at desc limit 20
"""


def _known(world: World, mina: Shopper) -> dict[str, Any]:
    purchase = world.prepared(mina, 1_000)
    return {"paymentId": purchase.payment_id, "storeId": purchase.window["storeId"], "transactionId": "tx-1"}


def test_the_same_webhook_twice_acts_once_and_is_logged_twice(world: World, mina: Shopper) -> None:
    purchase = world.paid(mina, 1_000)
    message = world.portone.webhooks(paymentId=purchase.payment_id)[-1]
    before = world.books.payment(purchase.payment_id)
    again = world.portone.redeliver(message["id"])
    assert (again["status"], "true" in str(again["body"]).lower()) == (200, True)
    world.quiet(purchase)
    rows = world.books.webhooks(message["id"])
    assert [(row["status"], row["skip_reason"]) for row in rows] == [
        ("processed", None),
        ("skipped", "duplicate"),
    ]
    assert world.books.payment(purchase.payment_id) == before


def test_ten_deliveries_of_one_webhook_at_once_leave_one_that_counts(world: World, mina: Shopper) -> None:
    purchase = world.prepared(mina, 1_000)
    world.portone.hold_webhooks()
    world.open_window(purchase)
    world.portone.approve(purchase.payment_id)
    message_id = world.portone.webhooks(paymentId=purchase.payment_id)[-1]["id"]
    answers = at_once([lambda: world.portone.redeliver(message_id)] * 10)  # type: ignore[list-item,return-value]
    assert {answer["status"] for answer in answers} == {200}  # type: ignore[index]
    world.books.wait_quiet(purchase.payment_id)
    statuses = sorted(row["status"] for row in world.books.webhooks(message_id))
    assert statuses == ["processed"] + ["skipped"] * 9
    assert world.books.events(purchase.payment_id, "order_settled") == 1


def test_the_manuals_queries_find_recent_and_duplicate_webhooks(world: World, mina: Shopper) -> None:
    purchase = world.paid(mina, 1_000)
    message = world.portone.webhooks(paymentId=purchase.payment_id)[-1]
    world.portone.redeliver(message["id"])
    repeated = {row["webhook_id"]: row["attempt_count"] for row in world.books.rows(DUPLICATES)}
    assert repeated[message["id"]] == 2
    recent = world.books.rows(RECENT)
    assert list(recent[0]) == [
        "webhook_id",
        "webhook_type",
        "status",
        "provider_transaction_id",
        "created_at",
    ]
    assert message["id"] in {row["webhook_id"] for row in recent}


def test_signature_version_2024_04_25_is_verified_over_the_raw_bytes(world: World, mina: Shopper) -> None:
    data = _known(world, mina)
    body = '{ "type":"Transaction.Ready",\n "timestamp":"2026-01-01T00:00:00Z", "data":{"paymentId":"%s"} }'
    spaced = world.portone.send_webhook(body=body % data["paymentId"])
    assert spaced["status"] == 200
    secret = world.stack.webhook_secret
    assert world.portone.send_webhook(data=data, secret=secret)["status"] == 200
    headers = {"webhook-signature": "v2,AAAA"}
    assert world.portone.send_webhook(data=data, headers=headers)["status"] == 401


def test_the_old_version_2024_01_01_is_kept_and_skipped(world: World, mina: Shopper) -> None:
    data = _known(world, mina)
    body = json.dumps({"tx_id": "tx-1", "payment_id": data["paymentId"], "status": "Paid"})
    sent = world.portone.send_webhook(body=body)
    assert sent["status"] == 200
    (row,) = world.books.webhooks(sent["id"])
    assert (row["status"], row["skip_reason"]) == ("skipped", "legacy_version")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"webhook-id": None}, 400),
        ({"webhook-timestamp": None}, 400),
        ({"webhook-signature": None}, 400),
        ({"webhook-timestamp": "yesterday"}, 400),
        ({"webhook-timestamp": "99999999999"}, 400),
        ({"webhook-id": "another"}, 401),
        ({"content-type": "text/plain"}, 415),
    ],
    ids=str,
)
def test_a_wrong_header_is_refused_and_leaves_no_row(
    world: World, mina: Shopper, headers: dict[str, str | None], status: int
) -> None:
    webhook_id = str(uuid.uuid4())
    sent = world.portone.send_webhook(data=_known(world, mina), id=webhook_id, headers=headers)
    assert sent["status"] == status
    assert world.books.webhooks(webhook_id) == world.books.webhooks("another") == []


@pytest.mark.parametrize(
    "body", ["not json", "[]", "null", '"text"', '{"type": 7}', '{"type":"Transaction.Paid"}', "{}"]
)
def test_a_signed_body_that_cannot_be_understood_is_kept_and_skipped(world: World, body: str) -> None:
    sent = world.portone.send_webhook(body=body)
    assert sent["status"] == 200
    (row,) = world.books.webhooks(sent["id"])
    assert (row["status"], row["skip_reason"]) == ("skipped", "unparsable")


def test_an_oversized_webhook_is_413_and_get_is_405(world: World) -> None:
    assert world.portone.send_webhook(body='"' + "x" * (256 * 1024) + '"')["status"] == 413
    reply = httpx.get(f"{world.stack.worker_url}/webhooks/portone", timeout=10)
    assert (reply.status_code, reply.headers["allow"]) == (405, "POST")


def test_both_secrets_are_accepted_while_they_are_exchanged(world: World, mina: Shopper) -> None:
    old, new = world.stack.webhook_secret, "whsec_bmV3IHNlY3JldCBuZXcgc2VjcmV0IG5ldyBzZWNyZXQ="
    data = _known(world, mina)
    assert world.portone.send_webhook(data=data, secret=new)["status"] == 401
    world.stack.restart_worker({"PORTONE_WEBHOOK_SECRETS": f"{new},{old}"})
    try:
        answers = [world.portone.send_webhook(data=data, secret=secret)["status"] for secret in (old, new)]
    finally:
        world.stack.restart_worker()
    assert answers == [200, 200]
