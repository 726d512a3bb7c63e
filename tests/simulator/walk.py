"""Decides nothing: a caller whose every reply is judged, and the tour through billing keys, schedules and identities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

    from sandbox.portone.control_client import SimulatorControl

    from .openapi import Contract

STORE = "store-5e1f0000-0000-4000-8000-000000000001"
ORDER = {"orderName": "membership", "amount": {"total": 9900, "taxFree": 900}, "currency": "KRW"}
CARD = {"card": {"credential": {"number": "4330123456781234", "expiryYear": "49", "expiryMonth": "12"}}}
ACCOUNT_METHOD = {
    "virtualAccount": {"bank": "SHINHAN", "expiry": {"validHours": 24}, "option": {"type": "NORMAL"}}
}
PERSON = {
    "name": "Kim",
    "phoneNumber": "01011112222",
    "identityNumber": "9001311",
    "ipAddress": "198.51.100.7",
}
SEND = {"channelKey": "channel-key-danal-ci", "customer": PERSON, "operator": "KT", "method": "SMS"}


class Walk:
    """Calls operations and has every reply judged."""

    def __init__(self, contract: Contract, api: httpx.Client) -> None:
        self._contract = contract
        self._api = api

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Return the judged body."""
        response = self._api.request(method, path, **options)
        self._contract.judge(response)
        return response.json()

    def get(self, payment_id: str) -> Any:
        """Read a payment."""
        return self.call("GET", f"/payments/{payment_id}")

    def cancel(self, payment_id: str, **body: Any) -> Any:
        """Cancel a payment."""
        return self.call("POST", f"/payments/{payment_id}/cancel", json={"reason": "r"} | body)


def billing_keys(walk: Walk, control: SimulatorControl) -> None:
    """Issue, charge, schedule, revoke and delete in every way, refusals included."""
    window = {"storeId": STORE, "channelKey": "channel-key-manual", "billingKeyMethod": "CARD"}
    for tail in ("confirm", "confirm-issue-and-pay"):
        payment = {
            "paymentId": f"first{len(tail):05d}",
            "totalAmount": 100,
            "currency": "KRW",
            "orderName": "o",
        }
        more = {"payment": payment} if tail != "confirm" else {}
        key = control.open_billing_window(**window, **more)["billingKey"]
        token = control.issue_billing_key(key)["_sim"]["billingIssueToken"]
        for body in ({"isTest": False}, {}, {}):
            walk.call("POST", f"/billing-keys/{tail}", json={"billingIssueToken": token, **body})
        walk.call("POST", f"/billing-keys/{tail}", json={"billingIssueToken": "none"})
        walk.call("POST", f"/billing-keys/{tail}", json={})
    group = {"method": CARD, "channelGroupId": "channel-group-cards", "customer": {"id": "user-1"}}
    control.add_fault("pg_provider", "/billing-keys")
    assert len(walk.call("POST", "/billing-keys", json=group)["channelSpecificFailures"]) == 1
    control.add_fault("pg_provider", "/billing-keys", times=2)
    assert walk.call("POST", "/billing-keys", json=group)["type"] == "CHANNEL_SPECIFIC"
    walk.call("POST", "/billing-keys", json={"method": CARD, "channelKey": "channel-key-none"})
    walk.call("POST", "/billing-keys", json={"method": CARD, "channelKey": "channel-key-kcp"})
    issued = walk.call("POST", "/billing-keys", json={"method": CARD, "channelKey": "channel-key-card"})
    key = issued["billingKeyInfo"]["billingKey"]
    walk.call("GET", f"/billing-keys/{key}")
    _charges(walk, control, key)
    _schedules(walk, control, key)
    walk.call("DELETE", f"/billing-keys/{key}", params={"requester": "nobody"})
    assert "deletedAt" in walk.call("DELETE", f"/billing-keys/{key}")
    walk.call("DELETE", f"/billing-keys/{key}")
    walk.call("GET", f"/billing-keys/{key}")
    walk.call("GET", "/billing-keys/none")
    for method in ("EASY_PAY", "PAYPAL", "MOBILE"):
        control.set_channel("channel-key-all", pgProvider="INICIS_V2", billingMethods=[method])
        all_methods = {**window, "channelKey": "channel-key-all", "billingKeyMethod": method}
        other = control.open_billing_window(**all_methods)["billingKey"]
        control.issue_billing_key(other)
        walk.call("GET", f"/billing-keys/{other}")
    walk.call("GET", "/billing-keys")


