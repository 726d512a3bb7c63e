"""PGs with manners of their own, virtual accounts that run out, several stores, channels changed while running."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from sandbox.portone.config import SimulatorConfig, StoreConfig
from sandbox.portone.control_client import SimulatorControl, SimulatorRefused
from sandbox.portone.server import serve_in_process

from .walk import STORE

if TYPE_CHECKING:
    from collections.abc import Callable

    from .receiver import Receiver

    Open = Callable[..., str]

WINDOW = {"storeId": STORE, "orderName": "o", "totalAmount": 1000, "currency": "KRW", "payMethod": "CARD"}


@pytest.mark.parametrize(
    ("channel", "payment_id", "total", "accepted"),
    [
        ("kcp", "A" * 40, 1000, True),
        ("kcp", "A" * 41, 1000, False),
        ("kcp", "pay-000001", 1000, False),
        ("kcp", "pay0000001", 999, False),
        ("card", "pay-0_00=1", 1, True),
        ("card", "short", 1000, False),
        ("card", "A" * 65, 1000, False),
        ("generic", "pay.000!01", 1000, True),
        ("generic", "결제", 1000, False),
    ],
)
def test_ids_and_amounts_a_pg_takes(
    control: SimulatorControl, channel: str, payment_id: str, total: int, accepted: bool
) -> None:
    window = {**WINDOW, "channelKey": f"channel-key-{channel}", "paymentId": payment_id, "totalAmount": total}
    answer = control.open_window(**window)
    assert ("code" not in answer) == accepted
    assert answer.get("code") in (None, "FAILURE_TYPE_PG")


def test_paypal_is_pending_first(control: SimulatorControl, api: httpx.Client, open_window: Open) -> None:
    window = {"currency": "USD", "method": "PAYPAL", "channel": "paypal", "total": 1050}
    paid, failed = open_window(**window), open_window(**window)
    for payment_id in (paid, failed):
        assert control.approve(payment_id)["status"] == "PAY_PENDING"
    control.approve(paid)
    control.fail(failed)
    assert api.get(f"/payments/{paid}").json()["method"] == {
        "type": "PaymentMethodEasyPay",
        "provider": "PAYPAL",
    }
    assert api.get(f"/payments/{failed}").json()["status"] == "FAILED"


@pytest.mark.parametrize(("expiry", "status"), [("stays", "VIRTUAL_ACCOUNT_ISSUED"), ("failed", "FAILED")])
def test_a_virtual_account_runs_out(
    control: SimulatorControl, api: httpx.Client, open_window: Open, expiry: str, status: str
) -> None:
    control.assumptions(virtual_account_expiry=expiry)
    account = {"virtualAccount": {"accountExpiry": {"validHours": 2}}}
    payment_id, now_over = (open_window(1000, "vbank", "VIRTUAL_ACCOUNT", **account) for _ in range(2))
    for one in (payment_id, now_over):
        control.issue_virtual_account(one)
    assert control.expire_virtual_account(now_over)["status"] == status
    control.advance_clock(7_198)
    assert api.get(f"/payments/{payment_id}").json()["status"] == "VIRTUAL_ACCOUNT_ISSUED"
    control.advance_clock(3)
    assert api.get(f"/payments/{payment_id}").json()["status"] == status
    with pytest.raises(SimulatorRefused):
        control.deposit(payment_id)
    if status == "VIRTUAL_ACCOUNT_ISSUED":
        assert api.post(f"/payments/{payment_id}/virtual-account/close").status_code == 200


@pytest.mark.parametrize(
    ("due", "expired_at"),
    [("21000101", "2100-01-01T14:59:59Z"), ("2100-01-01 12:00:00", "2100-01-01T03:00:00Z")],
)
def test_a_due_date_is_korean_time(
    control: SimulatorControl, open_window: Open, due: str, expired_at: str
) -> None:
    account = {"virtualAccount": {"accountExpiry": {"dueDate": due}}}
    payment_id = open_window(1000, "vbank", "VIRTUAL_ACCOUNT", **account)
    assert control.issue_virtual_account(payment_id)["method"]["expiredAt"] == expired_at


def test_channels_change_while_it_runs(
    control: SimulatorControl, api: httpx.Client, open_window: Open
) -> None:
    control.set_channel("channel-key-new", pgProvider="INICIS_V2", type="LIVE", manualApproval=True)
    payment_id = open_window(1000, "new")
    control.approve(payment_id)
    assert control.payment_token(payment_id)
    (shown,) = [row for row in control.channels() if row["key"] == "channel-key-new"]
    assert (shown["type"], shown["manualApproval"], shown["payMethods"]) == ("LIVE", True, ["CARD"])
    with pytest.raises(SimulatorRefused, match="payment_id_pattern"):
        control.set_channel("channel-key-new", pgProvider="INICIS_V2", paymentIdPattern="(")


def test_several_stores(receiver: Receiver) -> None:
    first = SimulatorConfig(api_secrets=("secret-one", "secret-both"), webhook_urls=(receiver.url + "/one",))
    second = StoreConfig("store-two", ("secret-two", "secret-both"), webhook_urls=(receiver.url + "/two",))
    with (
        serve_in_process(replace(first, more_stores=(second,))) as running,
        SimulatorControl(running.url) as control,
        httpx.Client(base_url=running.url, trust_env=False) as client,
    ):

        def call(secret: str, store: str | None) -> Any:
            query = {} if store is None else {"storeId": store}
            headers = {"Authorization": f"PortOne {secret}"}
            return client.get("/payments/pay0000001", params=query, headers=headers).json()

        for store in (STORE, "store-two"):
            window = {**WINDOW, "storeId": store, "paymentId": "pay0000001", "channelKey": "channel-key-card"}
            assert "code" not in control.open_window(**window)
        shown = [call(secret, None)["storeId"] for secret in ("secret-one", "secret-two", "secret-both")]
        assert shown == [STORE, "store-two", STORE]
        assert call("secret-both", "store-two")["storeId"] == "store-two"
        assert call("secret-one", "store-two")["type"] == "PAYMENT_NOT_FOUND"
        body = {"storeId": "store-two", "reason": "r"}
        headers = {"Authorization": "PortOne secret-one"}
        refused = client.post("/payments/pay0000001/cancel", json=body, headers=headers)
        assert refused.json()["type"] == "FORBIDDEN"
        control.settle()
        sent = {one.path: json.loads(one.body)["data"]["storeId"] for one in receiver.take()}
        assert sent == {"/webhooks/one": STORE, "/webhooks/two": "store-two"}
