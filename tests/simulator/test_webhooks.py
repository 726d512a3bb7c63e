"""Webhooks: what is announced, signed by whom, sent when, and everything a test can do to their delivery."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from portone_server_sdk import webhook as official

from sandbox.portone.config import new_webhook_secret
from sandbox.portone.control_client import SimulatorControl, SimulatorRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from sandbox.portone.server import RunningSimulator

    from .receiver import Received, Receiver

    Pay = Callable[..., str]

MINUTE = 60
WAITS = (1, 4, 16, 64, 256)


def types(received: list[Received]) -> list[str]:
    """Return the types received."""
    return [json.loads(one.body)["type"].removeprefix("Transaction.") for one in received]


def settled(control: SimulatorControl, receiver: Receiver) -> list[Received]:
    """Return what came after everything due was sent."""
    control.settle()
    return receiver.take()


def test_a_card_payment_and_its_refunds(
    hooked: SimulatorControl, receiver: Receiver, running: RunningSimulator, api: httpx.Client, pay: Pay
) -> None:
    payment_id = pay(1000)
    assert sorted(types(settled(hooked, receiver))) == ["Paid", "Ready"]
    first = api.post(f"/payments/{payment_id}/cancel", json={"reason": "r", "amount": 1}).json()[
        "cancellation"
    ]
    (message,) = settled(hooked, receiver)
    body = json.loads(message.body)
    payment = hooked.payment(payment_id)
    assert body["type"] == "Transaction.PartialCancelled"
    assert body["data"] == {
        "storeId": running.config.store_id,
        "paymentId": payment_id,
        "transactionId": payment["transactionId"],
        "cancellationId": first["id"],
    }
    api.post(f"/payments/{payment_id}/cancel", json={"reason": "r"})
    assert types(settled(hooked, receiver)) == ["Cancelled"]


def test_each_change_is_announced(
    hooked: SimulatorControl, receiver: Receiver, api: httpx.Client, open_window: Pay, pay: Pay
) -> None:
    failed = open_window()
    hooked.fail(failed)
    assert sorted(types(settled(hooked, receiver))) == ["Failed", "Ready"]
    account = open_window(5000, "vbank", "VIRTUAL_ACCOUNT")
    hooked.issue_virtual_account(account)
    hooked.deposit(account)
    assert sorted(types(settled(hooked, receiver))) == ["Paid", "Ready", "VirtualAccountIssued"]
    hooked.dispute(account)
    hooked.resolve_dispute(account)
    assert sorted(types(settled(hooked, receiver))) == ["DisputeCreated", "DisputeResolved"]
    pending = open_window()
    hooked.pend(pending)
    assert sorted(types(settled(hooked, receiver))) == ["PayPending", "Ready"]
    slow = pay(1000, "async")
    settled(hooked, receiver)
    entry = api.post(f"/payments/{slow}/cancel", json={"reason": "r"}).json()["cancellation"]
    assert types(settled(hooked, receiver)) == ["CancelPending"]
    hooked.complete_cancellation(slow, entry["id"], "SUCCEEDED")
    assert types(settled(hooked, receiver)) == ["Cancelled"]


def test_what_is_not_announced(
    hooked: SimulatorControl, receiver: Receiver, api: httpx.Client, open_window: Pay, pay: Pay
) -> None:
    """No type tells of a failed asynchronous cancellation; skipWebhook silences; closing an account is silent."""
    slow, quiet = pay(1000, "async"), pay(1000)
    entry = api.post(f"/payments/{slow}/cancel", json={"reason": "r"}).json()["cancellation"]
    account = open_window(5000, "vbank", "VIRTUAL_ACCOUNT")
    hooked.issue_virtual_account(account)
    settled(hooked, receiver)
    hooked.complete_cancellation(slow, entry["id"], "FAILED")
    api.post(f"/payments/{quiet}/cancel", json={"reason": "r", "skipWebhook": True})
    api.post(f"/payments/{account}/virtual-account/close")
    assert settled(hooked, receiver) == []


def test_the_official_sdk_verifies_them(
    hooked: SimulatorControl, receiver: Receiver, running: RunningSimulator, pay: Pay
) -> None:
    payment_id = pay()
    for one in settled(hooked, receiver):
        verified = official.verify(running.webhook_secret, one.body.decode(), one.headers)
        assert not isinstance(verified, dict), "the SDK knows the type and its data"
        assert verified.data.payment_id == payment_id  # type: ignore[union-attr]
        with pytest.raises(official.WebhookVerificationError):
            official.verify(new_webhook_secret(), one.body.decode(), one.headers)


def test_two_secrets_sign_during_a_rotation(
    hooked: SimulatorControl, receiver: Receiver, running: RunningSimulator, pay: Pay
) -> None:
    other = new_webhook_secret()
    hooked.webhook_settings(secrets=[running.webhook_secret, other])
    pay()
    for one in settled(hooked, receiver):
        for secret in (running.webhook_secret, other):
            official.verify(secret, one.body.decode(), one.headers)
    with pytest.raises(SimulatorRefused, match="secrets"):
        hooked.webhook_settings(secrets=[new_webhook_secret() for _ in range(3)])


def test_live_payments_use_the_live_page(hooked: SimulatorControl, receiver: Receiver, pay: Pay) -> None:
    secret = new_webhook_secret()
    hooked.webhook_settings(environment="LIVE", secrets=[secret], urls=[receiver.url + "/live"])
    pay(channel="live-card")
    received = settled(hooked, receiver)
    assert {one.path for one in received} == {"/webhooks/live"}
    official.verify(secret, received[0].body.decode(), received[0].headers)


def test_notice_urls_replace_the_address(hooked: SimulatorControl, receiver: Receiver, pay: Pay) -> None:
    pay(noticeUrls=[receiver.url + "/a", receiver.url + "/b"])
    assert sorted(one.path for one in settled(hooked, receiver)) == ["/webhooks/a"] * 2 + ["/webhooks/b"] * 2


def test_the_legacy_body(hooked: SimulatorControl, receiver: Receiver, pay: Pay) -> None:
    hooked.webhook_settings(version="2024-01-01")
    payment_id = pay()
    bodies = [json.loads(one.body) for one in settled(hooked, receiver)]
    assert {body["status"] for body in bodies} == {"Ready", "Paid"}
    assert all(set(body) == {"payment_id", "tx_id", "status"} for body in bodies)
    assert bodies[0]["payment_id"] == payment_id


def test_six_attempts_at_the_documented_waits(
    hooked: SimulatorControl, receiver: Receiver, open_window: Pay
) -> None:
    receiver.answers = [500] * 6
    open_window()
    attempts = settled(hooked, receiver)
    assert len(attempts) == 1
    for wait in WAITS:
        hooked.advance_clock(wait * MINUTE - 10)
        assert receiver.take() == [], f"nothing before {wait} minutes"
        hooked.advance_clock(11)
        attempts += receiver.take()
    assert len(attempts) == 6
    hooked.advance_clock(7 * 24 * 3600)
    assert receiver.take() == [], "six are all"
    (message,) = hooked.webhooks()
    assert message["status"] == "failed"
    assert len({(one.headers["webhook-id"], one.body) for one in attempts}) == 1, "id and body never change"


def test_one_long_step_makes_every_attempt_on_its_way(
    hooked: SimulatorControl, receiver: Receiver, open_window: Pay
) -> None:
    receiver.answers = [500] * 6
    open_window()
    hooked.settle()
    hooked.advance_clock(342 * MINUTE)
    assert len(receiver.take()) == 6


def test_a_success_ends_the_resends(hooked: SimulatorControl, receiver: Receiver, open_window: Pay) -> None:
    receiver.answers = [500, 200]
    open_window()
    hooked.settle()
    hooked.advance_clock(400 * MINUTE)
    assert len(receiver.take()) == 2
    assert hooked.webhooks()[0]["status"] == "succeeded"


def test_a_resend_is_stamped_anew(
    hooked: SimulatorControl, receiver: Receiver, running: RunningSimulator, open_window: Pay
) -> None:
    hooked.assumptions(webhook_timestamp_clock="simulated")
    receiver.answers = [500]
    open_window()
    hooked.settle()
    hooked.advance_clock(MINUTE + 1)
    first, second = receiver.take()
    assert int(second.headers["webhook-timestamp"]) >= int(first.headers["webhook-timestamp"]) + MINUTE
    assert second.headers["webhook-signature"] != first.headers["webhook-signature"]
    official.verify(running.webhook_secret, second.body.decode(), second.headers)


def test_2xx_counts_unless_exactly_200_is_assumed(
    hooked: SimulatorControl, receiver: Receiver, open_window: Pay
) -> None:
    receiver.answers = [204]
    open_window()
    hooked.settle()
    hooked.assumptions(webhook_success="exactly_200")
    receiver.answers = [204]
    open_window()
    hooked.settle()
    assert [message["status"] for message in hooked.webhooks()] == ["succeeded", "scheduled"]


def test_an_unreachable_receiver_is_logged(
    hooked: SimulatorControl, api: httpx.Client, open_window: Pay
) -> None:
    hooked.webhook_settings(urls=["http://127.0.0.1:1/webhooks"])
    payment_id = open_window()
    hooked.settle()
    (entry,) = api.get(f"/payments/{payment_id}").json()["webhooks"]
    assert entry["status"] == "FAILED_UNEXPECTED_ERROR"
    assert "response" not in entry


def test_the_delivery_log_is_part_of_the_payment(
    hooked: SimulatorControl, receiver: Receiver, api: httpx.Client, open_window: Pay
) -> None:
    receiver.answers = [500]
    payment_id = open_window()
    hooked.settle()
    (entry,) = api.get(f"/payments/{payment_id}").json()["webhooks"]
    assert (entry["status"], entry["response"]["code"]) == ("FAILED_NOT_OK_RESPONSE", "500")
    assert (entry["currentExecutionCount"], entry["maxExecutionCount"]) == (1, 6)
    assert json.loads(entry["request"]["body"])["data"]["paymentId"] == payment_id
    hooked.advance_clock(MINUTE + 1)
    (entry,) = api.get(f"/payments/{payment_id}").json()["webhooks"]
    assert (entry["status"], entry["currentExecutionCount"]) == ("SUCCEEDED", 2)
