"""Billing keys: the window, manual issue, PG rules, charges, deletion and their webhooks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.portone.control_client import SimulatorRefused

from .walk import CARD, ORDER, STORE

if TYPE_CHECKING:
    import httpx

    from sandbox.portone.control_client import SimulatorControl

    from .receiver import Receiver

WINDOW = {"storeId": STORE, "channelKey": "channel-key-card", "billingKeyMethod": "CARD"}


def issue(control: SimulatorControl, **more: Any) -> str:
    """Return a billing key issued through the window."""
    key = str(control.open_billing_window(**(WINDOW | more))["billingKey"])
    control.issue_billing_key(key)
    return key


def charge(api: httpx.Client, payment_id: str, key: str, **more: Any) -> httpx.Response:
    """Charge a billing key."""
    return api.post(f"/payments/{payment_id}/billing-key", json={**ORDER, "billingKey": key, **more})


def events(control: SimulatorControl, receiver: Receiver) -> list[str]:
    """Return the types received since the last call, in alphabetical order."""
    control.settle()
    return sorted(json.loads(one.body)["type"] for one in receiver.take())


def test_a_key_is_shown_only_once_it_is_issued(
    hooked: SimulatorControl, api: httpx.Client, receiver: Receiver
) -> None:
    customer = {"customerId": "user-1", "fullName": "홍길동"}
    answer = hooked.open_billing_window(**WINDOW, issueId="iss-1", customer=customer, customData={"a": 1})
    assert answer["transactionType"] == "ISSUE_BILLING_KEY"
    key = answer["billingKey"]
    assert api.get(f"/billing-keys/{key}").json()["type"] == "BILLING_KEY_NOT_FOUND"
    assert api.delete(f"/billing-keys/{key}").json()["type"] == "BILLING_KEY_NOT_ISSUED"
    hooked.issue_billing_key(key, number="5409260000009999", brand="MASTER")
    shown = api.get(f"/billing-keys/{key}").json()
    assert shown["issueId"] == "iss-1"
    assert shown["customer"] == {"id": "user-1", "name": "홍길동"}
    assert json.loads(shown["customData"]) == {"a": 1}
    card = shown["methods"][0]["card"]
    assert (card["number"], card["brand"]) == ("540926******9999", "MASTER")
    assert events(hooked, receiver) == ["BillingKey.Issued", "BillingKey.Ready"]


def test_a_failed_window_leaves_no_key(
    hooked: SimulatorControl, api: httpx.Client, receiver: Receiver
) -> None:
    key = hooked.open_billing_window(**WINDOW)["billingKey"]
    hooked.fail_billing_key(key, pgCode="X", pgMessage="no")
    assert api.get(f"/billing-keys/{key}").status_code == 404
    assert hooked.billing_key(key)["_sim"]["failure"] == {"pgCode": "X", "pgMessage": "no"}
    assert events(hooked, receiver) == ["BillingKey.Failed", "BillingKey.Ready"]
    with pytest.raises(SimulatorRefused, match="needs READY"):
        hooked.issue_billing_key(key)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"storeId": "store-other"}, "StoreNotFound"),
        ({"channelKey": "channel-key-none"}, "ChannelNotFound"),
        ({"billingKeyMethod": "MOBILE"}, "FAILURE_TYPE_PG"),
        ({"channelKey": "channel-key-easypay", "billingKeyMethod": "EASY_PAY"}, "FAILURE_TYPE_PG"),
        ({"channelKey": "channel-key-smartro", "customer": {"customerId": "no-hyphens"}}, "FAILURE_TYPE_PG"),
        ({"channelKey": "channel-key-billing", "customer": {"customerId": "1"}}, "FAILURE_TYPE_PG"),
    ],
)
def test_pg_rules_refuse_the_window(control: SimulatorControl, change: dict[str, Any], code: str) -> None:
    answer = control.open_billing_window(**(WINDOW | change))
    assert answer["code"] == code
    assert answer["billingKey"] == ""


def test_kakaopay_with_its_issue_name(control: SimulatorControl, api: httpx.Client) -> None:
    key = issue(control, channelKey="channel-key-easypay", billingKeyMethod="EASY_PAY", issueName="멤버십")
    assert api.get(f"/billing-keys/{key}").json()["methods"][0]["provider"] == "KAKAOPAY"
    assert charge(api, "easy000001", key).status_code == 200
    assert api.get("/payments/easy000001").json()["method"]["provider"] == "KAKAOPAY"


def test_a_charge_pays_at_once(hooked: SimulatorControl, api: httpx.Client, receiver: Receiver) -> None:
    key = issue(hooked)
    events(hooked, receiver)
    reply = charge(api, "charge0001", key, customer={"id": "user-1"}, customData='{"n":1}')
    payment = api.get("/payments/charge0001").json()
    assert reply.json() == {"payment": {"pgTxId": payment["pgTxId"], "paidAt": payment["paidAt"]}}
    assert (payment["status"], payment["billingKey"]) == ("PAID", key)
    assert payment["origin"]["platformType"] == "API"
    assert payment["amount"] | {"total": 9900, "taxFree": 900} == payment["amount"]
    assert events(hooked, receiver) == ["Transaction.Paid"]
    assert charge(api, "charge0001", key).json()["type"] == "ALREADY_PAID"
    charge(api, "charge0002", key, skipWebhook=True)
    assert events(hooked, receiver) == []


def test_a_decline_is_502_and_a_failed_payment(
    hooked: SimulatorControl, api: httpx.Client, receiver: Receiver
) -> None:
    key = issue(hooked)
    events(hooked, receiver)
    hooked.decline_billing_key(key, pgCode="LIMIT", pgMessage="한도초과", times=1)
    reply = charge(api, "charge0001", key, skipWebhook=True)
    assert (reply.status_code, reply.json()["pgCode"]) == (502, "LIMIT")
    payment = api.get("/payments/charge0001").json()
    assert payment["status"] == "FAILED"
    assert payment["failure"] == {"reason": "한도초과", "pgCode": "LIMIT", "pgMessage": "한도초과"}
    assert events(hooked, receiver) == ["Transaction.Failed"], "skipWebhook hides successes only"
    assert charge(api, "charge0001", key).status_code == 200, "a failed payment id may be tried again"
    assert len(api.get("/payments/charge0001/transactions").json()["items"]) == 2


def test_what_a_charge_refuses(control: SimulatorControl, api: httpx.Client) -> None:
    key = issue(control)
    too_much = {"amount": {"total": 1000, "taxFree": 500, "vat": 501}}
    assert charge(api, "charge0001", key, **too_much).json()["type"] == "SUM_OF_PARTS_EXCEEDS_TOTAL_AMOUNT"
    assert charge(api, "charge0001", key, channelKey="channel-key-kcp").json()["type"] == "CHANNEL_NOT_FOUND"
    assert charge(api, "charge0001", key, amount={"total": 0}).json()["type"] == "INVALID_REQUEST"
    control.assumptions(max_attempts=1)
    control.decline_billing_key(key)
    assert charge(api, "charge0001", key).status_code == 502
    assert charge(api, "charge0001", key).json()["type"] == "MAX_TRANSACTION_COUNT_REACHED"
    control.console_delete_billing_key(key)
    assert charge(api, "charge0002", key).json()["type"] == "BILLING_KEY_ALREADY_DELETED"
    assert api.get("/payments/charge0002").status_code == 404, "a refusal before the PG leaves no payment"


def test_manual_issue_and_pay(hooked: SimulatorControl, api: httpx.Client, receiver: Receiver) -> None:
    payment = {"paymentId": "first00001", "orderName": "o", "totalAmount": 1000, "currency": "KRW"}
    opened = hooked.open_billing_window(**(WINDOW | {"channelKey": "channel-key-manual"}), payment=payment)
    assert opened["transactionType"] == "ISSUE_BILLING_KEY_AND_PAY"
    key = opened["billingKey"]
    token = hooked.issue_billing_key(key)["_sim"]["billingIssueToken"]
    assert api.get(f"/billing-keys/{key}").status_code == 404
    assert api.get("/payments/first00001").json()["status"] == "READY"
    path = "/billing-keys/confirm-issue-and-pay"
    wrong = api.post(path, json={"billingIssueToken": token, "totalAmount": 1})
    assert (wrong.status_code, wrong.json()["type"]) == (409, "INFORMATION_MISMATCH")
    right = api.post(path, json={"billingIssueToken": token, "totalAmount": 1000, "paymentId": "first00001"})
    assert right.json() == {"billingKey": key, "paymentId": "first00001"}
    assert api.get("/payments/first00001").json()["billingKey"] == key
    again = api.post(path, json={"billingIssueToken": token})
    assert again.json()["type"] == "BILLING_KEY_ALREADY_ISSUED"
    expected = ["BillingKey.Issued", "BillingKey.Ready", "Transaction.Paid", "Transaction.Ready"]
    assert events(hooked, receiver) == expected


def test_a_refused_manual_issue_fails_key_and_payment(control: SimulatorControl, api: httpx.Client) -> None:
    payment = {"paymentId": "first00001", "orderName": "o", "totalAmount": 1000, "currency": "KRW"}
    opened = control.open_billing_window(**(WINDOW | {"channelKey": "channel-key-manual"}), payment=payment)
    token = control.issue_billing_key(opened["billingKey"])["_sim"]["billingIssueToken"]
    control.add_fault("pg_provider", "/billing-keys/*", pgCode="NO")
    reply = api.post("/billing-keys/confirm-issue-and-pay", json={"billingIssueToken": token})
    assert (reply.status_code, reply.json()["pgCode"]) == (502, "NO")
    assert control.billing_key(opened["billingKey"])["status"] == "FAILED"
    assert api.get("/payments/first00001").json()["status"] == "FAILED"


def test_issue_by_api_masks_the_card_and_stays_quiet_about_it(
    hooked: SimulatorControl, api: httpx.Client, receiver: Receiver
) -> None:
    reply = api.post("/billing-keys", json={"method": CARD, "channelKey": "channel-key-card"})
    key = reply.json()["billingKeyInfo"]["billingKey"]
    assert "4330123456781234" not in api.get(f"/billing-keys/{key}").text
    assert "4330123456781234" not in json.dumps(hooked.state())
    assert events(hooked, receiver) == ["BillingKey.Issued"]
    old = {"card": {"credential": {"number": "4330123456781234", "expiryYear": "20", "expiryMonth": "01"}}}
    expired = api.post("/billing-keys", json={"method": old, "channelKey": "channel-key-card"})
    assert expired.json()["pgCode"] == "INVALID_CARD_EXPIRATION"


def test_naverpay_wants_a_reason_to_delete(control: SimulatorControl, api: httpx.Client) -> None:
    naver = {"channelKey": "channel-key-naverpay", "billingKeyMethod": "EASY_PAY"}
    key = issue(control, **naver, issueId="iss-1", issueName="멤버십")
    assert api.delete(f"/billing-keys/{key}", params={"reason": "r"}).json()["type"] == "INVALID_REQUEST"
    good = api.delete(f"/billing-keys/{key}", params={"reason": "r", "requester": "CUSTOMER"})
    assert good.status_code == 200
    shown = api.get(f"/billing-keys/{key}").json()
    assert (shown["status"], shown["deletedAt"]) == ("DELETED", good.json()["deletedAt"])


def test_deleting_can_fail_at_the_pg_and_be_quiet(
    hooked: SimulatorControl, api: httpx.Client, receiver: Receiver
) -> None:
    key = issue(hooked)
    events(hooked, receiver)
    hooked.add_fault("pg_provider", "/billing-keys/*", method="DELETE")
    assert api.delete(f"/billing-keys/{key}").status_code == 502
    assert api.get(f"/billing-keys/{key}").json()["status"] == "ISSUED"
    api.delete(f"/billing-keys/{key}", params={"skipWebhook": "true"})
    assert events(hooked, receiver) == []
    assert api.delete("/billing-keys/x", params={"skipWebhook": "yes"}).json()["type"] == "INVALID_REQUEST"


def test_lists_filter_and_sort(control: SimulatorControl, api: httpx.Client) -> None:
    keys = []
    for number in range(3):
        keys.append(issue(control, customer={"customerId": f"user-{number}"}))
        control.advance_clock(60)
    api.delete(f"/billing-keys/{keys[0]}")

    def listed(**query: Any) -> list[str]:
        rows = api.get("/billing-keys", params={"requestBody": json.dumps(query)}).json()["items"]
        return [row["billingKey"] for row in rows]

    assert listed() == keys[::-1], "newest first"
    assert listed(sort={"order": "ASC"}, page={"number": 1, "size": 2}) == keys[2:]
    assert listed(filter={"status": ["DELETED"]}) == keys[:1]
    assert listed(filter={"customerId": "user-1"}) == keys[1:2]
    assert listed(filter={"textSearch": {"field": "BILLING_KEY", "value": keys[2]}}) == keys[2:]
    assert listed(filter={"methods": ["EASY_PAY"]}) == []
    assert listed(filter={"until": "2000-01-01T00:00:00Z"}) == []
