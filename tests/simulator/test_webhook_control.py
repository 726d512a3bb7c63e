"""What a test can do to webhooks: hold, reverse, duplicate, drop, repeat and forge them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from portone_server_sdk import webhook as official

from sandbox.portone.config import new_webhook_secret

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from sandbox.portone.control_client import SimulatorControl
    from sandbox.portone.server import RunningSimulator

    from .receiver import Received, Receiver

    Pay = Callable[..., str]

MINUTE = 60


def types(received: list[Received]) -> list[str]:
    """Return the types received."""
    return [json.loads(one.body)["type"].removeprefix("Transaction.") for one in received]


def settled(control: SimulatorControl, receiver: Receiver) -> list[Received]:
    """Return what came after everything due was sent."""
    control.settle()
    return receiver.take()


def test_held_messages_leave_in_reverse_and_twice(
    hooked: SimulatorControl, receiver: Receiver, pay: Pay
) -> None:
    hooked.hold_webhooks()
    pay()
    assert settled(hooked, receiver) == []
    replies = hooked.release_webhooks(order="reverse", duplicate=True)
    assert types(receiver.take()) == ["Paid", "Paid", "Ready", "Ready"]
    assert [(reply["type"], reply["status"], reply["body"]) for reply in replies] == [
        ("Transaction.Paid", 200, "noted"),
        ("Transaction.Paid", 200, "noted"),
        ("Transaction.Ready", 200, "noted"),
        ("Transaction.Ready", 200, "noted"),
    ]
    assert replies[0]["id"] == replies[1]["id"] != replies[2]["id"]


def test_held_messages_can_be_dropped_for_good(
    hooked: SimulatorControl, receiver: Receiver, pay: Pay
) -> None:
    hooked.hold_webhooks()
    pay()
    hooked.release_webhooks(drop=1)
    assert types(receiver.take()) == ["Paid"]
    hooked.advance_clock(24 * 3600)
    assert receiver.take() == []
    assert [message["status"] for message in hooked.webhooks()] == ["dropped", "succeeded"]


def test_a_released_message_that_fails_is_sent_again(
    hooked: SimulatorControl, receiver: Receiver, open_window: Pay
) -> None:
    hooked.hold_webhooks()
    open_window()
    receiver.answers = [503]
    assert hooked.release_webhooks()[0]["status"] == 503
    receiver.take()
    hooked.advance_clock(MINUTE + 1)
    assert types(receiver.take()) == ["Ready"]


def test_redeliver_repeats_id_and_body(
    hooked: SimulatorControl, receiver: Receiver, open_window: Pay
) -> None:
    open_window()
    (first,) = settled(hooked, receiver)
    answer = hooked.redeliver(first.headers["webhook-id"])
    (second,) = receiver.take()
    assert (answer["status"], answer["body"]) == (200, "noted")
    assert (second.headers["webhook-id"], second.body) == (first.headers["webhook-id"], first.body)


def test_a_redelivery_that_succeeds_ends_the_resends(
    hooked: SimulatorControl, receiver: Receiver, open_window: Pay
) -> None:
    receiver.answers = [500]
    open_window()
    (first,) = settled(hooked, receiver)
    hooked.redeliver(first.headers["webhook-id"])
    assert len(receiver.take()) == 1
    hooked.advance_clock(24 * 3600)
    assert receiver.take() == []


def test_forged_messages(
    hooked: SimulatorControl, receiver: Receiver, running: RunningSimulator, control: SimulatorControl
) -> None:
    def forge(**message: Any) -> Received:
        assert control.send_webhook(**message)["status"] == 200
        return receiver.take()[0]

    good = forge(type="Transaction.Paid", data={"paymentId": "p", "transactionId": "t", "storeId": "s"})
    official.verify(running.webhook_secret, good.body.decode(), good.headers)
    foreign = forge(secret=new_webhook_secret())
    with pytest.raises(official.WebhookVerificationError) as caught:
        official.verify(running.webhook_secret, foreign.body.decode(), foreign.headers)
    assert caught.value.reason == "NO_MATCHING_SIGNATURE"
    old = forge(timestamp=1714039200)
    with pytest.raises(official.WebhookVerificationError) as caught:
        official.verify(running.webhook_secret, old.body.decode(), old.headers)
    assert caught.value.reason == "TIMESTAMP_TOO_OLD"
    bare = forge(headers={"webhook-signature": None})
    assert "webhook-signature" not in bare.headers
    raw = forge(body="not json", id="msg_fixed_1")
    assert (raw.body, raw.headers["webhook-id"]) == (b"not json", "msg_fixed_1")


def test_resend_by_the_api(
    hooked: SimulatorControl, receiver: Receiver, api: httpx.Client, open_window: Pay
) -> None:
    payment_id = open_window()
    (first,) = settled(hooked, receiver)
    webhook = api.post(f"/payments/{payment_id}/resend-webhook", json={}).json()["webhook"]
    assert (webhook["trigger"], webhook["status"]) == ("MANUAL", "SUCCEEDED")
    assert receiver.take()[0].headers["webhook-id"] == first.headers["webhook-id"] == webhook["id"]
    missing = api.post(f"/payments/{payment_id}/resend-webhook", json={"webhookId": "none"})
    assert (missing.status_code, missing.json()["type"]) == (404, "WEBHOOK_NOT_FOUND")
    hooked.assumptions(manual_resend_limit=1)
    capped = api.post(f"/payments/{payment_id}/resend-webhook", json={"webhookId": webhook["id"]})
    assert (capped.status_code, capped.json()["type"]) == (400, "MAX_WEBHOOK_RETRY_COUNT_REACHED")
