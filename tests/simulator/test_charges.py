"""Manual approval, the confirm process, instant payments and the list of attempts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from .walk import ACCOUNT_METHOD, CARD, ORDER

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from sandbox.portone.control_client import SimulatorControl

    from .receiver import Receiver

    Open = Callable[..., str]

INSTANT = {**ORDER, "channelKey": "channel-key-vbank", "method": ACCOUNT_METHOD}


def confirm(api: httpx.Client, payment_id: str, token: str | None, **body: Any) -> httpx.Response:
    """Confirm a manual approval."""
    return api.post(f"/payments/{payment_id}/confirm", json={"paymentToken": token, **body})


def test_no_money_moves_before_confirm(
    hooked: SimulatorControl, api: httpx.Client, receiver: Receiver, open_window: Open
) -> None:
    payment_id = open_window(1000, "manual")
    assert hooked.approve(payment_id)["status"] == "READY"
    token = hooked.payment_token(payment_id)
    reply = confirm(api, payment_id, token, totalAmount=1000, currency="KRW", isTest=True, taxFreeAmount=0)
    payment = api.get(f"/payments/{payment_id}").json()
    assert reply.json() == {"pgTxId": payment["pgTxId"], "paidAt": payment["paidAt"]}
    assert payment["status"] == "PAID"
    assert confirm(api, payment_id, token).json()["type"] == "ALREADY_PAID"
    hooked.settle()
    assert [json.loads(one.body)["type"] for one in receiver.take()].count("Transaction.Paid") == 1


@pytest.mark.parametrize(
    "wrong", [{"txId": "x"}, {"currency": "USD"}, {"totalAmount": 1}, {"taxFreeAmount": 1}, {"isTest": False}]
)
def test_information_mismatch_leaves_it_open(
    control: SimulatorControl, api: httpx.Client, open_window: Open, wrong: dict[str, Any]
) -> None:
    payment_id = open_window(1000, "manual")
    control.approve(payment_id)
    token = control.payment_token(payment_id)
    refused = confirm(api, payment_id, token, **wrong)
    assert (refused.status_code, refused.json()["type"]) == (409, "INFORMATION_MISMATCH")
    assert next(iter(wrong)) in refused.json()["message"]
    assert confirm(api, payment_id, "other").json()["type"] == "INVALID_PAYMENT_TOKEN"
    assert confirm(api, payment_id, token).status_code == 200


def test_a_pg_refusal_at_confirm_fails_the_payment(
    control: SimulatorControl, api: httpx.Client, open_window: Open
) -> None:
    payment_id = open_window(1000, "manual")
    control.approve(payment_id)
    control.add_fault("pg_provider", "*/confirm", pgCode="NO")
    assert confirm(api, payment_id, control.payment_token(payment_id)).json()["pgCode"] == "NO"
    assert api.get(f"/payments/{payment_id}").json()["status"] == "FAILED"


def test_a_manual_virtual_account_is_issued_at_confirm(
    control: SimulatorControl, api: httpx.Client, open_window: Open
) -> None:
    payment_id = open_window(1000, "manual", "VIRTUAL_ACCOUNT")
    control.issue_virtual_account(payment_id, bank="KAKAO")
    assert api.get(f"/payments/{payment_id}").json()["status"] == "READY"
    assert confirm(api, payment_id, control.payment_token(payment_id)).json()["paidAt"]
    payment = api.get(f"/payments/{payment_id}").json()
    assert (payment["status"], payment["method"]["bank"]) == ("VIRTUAL_ACCOUNT_ISSUED", "KAKAO")


def test_the_shop_has_the_last_word(
    hooked: SimulatorControl, api: httpx.Client, receiver: Receiver, open_window: Open
) -> None:
    payment_id = open_window(1000, confirmUrl=receiver.url + "/confirm")
    assert hooked.approve(payment_id)["status"] == "PAID"
    (asked,) = [one for one in receiver.received if one.path.endswith("/confirm")]
    assert json.loads(asked.body)["type"] == "Transaction.Confirm"
    data = json.loads(asked.body)["data"]
    assert set(data) == {"paymentId", "transactionId", "totalAmount"}, "the document's sample has no storeId"
    assert "webhook-signature" in asked.headers
    hooked.settle()
    receiver.take()
    refused = open_window(1000, confirmUrl=receiver.url + "/confirm")
    hooked.settle()
    receiver.answers.append(204)
    payment = hooked.approve(refused)
    assert (payment["status"], payment["failure"]["pgCode"]) == ("FAILED", "CONFIRM_PROCESS_FAILED")
    unreachable = open_window(1000, confirmUrl="http://127.0.0.1:1/confirm")
    assert hooked.approve(unreachable)["status"] == "FAILED"


def test_instant_virtual_account(control: SimulatorControl, api: httpx.Client) -> None:
    due = {"bank": "KAKAO", "expiry": {"dueDate": "2100-01-01T00:00:00+09:00"}, "option": {"type": "NORMAL"}}
    body = {
        **INSTANT,
        "method": {"virtualAccount": due},
        "products": [{"id": "1", "name": "n", "amount": 1, "quantity": 1}],
    }
    assert api.post("/payments/instant001/instant", json=body).json()["payment"]["pgTxId"]
    payment = api.get("/payments/instant001").json()
    assert (payment["status"], payment["method"]["expiredAt"]) == (
        "VIRTUAL_ACCOUNT_ISSUED",
        "2099-12-31T15:00:00Z",
    )
    again = api.post("/payments/instant001/instant", json=INSTANT)
    assert again.json()["type"] == "INVALID_REQUEST"
    control.deposit("instant001")
    assert api.post("/payments/instant001/instant", json=INSTANT).json()["type"] == "ALREADY_PAID"
    fixed = {**due, "option": {"type": "FIXED", "fixed": {"accountNumber": "3333012345678"}}}
    api.post("/payments/instant002/instant", json={**INSTANT, "method": {"virtualAccount": fixed}})
    method = api.get("/payments/instant002").json()["method"]
    assert (method["accountNumber"], method["accountType"]) == ("3333012345678", "FIXED")


@pytest.mark.parametrize(
    ("change", "type_"),
    [
        ({"channelKey": None}, "INVALID_REQUEST"),
        ({"channelKey": "channel-key-easypay"}, "CHANNEL_NOT_FOUND"),
        ({"method": {}}, "INVALID_REQUEST"),
        ({"method": CARD}, "FORBIDDEN"),
        ({"amount": {"total": 10, "taxFree": 9, "vat": 2}}, "SUM_OF_PARTS_EXCEEDS_TOTAL_AMOUNT"),
        (
            {"method": {"virtualAccount": ACCOUNT_METHOD["virtualAccount"] | {"expiry": {}}}},
            "INVALID_REQUEST",
        ),
        (
            {"method": {"virtualAccount": ACCOUNT_METHOD["virtualAccount"] | {"bank": "NONE"}}},
            "INVALID_REQUEST",
        ),
    ],
)
def test_what_instant_refuses(api: httpx.Client, change: dict[str, Any], type_: str) -> None:
    assert api.post("/payments/instant001/instant", json=INSTANT | change).json()["type"] == type_
    assert api.get("/payments/instant001").status_code == 404


def test_instant_card_where_it_is_assumed_allowed(control: SimulatorControl, api: httpx.Client) -> None:
    control.assumptions(instant_card="allow")
    body = {**INSTANT, "channelKey": "channel-key-card", "method": CARD}
    assert api.post("/payments/instant001/instant", json=body).status_code == 200
    payment = api.get("/payments/instant001").json()
    assert (payment["status"], payment["method"]["card"]["number"]) == ("PAID", "433012******1234")


def test_attempts_under_one_payment_id(
    control: SimulatorControl, api: httpx.Client, open_window: Open
) -> None:
    payment_id = open_window()
    control.fail(payment_id)
    open_window(paymentId=payment_id)
    control.approve(payment_id)
    control.console_cancel(payment_id, amount=1)
    rows = api.get(f"/payments/{payment_id}/transactions").json()["items"]
    assert [(row["status"], row["paymentId"]) for row in rows] == [
        ("FAILED", payment_id),
        ("PARTIAL_CANCELLED", payment_id),
    ]
    assert rows[1]["id"] == api.get(f"/payments/{payment_id}").json()["transactionId"]
    assert all("origin" not in row and "transactionId" not in row for row in rows)
