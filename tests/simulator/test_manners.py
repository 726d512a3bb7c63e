"""What a PG refuses by its own documented rules: names, currencies, customers, issue ids, windows, late refunds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox.portone.control_client import SimulatorRefused
from sandbox.portone.default_channels import default_channels
from sandbox.portone.pg_rules import korean_bytes, order_name_of

from .test_billing import charge, issue
from .walk import ORDER, STORE

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from sandbox.portone.control_client import SimulatorControl

    Pay = Callable[..., str]

DAY = 24 * 3_600
PHONE = {"phoneNumber": "01012345678"}
PERSON = {**PHONE, "fullName": "홍길동", "email": "hong@example.com"}
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)"
EASY = {"channelKey": "channel-key-easypay", "payMethod": "EASY_PAY"}
NAVER = {"channelKey": "channel-key-naverpay", "payMethod": "EASY_PAY"}
SMARTRO = {"channelKey": "channel-key-smartro", "customer": PHONE}
INICIS = {"channelKey": "channel-key-inicis", "customer": PERSON}
WINDOW = {
    "storeId": STORE,
    "channelKey": "channel-key-card",
    "paymentId": "manner0001",
    "orderName": "o",
    "totalAmount": 1000,
    "currency": "KRW",
    "payMethod": "CARD",
}
NAVER_KEY = {"channelKey": "channel-key-naverpay", "billingKeyMethod": "EASY_PAY", "issueName": "멤버십"}
SMARTRO_KEY = {"channelKey": "channel-key-smartro", "customer": {"customerId": "user1"}, "issueId": "iss1"}
INICIS_KEY = {**INICIS, "issueId": "iss-1", "issueName": "멤버십"}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"channelKey": "channel-key-generic", "orderName": "가" * 20}, None),
        ({"channelKey": "channel-key-generic", "orderName": "가" * 20 + "!"}, "orderName"),
        ({"channelKey": "channel-key-kcp", "orderName": "가" * 50}, None),
        ({"channelKey": "channel-key-kcp", "orderName": "가" * 51}, "orderName"),
        ({"orderName": "가" * 100}, None),
        ({"orderName": "가" * 101}, "orderName"),
        ({**EASY}, None),
        ({**EASY, "currency": "USD"}, "currency"),
        ({**EASY, "windowType": {"pc": "IFRAME", "mobile": "POPUP"}}, None),
        ({**EASY, "windowType": {"pc": "POPUP"}}, "windowType"),
        ({**EASY, "windowType": {"pc": "IFRAME", "mobile": "POPUP"}, "userAgent": IPHONE}, "windowType"),
        ({**NAVER, "windowType": {"pc": "POPUP"}}, None),
        ({**NAVER, "windowType": {"pc": "IFRAME"}}, "windowType"),
        ({**NAVER, "totalAmount": 99}, "amount"),
        ({**NAVER, "orderName": "가" * 129}, "orderName"),
        ({**SMARTRO}, None),
        ({**SMARTRO, "customer": {}}, "phoneNumber"),
        ({**SMARTRO, "currency": "JPY"}, "currency"),
        ({**SMARTRO, "payMethod": "EASY_PAY"}, "needs id"),
        ({**SMARTRO, "payMethod": "EASY_PAY", "customer": {**PHONE, "customerId": "u" * 20}}, None),
        ({**SMARTRO, "payMethod": "EASY_PAY", "customer": {**PHONE, "customerId": "u" * 21}}, "customerId"),
        ({**SMARTRO, "payMethod": "MOBILE"}, "productType"),
        ({**SMARTRO, "payMethod": "MOBILE", "productType": "REAL"}, None),
        ({**INICIS, "orderName": "가" * 30}, None),
        ({**INICIS, "paymentId": "결제1"}, "paymentId"),
        ({**INICIS, "customer": PHONE}, "email, name"),
        ({**INICIS, "customer": {}, "userAgent": IPHONE}, None),
    ],
)
def test_payment_windows(control: SimulatorControl, change: dict[str, Any], named: str | None) -> None:
    answer = control.open_window(**(WINDOW | change))
    if named is None:
        assert "code" not in answer, answer
    else:
        assert (answer["code"], answer["pgMessage"]) == ("FAILURE_TYPE_PG", answer["message"])
        assert named in answer["message"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"channelKey": "channel-key-easypay", "billingKeyMethod": "EASY_PAY"}, "issueName"),
        (NAVER_KEY, "issueId"),
        ({**NAVER_KEY, "issueId": "i1", "issueName": None}, "issueName"),
        ({**NAVER_KEY, "issueId": "i1"}, None),
        ({**NAVER_KEY, "issueId": "i1", "windowType": {"pc": "IFRAME"}}, "windowType"),
        (SMARTRO_KEY, None),
        ({**SMARTRO_KEY, "issueId": "iss-1"}, "issueId"),
        ({**SMARTRO_KEY, "issueId": None}, "issueId"),
        ({**SMARTRO_KEY, "customer": {}}, "customerId"),
        ({**SMARTRO_KEY, "customer": {"customerId": "0" * 21}}, "customerId"),
        ({**SMARTRO_KEY, "billingKeyMethod": "EASY_PAY"}, "billingKeyMethod"),
        (INICIS_KEY, None),
        ({**INICIS_KEY, "issueId": "발급"}, "issueId"),
        ({**INICIS_KEY, "issueName": None}, "issueName"),
        ({**INICIS_KEY, "customer": PHONE}, "email, name"),
        ({**INICIS_KEY, "billingKeyMethod": "MOBILE"}, "requestIssueBillingKeyAndPay"),
    ],
)
def test_billing_key_windows(control: SimulatorControl, change: dict[str, Any], named: str | None) -> None:
    window = {"storeId": STORE, "channelKey": "channel-key-card", "billingKeyMethod": "CARD"}
    answer = control.open_billing_window(**(window | change))
    if named is None:
        assert "code" not in answer, answer
    else:
        assert answer["code"] == "FAILURE_TYPE_PG"
        assert named in answer["message"]


def test_naverpay_takes_an_issue_id_once(control: SimulatorControl) -> None:
    issue(control, **NAVER_KEY, issueId="iss-1")
    again = control.open_billing_window(storeId=STORE, **NAVER_KEY, issueId="iss-1")
    assert "takes each once" in again["message"]
    assert issue(control, **NAVER_KEY, issueId="iss-2")


def test_inicis_cuts_the_order_name(control: SimulatorControl, api: httpx.Client) -> None:
    name = "맛있는 제주 감귤 선물세트 3킬로그램 특대과"
    control.open_window(**(WINDOW | INICIS | {"orderName": name}))
    shown = api.get("/payments/manner0001").json()["orderName"]
    assert shown.endswith("...")
    assert shown != name
    assert korean_bytes(shown) <= 40
    inicis = next(one for one in control.channels() if one["key"] == "channel-key-inicis")
    assert (inicis["orderNameBytes"], inicis["orderNameCut"]) == (40, True)


def test_a_mobile_key_is_issued_together_with_its_first_payment(
    control: SimulatorControl, api: httpx.Client
) -> None:
    payment = {"paymentId": "mobile0001", "orderName": "o", "totalAmount": 1000, "currency": "KRW"}
    window = {"storeId": STORE, **INICIS_KEY, "billingKeyMethod": "MOBILE", "payment": payment}
    assert "productType" in control.open_billing_window(**window)["message"]
    opened = control.open_billing_window(**window, productType="DIGITAL")
    control.issue_billing_key(opened["billingKey"])
    paid = api.get("/payments/mobile0001").json()
    assert (paid["status"], paid["billingKey"]) == ("PAID", opened["billingKey"])
    assert paid["method"] == {"type": "PaymentMethodMobile", "phoneNumber": PHONE["phoneNumber"]}
    assert charge(api, "mobile0002", opened["billingKey"]).status_code == 200
    assert api.get("/payments/mobile0002").json()["method"]["type"] == "PaymentMethodMobile"


def test_a_charge_is_held_to_the_pgs_rules_too(control: SimulatorControl, api: httpx.Client) -> None:
    key = issue(control, channelKey="channel-key-kcp")
    reply = charge(api, "charge0001", key, orderName="가" * 51)
    assert (reply.status_code, reply.json()["pgCode"]) == (502, "ORDER_NAME_TOO_LONG")
    assert api.get("/payments/charge0001").json()["status"] == "FAILED"


@pytest.mark.parametrize(
    ("channel", "method", "days"),
    [("card", "CARD", 365), ("easypay", "EASY_PAY", 365), ("naverpay", "EASY_PAY", 1_095), ("card", "TRANSFER", 90)],
)  # fmt: skip
def test_a_refund_comes_too_late(
    control: SimulatorControl, api: httpx.Client, pay: Pay, channel: str, method: str, days: int
) -> None:
    payment_id = pay(1000, channel, method)
    body = {"reason": "r", "amount": 100}
    for _ in range(days // 365 + 1):
        control.advance_clock(days * DAY / (days // 365 + 1))
    control.advance_clock(3_600)
    late = api.post(f"/payments/{payment_id}/cancel", json=body)
    assert (late.status_code, late.json()["pgCode"]) == (502, "CANCEL_DEADLINE_PASSED")
    assert "cancellations" not in api.get(f"/payments/{payment_id}").json()
    control.assumptions(cancel_deadlines="ignored")
    assert api.post(f"/payments/{payment_id}/cancel", json=body).status_code == 200


def test_a_refund_within_its_time(control: SimulatorControl, api: httpx.Client, pay: Pay) -> None:
    payment_id, deposited = pay(1000), pay(1000, "vbank", "VIRTUAL_ACCOUNT")
    control.advance_clock(364 * DAY)
    assert api.post(f"/payments/{payment_id}/cancel", json={"reason": "r"}).status_code == 200
    control.advance_clock(364 * DAY)
    account = {"bank": "KAKAO", "number": "3333012345678", "holderName": "Hong"}
    refund = {"reason": "r", "refundAccount": account}
    assert api.post(f"/payments/{deposited}/cancel", json=refund).status_code == 200


def test_an_approval_that_comes_too_late(control: SimulatorControl, api: httpx.Client, pay: Pay) -> None:
    payment_id = pay(1000, "manual")
    token = control.payment_token(payment_id)
    control.advance_clock(16 * 60)
    late = api.post(f"/payments/{payment_id}/confirm", json={"paymentToken": token})
    assert (late.status_code, late.json()["pgCode"]) == (502, "APPROVAL_TIMED_OUT")
    assert api.get(f"/payments/{payment_id}").json()["status"] == "FAILED"
    key = control.open_billing_window(
        storeId=STORE, channelKey="channel-key-manual", billingKeyMethod="CARD"
    )["billingKey"]
    issued = control.issue_billing_key(key)["_sim"]["billingIssueToken"]
    control.advance_clock(16 * 60)
    late = api.post("/billing-keys/confirm", json={"billingIssueToken": issued})
    assert late.json()["pgCode"] == "APPROVAL_TIMED_OUT"
    assert control.billing_key(key)["status"] == "FAILED"


def test_lists_may_lag_behind(control: SimulatorControl, api: httpx.Client, pay: Pay) -> None:
    control.assumptions(list_lag_seconds=60)
    payment_id, key = pay(), issue(control)
    schedule = {"payment": {**ORDER, "billingKey": key}, "timeToPay": "2099-01-01T00:00:00Z"}
    made = api.post("/payments/later00001/schedule", json=schedule).json()["schedule"]["id"]
    window = {"filter": {"from": "2098-12-31T00:00:00Z", "until": "2099-01-02T00:00:00Z"}}

    def listed() -> list[int]:
        asked: tuple[tuple[str, dict[str, Any]], ...] = (
            ("/payments", {}), ("/payments-by-cursor", {}), ("/payment-events-by-cursor", {}), ("/billing-keys", {}),
            ("/payment-schedules", window),
        )  # fmt: skip
        return [len(api.request("GET", path, json=body).json()["items"]) for path, body in asked]

    assert api.get(f"/payments/{payment_id}").status_code == 200
    assert api.get(f"/payment-schedules/{made}").status_code == 200
    assert listed() == [0, 0, 0, 0, 0]
    control.advance_clock(61)
    assert listed() == [1, 1, 1, 1, 1]


def test_a_secret_expires(control: SimulatorControl, api: httpx.Client, pay: Pay) -> None:
    payment_id = pay()
    old = api.headers["authorization"].removeprefix("PortOne ")
    control.api_secrets(old, "the-next-secret")
    both = [{"Authorization": f"PortOne {secret}"} for secret in (old, "the-next-secret")]
    assert [api.get(f"/payments/{payment_id}", headers=one).status_code for one in both] == [200, 200]
    control.api_secrets("the-next-secret")
    replies = [api.get(f"/payments/{payment_id}", headers=one) for one in both]
    assert [reply.status_code for reply in replies] == [401, 200]
    control.reset()
    assert api.get("/banks", headers=both[0]).status_code == 200


def test_names_are_cut_between_characters() -> None:
    inicis = default_channels()["channel-key-inicis"]
    assert order_name_of(inicis, "가" * 20) == "가" * 20
    assert order_name_of(inicis, "가" * 21) == "가" * 18 + "..."
    assert korean_bytes("a가😀") == 1 + 2 + 4


def test_only_triple_a_stops_a_cancellation(control: SimulatorControl, api: httpx.Client, pay: Pay) -> None:
    control.set_channel("channel-key-slow", pgProvider="EXIMBAY_V2", asyncCancel=True)
    for channel, status in (("async", 200), ("slow", 502)):
        payment_id = pay(1000, channel)
        entry = api.post(f"/payments/{payment_id}/cancel", json={"reason": "r"}).json()["cancellation"]
        stopped = api.post(f"/payments/{payment_id}/cancellations/{entry['id']}/stop", json={})
        assert stopped.status_code == status
        (shown,) = api.get(f"/payments/{payment_id}").json()["cancellations"]
        assert shown["status"] == ("FAILED" if status == 200 else "REQUESTED")


def test_a_further_store_is_opened_and_closed_by_a_reset(
    control: SimulatorControl, api: httpx.Client
) -> None:
    made = control.open_store("store-further", channels={"channel-key-there": {"pgProvider": "KCP_V2"}})
    assert made["channels"] == ["channel-key-there"]
    window = WINDOW | {"storeId": "store-further", "channelKey": "channel-key-there"}
    assert "code" not in control.open_window(**window)
    theirs = {"Authorization": f"PortOne {made['apiSecrets'][0]}"}
    assert api.get("/payments/manner0001", headers=theirs).json()["storeId"] == "store-further"
    assert api.get("/payments/manner0001").json()["type"] == "PAYMENT_NOT_FOUND"
    with pytest.raises(SimulatorRefused, match="is open already"):
        control.open_store("store-further")
    control.reset()
    assert api.get("/payments/manner0001", headers=theirs).status_code == 401