def _charges(walk: Walk, control: SimulatorControl, key: str) -> None:
    paid = walk.call("POST", "/payments/charge0001/billing-key", json={**ORDER, "billingKey": key})
    assert paid["payment"]["pgTxId"]
    walk.call("POST", "/payments/charge0001/billing-key", json={**ORDER, "billingKey": key})
    control.decline_billing_key(key)
    walk.call("POST", "/payments/charge0002/billing-key", json={**ORDER, "billingKey": key})
    walk.call("POST", "/payments/charge0003/billing-key", json={**ORDER, "billingKey": "none"})
    walk.call("POST", "/payments/charge0001/capture", json={})
    for payment_id in ("charge0001", "charge0002"):
        walk.get(payment_id)
        assert walk.call("GET", f"/payments/{payment_id}/transactions")["items"]


def _schedules(walk: Walk, control: SimulatorControl, key: str) -> None:
    order = {**ORDER, "billingKey": key, "customer": {"id": "user-1"}, "noticeUrls": ["http://127.0.0.1:1/"]}
    ids = []
    for number in range(4):
        body = {"payment": order, "timeToPay": f"2100-01-0{number + 1}T00:00:00Z"}
        made = walk.call("POST", f"/payments/sched{number:05d}/schedule", json=body)
        ids.append(made["schedule"]["id"])
        walk.call("POST", f"/payments/sched{number:05d}/schedule", json=body)
    refused = {"payment": order, "timeToPay": "2100-01-01T00:00:00Z"}
    walk.call("POST", "/payments/charge0001/schedule", json=refused)
    walk.call(
        "POST", "/payments/other00001/schedule", json={**refused, "payment": {**order, "billingKey": "none"}}
    )
    walk.call("DELETE", f"/billing-keys/{key}")
    control.run_schedule(ids[0])
    control.decline_billing_key(key)
    control.run_schedule(ids[1])
    for chosen in (ids[2], ids[2], ids[0], "none"):
        walk.call("DELETE", "/payment-schedules", params={"requestBody": f'{{"scheduleIds": ["{chosen}"]}}'})
    statuses = [walk.call("GET", f"/payment-schedules/{schedule_id}")["status"] for schedule_id in ids]
    assert statuses == ["SUCCEEDED", "FAILED", "REVOKED", "SCHEDULED"]
    walk.call("GET", "/payment-schedules/none")
    walk.call("GET", "/payment-schedules")
    walk.call("DELETE", "/payment-schedules", params={"requestBody": f'{{"billingKey": "{key}"}}'})


def other_payments(walk: Walk, control: SimulatorControl) -> None:
    """Manual approval, instant payments and what they refuse."""
    window = {
        "paymentId": "manual0001",
        "storeId": STORE,
        "channelKey": "channel-key-manual",
        "orderName": "o",
        "totalAmount": 1000,
        "currency": "KRW",
        "payMethod": "CARD",
    }
    control.open_window(**window)
    control.approve("manual0001")
    token = control.payment_token("manual0001")
    walk.get("manual0001")
    walk.call("POST", "/payments/manual0001/capture", json={})
    for body in (
        {"paymentToken": "none"},
        {"paymentToken": token, "totalAmount": 1},
        {"paymentToken": token},
    ):
        walk.call("POST", "/payments/manual0001/confirm", json=body)
    assert walk.get("manual0001")["status"] == "PAID"
    walk.call("POST", "/payments/manual0001/confirm", json={"paymentToken": token})
    control.open_window(**window | {"paymentId": "manual0002"})
    control.approve("manual0002")
    control.add_fault("pg_provider", "/payments/*/confirm")
    walk.call(
        "POST", "/payments/manual0002/confirm", json={"paymentToken": control.payment_token("manual0002")}
    )
    vbank = {**ORDER, "channelKey": "channel-key-vbank"}
    walk.call("POST", "/payments/instant001/instant", json={**vbank, "method": ACCOUNT_METHOD})
    assert walk.get("instant001")["status"] == "VIRTUAL_ACCOUNT_ISSUED"
    assert (
        walk.call("POST", "/payments/instant002/instant", json={**vbank, "method": CARD})["type"]
        == "FORBIDDEN"
    )
    walk.call("POST", "/payments/manual0001/instant", json={**vbank, "method": ACCOUNT_METHOD})
    none = {**vbank, "channelKey": "none", "method": ACCOUNT_METHOD}
    walk.call("POST", "/payments/instant003/instant", json=none)
    control.add_fault("pg_provider", "/payments/*/instant")
    walk.call("POST", "/payments/instant004/instant", json={**vbank, "method": ACCOUNT_METHOD})
    for name in ("confirm", "capture", "transactions"):
        method = "GET" if name == "transactions" else "POST"
        walk.call(
            method, f"/payments/nothing/{name}", json={"paymentToken": "t"} if method == "POST" else None
        )


