"""The routes of saved cards and approvals: the caller's own token goes on, every field is checked, settings fill in the rest."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.card_support import CARD_ID, ISSUE, KEY, USER
from tests.unit.support import JWT, PAYMENT, SECOND_STORE, STORE, script
from tests.unit.web_support import DONE, GONE, PENDING, Bench
from worker.errors import Rejected

BEGUN = {
    "billingKeyId": CARD_ID, "issueId": ISSUE, "customerId": USER, "storeId": None, "channelKey": None,
    "issueName": "saved card",
}  # fmt: skip
CHANNEL = {"portone_billing_channel": "channel-key-billing"}
SCHEDULE = {"order_id": "o1", "billing_key_id": CARD_ID, "time_to_pay": "2026-10-01T09:00:00+09:00"}
REGISTER = {"billing_key": KEY, "issue_id": ISSUE}
CONFIRM = f"/payments/{PAYMENT}/confirm"


def bench(answers: dict[str, Any] | None = None, **settings: Any) -> Bench:
    """Return the app; every function answers a finished operation unless told otherwise."""
    names = ("register_billing_key", "delete_billing_key", "request_billing_payment", "request_schedule",
             "revoke_schedule", "request_confirmation")  # fmt: skip
    every = dict.fromkeys(names, DONE) | {"request_billing_key_issue": BEGUN}
    return Bench(every | (answers or {}), **(CHANNEL | settings))


async def test_an_issue_names_store_channel_and_where_webhooks_go() -> None:
    made = bench(notice_urls="https://shop.example/hook")
    response = await made.post("/billing-keys/issue", {"consent": True})
    assert (response.status_code, response.json()) == (
        200,
        BEGUN
        | {
            "storeId": STORE,
            "channelKey": "channel-key-billing",
            "noticeUrls": ["https://shop.example/hook"],
        },
    )
    assert made.database.named("request_billing_key_issue") == [{"consent": True}]
    assert made.database.tokens == [JWT]


async def test_the_databases_channel_goes_before_the_settings() -> None:
    chosen = BEGUN | {"storeId": SECOND_STORE, "channelKey": "channel-key-second"}
    made = bench({"request_billing_key_issue": chosen})
    answer = (await made.post("/billing-keys/issue", {"consent": True})).json()
    assert (answer["storeId"], answer["channelKey"]) == (SECOND_STORE, "channel-key-second")


async def test_without_any_channel_the_operator_is_told_not_the_customer() -> None:
    made = bench(portone_billing_channel=None)
    response = await made.post("/billing-keys/issue", {"consent": True})
    assert (response.status_code, response.json()["error"]["code"]) == (503, "NOT_CONFIGURED")
    assert "PORTONE_BILLING_CHANNEL" not in response.text


@pytest.mark.parametrize(
    ("method", "path", "body", "function", "arguments"),
    [
        ("POST", "/billing-keys", REGISTER, "register_billing_key", REGISTER),
        ("POST", "/billing-payments", {"order_id": "o1", "billing_key_id": CARD_ID}, "request_billing_payment",
         {"order_id": "o1", "billing_key_id": CARD_ID}),
        ("POST", "/schedules", SCHEDULE, "request_schedule", SCHEDULE),
        ("POST", CONFIRM, {"payment_token": "t", "tx_id": "x"}, "request_confirmation",
         {"payment_id": PAYMENT, "payment_token": "t", "tx_id": "x"}),
        ("DELETE", f"/billing-keys/{CARD_ID}", None, "delete_billing_key", {"id": CARD_ID}),
        ("POST", f"/cancellations/{CARD_ID}/stop", None, "stop_cancellation", {"id": CARD_ID}),
        ("DELETE", f"/schedules/{CARD_ID.upper()}", None, "revoke_schedule", {"id": CARD_ID}),
    ],
)  # fmt: skip
async def test_each_request_is_asked_for_as_the_user_and_waited_for(
    method: str, path: str, body: Any, function: str, arguments: dict[str, Any]
) -> None:
    made = bench({function: script(GONE, PENDING)})
    response = await made.client.request(method, path, json=body)
    assert (response.status_code, response.json()) == (200, DONE)
    first, second = made.database.named(function)
    assert first == second, "a lost reply is repeated under the same key"
    assert first.pop("idempotency_key").startswith("http-")
    assert first == arguments
    assert set(made.database.tokens) == {JWT}


async def test_a_delete_takes_its_key_from_the_query() -> None:
    made = bench()
    await made.client.delete(f"/schedules/{CARD_ID}", params={"idempotency_key": "12345678"})
    assert made.database.named("revoke_schedule") == [{"id": CARD_ID, "idempotency_key": "12345678"}]
    refused = await made.client.delete(f"/schedules/{CARD_ID}", params={"idempotency_key": "short"})
    assert (refused.status_code, refused.json()["error"]["field"]) == (422, "idempotency_key")


@pytest.mark.parametrize(
    ("path", "code"),
    [("/billing-keys/1", "BILLING_KEY_NOT_FOUND"), (f"/billing-keys/{KEY}", "BILLING_KEY_NOT_FOUND"),
     ("/schedules/%00", "SCHEDULE_NOT_FOUND")],
)  # fmt: skip
async def test_an_id_that_is_none_is_404_and_asks_nobody(path: str, code: str) -> None:
    made = bench()
    response = await made.client.delete(path)
    assert (response.status_code, response.json()["error"]["code"]) == (404, code)
    assert made.database.calls == []


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/billing-keys/issue", {}, "consent"), ("/billing-keys/issue", {"consent": False}, "consent"),
        ("/billing-keys/issue", {"consent": "true"}, "consent"), ("/billing-keys/issue", {"consent": 1}, "consent"),
        ("/billing-keys", {"issue_id": ISSUE}, "billing_key"), ("/billing-keys", {"billing_key": KEY}, "issue_id"),
        ("/billing-keys", REGISTER | {"billing_key": ""}, "billing_key"),
        ("/billing-keys", REGISTER | {"billing_key": "x" * 256}, "billing_key"),
        ("/billing-keys", REGISTER | {"billing_key": "a b"}, "billing_key"),
        ("/billing-keys", REGISTER | {"billing_key": "NEEDS_CONFIRMATION"}, "billing_key"),
        ("/billing-keys", REGISTER | {"user_id": USER}, "user_id"),
        ("/billing-payments", {"order_id": "o1"}, "billing_key_id"),
        ("/billing-payments", {"order_id": "o1", "billing_key_id": KEY}, "billing_key_id"),
        ("/billing-payments", {"order_id": "o1", "billing_key_id": CARD_ID, "amount": 1}, "amount"),
        ("/schedules", {"order_id": "o1", "billing_key_id": CARD_ID}, "time_to_pay"),
        ("/schedules", SCHEDULE | {"time_to_pay": "2026-10-01T09:00:00"}, "time_to_pay"),
        ("/schedules", SCHEDULE | {"time_to_pay": "tomorrow"}, "time_to_pay"),
        ("/schedules", SCHEDULE | {"time_to_pay": "2026-02-30T09:00:00Z"}, "time_to_pay"),
        ("/schedules", SCHEDULE | {"time_to_pay": 1790000000}, "time_to_pay"),
        (CONFIRM, {}, "payment_token"), (CONFIRM, {"payment_token": ""}, "payment_token"),
        (CONFIRM, {"payment_token": "t", "amount": 1}, "amount"),
    ],
)  # fmt: skip
async def test_every_wrong_field_is_named_and_not_repeated(path: str, body: Any, field: str) -> None:
    made = bench()
    response = await made.post(path, body)
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["field"]) == (422, "INVALID_INPUT", field)
    assert error["message_ko"]
    assert KEY not in response.text
    assert made.database.calls == []


async def test_no_token_is_401_on_every_route() -> None:
    made = bench()
    made.client.headers.pop("authorization")
    for method, path in (
        ("POST", "/billing-keys"), ("POST", "/billing-keys/issue"), ("DELETE", f"/billing-keys/{CARD_ID}"),
        ("POST", "/billing-payments"), ("POST", "/schedules"), ("DELETE", f"/schedules/{CARD_ID}"), ("POST", CONFIRM),
        ("POST", "/identity-verifications"), ("POST", f"/identity-verifications/{CARD_ID}/send"),
    ):  # fmt: skip
        assert (await made.client.request(method, path)).status_code == 401
    assert made.database.calls == []


async def test_a_refusal_says_it_in_both_languages() -> None:
    refusal = Rejected("BILLING_KEY_NOT_FOUND", "There is no such saved card.", status=404)
    response = await bench({"delete_billing_key": refusal}).client.delete(f"/billing-keys/{CARD_ID}")
    error = response.json()["error"]
    assert (response.status_code, error["message"]) == (404, "There is no such saved card.")
    assert "카드" in error["message_ko"]


async def test_browsers_may_delete_from_configured_origins() -> None:
    preflight = {"origin": "https://shop.example", "access-control-request-method": "DELETE"}
    made = bench(cors_origins="https://shop.example")
    answer = await made.client.options(f"/schedules/{CARD_ID}", headers=preflight)
    assert (answer.status_code, "DELETE" in answer.headers["access-control-allow-methods"]) == (200, True)
