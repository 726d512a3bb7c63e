"""The payment window: pre-registration is enforced, attempts follow each other, statuses move as PortOne's do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.portone.control_client import SimulatorControl, SimulatorRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from sandbox.portone.server import RunningSimulator

    Open = Callable[..., str]


def _window(running: RunningSimulator, **changes: Any) -> dict[str, Any]:
    return {
        "paymentId": "pay000001",
        "storeId": running.config.store_id,
        "channelKey": "channel-key-card",
        "orderName": "Widget",
        "totalAmount": 1000,
        "currency": "KRW",
        "payMethod": "CARD",
    } | changes


@pytest.mark.parametrize(
    ("field", "value"),
    [("totalAmount", 999), ("totalAmount", 1001), ("taxFreeAmount", 1), ("currency", "USD")],
)
def test_a_tampered_window_is_refused_and_leaves_nothing(
    api: httpx.Client, control: SimulatorControl, running: RunningSimulator, field: str, value: object
) -> None:
    body = {"totalAmount": 1000, "taxFreeAmount": 0, "currency": "KRW"}
    assert api.post("/payments/pay000001/pre-register", json=body).json() == {}
    answer = control.open_window(**_window(running, **{field: value}))
    assert answer["code"] == "AmountNotEqualToPredefined"
    assert field in answer["message"]
    assert api.get("/payments/pay000001").status_code == 404
    assert "code" not in control.open_window(**_window(running))


def test_pre_registration_alone_is_not_a_payment(api: httpx.Client) -> None:
    api.post("/payments/pay000001/pre-register", json={"totalAmount": 1000})
    assert api.get("/payments/pay000001").json()["type"] == "PAYMENT_NOT_FOUND"


def test_the_last_pre_registration_wins_until_a_window_was_opened(
    api: httpx.Client, control: SimulatorControl, running: RunningSimulator
) -> None:
    api.post("/payments/pay000001/pre-register", json={"totalAmount": 500})
    api.post("/payments/pay000001/pre-register", json={"totalAmount": 1000})
    assert "code" not in control.open_window(**_window(running))
    api.post("/payments/pay000001/pre-register", json={"totalAmount": 5})
    assert control.open_window(**_window(running, totalAmount=5))["code"] == "AmountNotEqualToPredefined"
    assert "code" not in control.open_window(**_window(running))


def test_a_paid_id_can_be_neither_registered_nor_opened(
    api: httpx.Client, control: SimulatorControl, running: RunningSimulator
) -> None:
    control.open_window(**_window(running))
    control.approve("pay000001")
    refused = api.post("/payments/pay000001/pre-register", json={"totalAmount": 1000})
    assert (refused.status_code, refused.json()["type"]) == (409, "ALREADY_PAID")
    assert control.open_window(**_window(running))["code"] == "PaymentAlreadyPaid"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"storeId": "store-other"}, "StoreNotFound"),
        ({"channelKey": "channel-key-none"}, "ChannelNotFound"),
        ({"taxFreeAmount": 1001}, "RequestParseFailed"),
        ({"channelKey": "channel-key-easypay"}, "FAILURE_TYPE_PG"),
        ({"paymentId": "p"}, "FAILURE_TYPE_PG"),
        ({"paymentId": "has-hyphen", "channelKey": "channel-key-smartro"}, "FAILURE_TYPE_PG"),
    ],
)
def test_windows_that_cannot_open(
    control: SimulatorControl, running: RunningSimulator, changes: dict[str, Any], code: str
) -> None:
    assert control.open_window(**_window(running, **changes))["code"] == code
    assert control.state()["payments"] == {}


def test_ready_has_no_channel_and_no_method(api: httpx.Client, open_window: Open) -> None:
    ready = api.get(f"/payments/{open_window()}").json()
    assert ready["status"] == "READY"
    assert "channel" not in ready
    assert "method" not in ready


def test_transaction_ids_look_like_uuid_7(api: httpx.Client, open_window: Open) -> None:
    first, second = (api.get(f"/payments/{open_window()}").json()["transactionId"] for _ in range(2))
    shape = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
    assert shape.fullmatch(first)
    assert shape.fullmatch(second)
    assert first[:13] <= second[:13]


def test_a_failed_attempt_is_followed_by_a_new_transaction(
    api: httpx.Client, control: SimulatorControl, open_window: Open
) -> None:
    payment_id = open_window()
    first = control.fail(payment_id, pgCode="REJECT_CARD_PAYMENT", pgMessage="limit exceeded")
    assert first["failure"]["pgCode"] == "REJECT_CARD_PAYMENT"
    assert first["amount"]["paid"] == 1000, "paid is total - discount in every status"
    open_window(paymentId=payment_id)
    second = api.get(f"/payments/{payment_id}").json()
    assert second["status"] == "READY"
    assert second["transactionId"] != first["transactionId"]
    assert control.approve(payment_id)["transactionId"] == second["transactionId"]


def test_an_older_attempt_may_be_the_one_that_succeeds(control: SimulatorControl, open_window: Open) -> None:
    payment_id = open_window()
    first = control.payment(payment_id)["transactionId"]
    open_window(paymentId=payment_id)
    paid = control.approve(payment_id, transactionId=first)
    assert (paid["status"], paid["transactionId"]) == ("PAID", first)
    with pytest.raises(SimulatorRefused, match="SIM_INVALID_STATE"):
        control.approve(payment_id)


def test_at_most_one_attempt_succeeds(control: SimulatorControl, open_window: Open) -> None:
    payment_id = open_window()
    first = control.payment(payment_id)["transactionId"]
    open_window(paymentId=payment_id)
    control.approve(payment_id)
    with pytest.raises(SimulatorRefused, match="SIM_ALREADY_PAID"):
        control.approve(payment_id, transactionId=first)


def test_the_number_of_attempts_is_capped(
    control: SimulatorControl, open_window: Open, running: RunningSimulator
) -> None:
    control.assumptions(max_attempts=2)
    payment_id = open_window()
    open_window(paymentId=payment_id)
    assert control.open_window(**_window(running, paymentId=payment_id))["code"] == "InvalidEntityState"


def test_failed_becomes_paid_only_as_a_late_success(control: SimulatorControl, open_window: Open) -> None:
    payment_id = open_window()
    control.fail(payment_id)
    with pytest.raises(SimulatorRefused, match="late: true"):
        control.approve(payment_id)
    assert control.approve(payment_id, late=True)["status"] == "PAID"


def test_pay_pending(api: httpx.Client, control: SimulatorControl, open_window: Open) -> None:
    payment_id = open_window()
    control.pend(payment_id)
    assert api.get(f"/payments/{payment_id}").json()["status"] == "PAY_PENDING"
    assert control.approve(payment_id)["status"] == "PAID"


def test_easy_pay_with_a_discount(api: httpx.Client, control: SimulatorControl, open_window: Open) -> None:
    payment_id = open_window(1000, "easypay", "EASY_PAY")
    control.approve(payment_id, discount=300)
    payment = api.get(f"/payments/{payment_id}").json()
    assert payment["method"]["provider"] == "KAKAOPAY"
    assert (payment["amount"]["total"], payment["amount"]["discount"], payment["amount"]["paid"]) == (
        1000,
        300,
        700,
    )


def test_a_virtual_account_is_issued_paid_or_closed(
    api: httpx.Client, control: SimulatorControl, open_window: Open
) -> None:
    paid, closed = (open_window(5000, "vbank", "VIRTUAL_ACCOUNT") for _ in range(2))
    with pytest.raises(SimulatorRefused, match="issue-virtual-account"):
        control.approve(paid)
    assert control.issue_virtual_account(paid, bank="KOOKMIN")["method"]["bank"] == "KOOKMIN"
    assert (
        api.post(f"/payments/{closed}/virtual-account/close").json()["type"]
        == "PAYMENT_NOT_WAITING_FOR_DEPOSIT"
    )
    control.issue_virtual_account(closed)
    assert "closedAt" in api.post(f"/payments/{closed}/virtual-account/close").json()
    assert api.get(f"/payments/{closed}").json()["status"] == "FAILED"
    assert control.deposit(paid)["status"] == "PAID"
    with pytest.raises(SimulatorRefused, match="deposit"):
        control.deposit(closed)


def test_live_and_test_channels_say_so(api: httpx.Client, pay: Open) -> None:
    assert api.get(f"/payments/{pay()}").json()["channel"]["type"] == "TEST"
    assert api.get(f"/payments/{pay(channel='live-card')}").json()["channel"]["type"] == "LIVE"


def test_custom_data_becomes_text_and_customer_is_renamed(api: httpx.Client, open_window: Open) -> None:
    payment_id = open_window(
        customData={"orderId": "o-1"}, customer={"customerId": "user-1", "fullName": "Hong"}
    )
    payment = api.get(f"/payments/{payment_id}").json()
    assert payment["customData"] == '{"orderId": "o-1"}'
    assert payment["customer"] == {"id": "user-1", "name": "Hong"}


def test_ids_with_a_slash_are_encoded(api: httpx.Client, open_window: Open) -> None:
    payment_id = open_window(paymentId="a/b c".replace(" ", "%"), channelKey="channel-key-async")
    assert api.get("/payments/a%2Fb%25c").json()["id"] == payment_id