def identities(walk: Walk, control: SimulatorControl) -> None:
    """SMS by API and the browser's window, every status and refusal."""
    base = "/identity-verifications/iv"
    walk.call("GET", base)
    for tail in ("confirm", "resend"):
        walk.call("POST", f"{base}/{tail}", json={})
    walk.call("POST", f"{base}/send", json={**SEND, "channelKey": "none"})
    for _ in range(2):
        walk.call("POST", f"{base}/send", json=SEND)
    assert walk.call("GET", base)["status"] == "READY"
    walk.call("POST", f"{base}/resend")
    walk.call("POST", f"{base}/confirm", json={"otp": "wrong"})
    walk.call("POST", f"{base}/confirm", json={"otp": control.identity("iv")["_sim"]["otp"]})
    for tail, body in (("confirm", {"otp": "x"}), ("send", SEND), ("resend", {})):
        walk.call("POST", f"{base}/{tail}", json=body)
    assert walk.call("GET", base)["status"] == "VERIFIED"
    window = {"storeId": STORE, "identityVerificationId": "iv2", "channelKey": "channel-key-danal"}
    control.open_identity_window(**window)
    control.fail_identity("iv2")
    assert walk.call("GET", "/identity-verifications/iv2")["status"] == "FAILED"
    walk.call("POST", "/identity-verifications/iv2/resend")
    control.add_fault("pg_provider", "*/iv3/send")
    walk.call("POST", "/identity-verifications/iv3/send", json=SEND)
    walk.call("GET", "/identity-verifications")


def login(walk: Walk, secret: str) -> None:
    """Tokens and their refusals."""
    tokens = walk.call("POST", "/login/api-secret", json={"apiSecret": secret})
    walk.call("POST", "/login/api-secret", json={"apiSecret": "wrong"})
    walk.call("POST", "/login/api-secret", json={})
    walk.call("POST", "/token/refresh", json={"refreshToken": tokens["refreshToken"]})
    walk.call("POST", "/token/refresh", json={"refreshToken": tokens["refreshToken"]})
    walk.call("POST", "/token/refresh", json={})
    bearer = {"Authorization": f"Bearer {tokens['accessToken']}"}
    assert walk.call("GET", "/banks", headers=bearer)["items"]


def refused_everywhere(walk: Walk) -> None:
    """Wrong secret, foreign store and malformed body at every new operation."""
    foreign = {"storeId": "store-other"}
    posts = {
        "/payments/p000000001/confirm": {"paymentToken": "t"},
        "/payments/p000000001/capture": {},
        "/payments/p000000001/billing-key": {**ORDER, "billingKey": "k"},
        "/payments/p000000001/instant": {**ORDER, "channelKey": "c", "method": ACCOUNT_METHOD},
        "/billing-keys": {"method": CARD, "channelKey": "c"},
        "/billing-keys/confirm": {"billingIssueToken": "t"},
        "/billing-keys/confirm-issue-and-pay": {"billingIssueToken": "t"},
        "/identity-verifications/i/send": SEND,
        "/identity-verifications/i/confirm": {},
    }
    for path, body in posts.items():
        assert walk.call("POST", path, json=body | foreign)["type"] == "FORBIDDEN"
        assert walk.call("POST", path, json={"storeId": 1})["type"] == "INVALID_REQUEST"
        assert walk.call("POST", path, json=body, headers={"Authorization": "no"})["type"] == "UNAUTHORIZED"
    schedule = {"payment": {**ORDER, "billingKey": "k"} | foreign, "timeToPay": "2100-01-01T00:00:00Z"}
    assert walk.call("POST", "/payments/p000000001/schedule", json=schedule)["type"] == "FORBIDDEN"
    walk.call("POST", "/payments/p000000001/schedule", json={})
    for path in (
        "/payments/p000000001/transactions",
        "/payment-schedules/s",
        "/billing-keys/k",
        "/identity-verifications/i",
    ):
        assert walk.call("GET", path, params=foreign)["type"] == "FORBIDDEN"
        walk.call("GET", path, headers={"Authorization": "no"})
    for path in ("/payment-schedules", "/billing-keys", "/identity-verifications"):
        query = {"requestBody": '{"filter": {"storeId": "store-other"}}'}
        assert walk.call("GET", path, params=query)["type"] == "FORBIDDEN"
        walk.call("GET", path, params={"requestBody": "["})
    walk.call("DELETE", "/payment-schedules", params={"requestBody": '{"storeId": "store-other"}'})
    walk.call("DELETE", "/billing-keys/k", params=foreign)
    walk.call("POST", "/identity-verifications/i/resend", params=foreign)
