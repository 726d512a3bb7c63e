"""The legacy webhook version in both encodings, per environment, and the console's call test."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from portone_server_sdk import webhook as official

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.portone.control_client import SimulatorControl
    from sandbox.portone.server import RunningSimulator

    from .receiver import Receiver

    Pay = Callable[..., str]


def test_form_encoded(hooked: SimulatorControl, receiver: Receiver, pay: Pay) -> None:
    hooked.webhook_settings(version="2024-01-01", contentType="form")
    payment_id = pay()
    hooked.settle()
    received = receiver.take()
    fields = [parse_qs(one.body.decode()) for one in received]
    assert sorted(one["status"] for one in fields) == [["Paid"], ["Ready"]]
    assert {one["payment_id"][0] for one in fields} == {payment_id}
    assert {one.headers["content-type"] for one in received} == {"application/x-www-form-urlencoded"}


def test_legacy_says_nothing_of_disputes_and_billing_keys(
    hooked: SimulatorControl, receiver: Receiver, pay: Pay
) -> None:
    hooked.webhook_settings(version="2024-01-01")
    hooked.dispute(pay())
    window = {
        "storeId": hooked.state()["storeId"],
        "channelKey": "channel-key-card",
        "billingKeyMethod": "CARD",
    }
    hooked.issue_billing_key(hooked.open_billing_window(**window)["billingKey"])
    hooked.settle()
    assert sorted(json.loads(one.body)["status"] for one in receiver.take()) == ["Paid", "Ready"]


def test_a_version_belongs_to_an_environment(hooked: SimulatorControl, receiver: Receiver, pay: Pay) -> None:
    hooked.webhook_settings(version="2024-01-01", environment="LIVE")
    pay(1000, "card")
    pay(1000, "live-card")
    hooked.settle()
    kinds = sorted("type" in json.loads(one.body) for one in receiver.take())
    assert kinds == [False, False, True, True]


def test_confirm_in_the_legacy_version(hooked: SimulatorControl, receiver: Receiver, pay: Pay) -> None:
    hooked.webhook_settings(version="2024-01-01")
    pay(1000, confirmUrl=receiver.url + "/confirm")
    hooked.settle()
    (asked,) = [json.loads(one.body) for one in receiver.take() if one.path.endswith("/confirm")]
    assert asked["total_amount"] == 1000
    assert set(asked) == {"payment_id", "tx_id", "total_amount"}


def test_call_test(running: RunningSimulator, hooked: SimulatorControl, receiver: Receiver) -> None:
    answer = hooked.call_test()
    (one,) = receiver.take()
    assert (answer["status"], answer["body"], answer["sent"]) == (200, "noted", one.body.decode())
    message = official.verify(running.webhook_secret, one.body.decode(), one.headers)
    assert type(message).__name__ == "WebhookTransactionReady"
    hooked.call_test(version="2024-01-01", contentType="form")
    (form,) = receiver.take()
    assert b"status=Ready" in form.body
    assert hooked.webhooks() == [], "a test is no message"
