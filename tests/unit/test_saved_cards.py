"""A saved card is believed only as PortOne tells it, belongs to one issue, is masked, and is gone only when PortOne says so."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.card_support import (
    BILLING_KEY,
    CUSTOMER,
    KEY,
    SCHEDULE,
    SCHEDULE_ID,
    card_job,
    changed,
    saved_card,
)
from tests.unit.support import SECOND_STORE, STORE, FakePortOne, make_deps, problem
from worker.errors import Transient
from worker.operations.delete_billing_key import delete_billing_key
from worker.operations.register_billing_key import register_billing_key
from worker.operations.sync_billing_key import sync_billing_key
from worker.portone.billing_key_reading import mask_number, read_billing_key

DELETED = changed(BILLING_KEY, status="DELETED", deletedAt="2026-09-02T00:00:00Z")
LIVE = {"type": "LIVE", "key": "channel-key-live", "pgProvider": "KCP", "pgMerchantId": "x"}


def answers(*bodies: Any) -> FakePortOne:
    """Return a PortOne whose reads answer these, one after the other."""
    fake = FakePortOne()
    fake.gets = [
        body if isinstance(body, httpx.Response) else httpx.Response(200, json=body) for body in bodies
    ]
    return fake


NOT_FOUND = "BILLING_KEY_NOT_FOUND"


async def test_a_key_of_this_users_issue_is_handed_over_masked() -> None:
    fake = answers(BILLING_KEY)
    outcome = await register_billing_key(make_deps(portone=fake), card_job("register_billing_key"))
    assert fake.requests[0].url.path == f"/billing-keys/{KEY}"
    assert fake.requests[0].url.params["storeId"] == STORE
    assert outcome.verdict == "done"
    assert outcome.to_json()["billing_key"] == {
        "billing_key": KEY, "status": "ISSUED", "store_id": STORE, "issue_id": BILLING_KEY["issueId"],
        "customer_id": CUSTOMER, "issued_at": "2026-09-01T01:00:00Z", "deleted_at": None,
        "channels": [{"kind": "TEST", "key": "channel-key-billing", "pg_provider": "TOSSPAYMENTS"}],
        "card": {
            "issuer": "SHINHAN_CARD", "brand": "LOCAL", "card_type": "CREDIT", "number_masked": "433012******1234",
            "expiry_year": None, "expiry_month": None,
        },
        "pay_method": "CARD",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "card", "code"),
    [
        ({"issueId": "iss-of-somebody-else"}, {}, "BILLING_KEY_NOT_YOURS"),
        ({"issueId": None}, {}, "BILLING_KEY_NOT_YOURS"),
        ({"storeId": SECOND_STORE}, {}, "BILLING_KEY_NOT_YOURS"),
        ({"customer": {"id": "stranger"}}, {"customer_id": CUSTOMER}, "BILLING_KEY_NOT_YOURS"),
        ({"status": "DELETED"}, {}, "BILLING_KEY_ALREADY_DELETED"),
        ({"status": "TOMORROW"}, {}, "BILLING_KEY_ALREADY_DELETED"),
        ({"channels": [LIVE]}, {}, "CHANNEL_KIND_MISMATCH"),
        ({"channels": []}, {}, "CHANNEL_KIND_MISMATCH"),
    ],
)  # fmt: skip
async def test_a_key_that_is_not_provably_theirs_is_not_handed_over(
    change: dict[str, Any], card: dict[str, Any], code: str
) -> None:
    fake = answers(changed(BILLING_KEY, **change))
    job = card_job("register_billing_key", card=saved_card(**card))
    outcome = await register_billing_key(make_deps(portone=fake), job)
    assert (outcome.verdict, (outcome.error or {})["code"]) == ("failed", code)
    assert outcome.billing_key is None
    assert KEY not in json.dumps(outcome.to_json())


async def test_a_key_portone_does_not_know_is_asked_for_a_few_times() -> None:
    verdicts = []
    for failures in range(4):
        job = card_job("register_billing_key", failures=failures)
        outcome = await register_billing_key(make_deps(portone=answers(problem(404, NOT_FOUND))), job)
        verdicts.append((outcome.verdict, outcome.not_found))
    assert verdicts == [("retry", True), ("retry", True), ("failed", True), ("failed", True)]


async def test_only_channels_of_this_shops_kind_are_handed_over() -> None:
    both = changed(BILLING_KEY, channels=[LIVE, *BILLING_KEY["channels"]])
    for operation, kind in ((register_billing_key, "register"), (sync_billing_key, "sync")):
        outcome = await operation(make_deps(portone=answers(both)), card_job(f"{kind}_billing_key"))
        assert outcome.billing_key is not None
        channels: Any = outcome.billing_key.data["channels"]
        assert [channel["key"] for channel in channels] == ["channel-key-billing"]


@pytest.mark.parametrize(
    ("answer", "verdict", "deleted"),
    [
        (BILLING_KEY, "done", False), (DELETED, "done", True), (problem(404, NOT_FOUND), "done", True),
        (changed(BILLING_KEY, channels=[LIVE]), "dead", False), (problem(403, "FORBIDDEN"), "dead", False),
    ],
)  # fmt: skip
async def test_sync_says_what_is_true(answer: Any, verdict: str, deleted: bool) -> None:
    job = card_job("sync_billing_key", card=saved_card(id=None, user_id=None, issue_id=None))
    outcome = await sync_billing_key(make_deps(portone=answers(answer)), job)
    assert (outcome.verdict, outcome.deleted) == (verdict, deleted)
    assert (outcome.billing_key is not None) == (answer in (BILLING_KEY, DELETED))


async def test_deleting_revokes_deletes_and_reads_back() -> None:
    revoked = changed(SCHEDULE, status="REVOKED", revokedAt="2026-09-02T00:00:00Z")
    fake = answers(DELETED, revoked)
    fake.posts = [
        httpx.Response(200, json={"revokedScheduleIds": [SCHEDULE_ID]}),
        httpx.Response(200, json={"deletedAt": "2026-09-02T00:00:00Z"}),
    ]
    job = card_job("delete_billing_key", schedule_ids=(SCHEDULE_ID,))
    outcome = await delete_billing_key(make_deps(portone=fake), job)
    revoke, delete, *_ = fake.requests
    assert (revoke.method, revoke.url.path) == ("DELETE", "/payment-schedules")
    assert json.loads(revoke.url.params["requestBody"]) == {"storeId": STORE, "billingKey": KEY}
    assert (delete.method, delete.url.path) == ("DELETE", f"/billing-keys/{KEY}")
    assert dict(delete.url.params) == {
        "storeId": STORE,
        "reason": "Deleted by the customer",
        "requester": "CUSTOMER",
    }
    assert (outcome.verdict, outcome.deleted) == ("done", True)
    assert [schedule.status for schedule in outcome.schedules] == ["REVOKED"]


async def test_a_schedule_nobody_told_us_about_is_revoked_too() -> None:
    fake = answers(DELETED)
    fake.posts = [
        problem(409, "PAYMENT_SCHEDULE_ALREADY_EXISTS"),
        httpx.Response(200, json={"revokedScheduleIds": ["x"]}),
        httpx.Response(200, json={"deletedAt": "2026-09-02T00:00:00Z"}),
    ]
    outcome = await delete_billing_key(make_deps(portone=fake), card_job("delete_billing_key"))
    paths = [request.url.path for request in fake.sent("DELETE")]
    assert paths == [f"/billing-keys/{KEY}", "/payment-schedules", f"/billing-keys/{KEY}"]
    keys = [request.headers["idempotency-key"] for request in fake.sent("DELETE")]
    assert len(set(keys)) == 3, "a stored refusal must not answer for the second try"
    assert outcome.verdict == "done"


@pytest.mark.parametrize(
    "code", ["BILLING_KEY_ALREADY_DELETED", "BILLING_KEY_NOT_FOUND", "BILLING_KEY_NOT_ISSUED"]
)
async def test_a_key_that_is_gone_already_is_what_was_asked_for(code: str) -> None:
    fake = answers(problem(404, NOT_FOUND))
    fake.posts = [problem(409 if "ALREADY" in code else 404, code)]
    outcome = await delete_billing_key(make_deps(portone=fake), card_job("delete_billing_key"))
    assert (outcome.verdict, outcome.deleted) == ("done", True)


async def test_a_refused_deletion_leaves_the_card() -> None:
    fake = answers(BILLING_KEY)
    fake.posts = [problem(502, "PG_PROVIDER", pgCode="N1", pgMessage="no")]
    outcome = await delete_billing_key(make_deps(portone=fake), card_job("delete_billing_key"))
    assert (outcome.verdict, outcome.deleted, (outcome.error or {})["pg_code"]) == ("failed", False, "N1")


async def test_of_a_channel_group_the_first_refusal_is_told() -> None:
    failures = [{"type": "INVALID_REQUEST", "channel": {}},
                {"type": "PG_PROVIDER", "channel": {}, "pgCode": "G2", "pgMessage": "later"}]  # fmt: skip
    fake = answers(BILLING_KEY)
    fake.posts = [problem(502, "CHANNEL_SPECIFIC", failures=failures, succeededChannels=[])]
    outcome = await delete_billing_key(make_deps(portone=fake), card_job("delete_billing_key"))
    assert (outcome.verdict, (outcome.error or {})["pg_message"]) == ("failed", "later")


async def test_deleted_is_believed_only_when_it_is_read() -> None:
    fake = answers(BILLING_KEY)
    fake.posts = [httpx.Response(200, json={"deletedAt": "2026-09-02T00:00:00Z"})]
    outcome = await delete_billing_key(make_deps(portone=fake), card_job("delete_billing_key"))
    assert (outcome.verdict, outcome.deleted) == ("retry", False)


async def test_each_run_asks_under_a_key_of_its_own() -> None:
    keys = set()
    for claim in (1, 2):
        fake = answers(problem(404, NOT_FOUND))
        fake.posts = [problem(404, NOT_FOUND)]
        await delete_billing_key(make_deps(portone=fake), card_job("delete_billing_key", claim=claim))
        keys.add(fake.sent("DELETE")[0].headers["idempotency-key"])
    assert len(keys) == 2


async def test_a_card_never_registered_is_deleted_without_portone() -> None:
    fake = FakePortOne()
    job = card_job("delete_billing_key", card=saved_card(billing_key=None))
    outcome = await delete_billing_key(make_deps(portone=fake), job)
    assert (outcome.verdict, outcome.deleted, fake.requests) == ("done", True, [])


async def test_an_answer_about_another_key_is_not_believed() -> None:
    fake = answers(changed(BILLING_KEY, billingKey="billing-key-of-somebody-else"))
    with pytest.raises(Transient, match="PORTONE_REPLY_UNREADABLE") as caught:
        await sync_billing_key(make_deps(portone=fake), card_job("sync_billing_key"))
    assert "billing-key-" not in str(caught.value)


def test_the_key_does_not_print() -> None:
    assert KEY not in repr(card_job("charge_billing_key"))
    reading = read_billing_key(BILLING_KEY)
    assert KEY not in repr(reading)


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("433012******1234", "433012******1234"), ("4330123456781234", "433012******1234"),
        ("4330-1234-5678-1234", "433012******1234"), ("43301234****1234", "433012******1234"),
        ("379912345678905", "379912*****8905"), ("1234", "****1234"), ("", None), (None, None),
        ("****1234", "****1234"), ("123456789", "*****6789"), ("\uff14" * 16, "*" * 16),
    ],
)  # fmt: skip
def test_a_card_number_is_masked_whatever_portone_sends(number: str | None, masked: str | None) -> None:
    assert mask_number(number) == masked


@given(st.text(alphabet="0123456789*- ・X\uff11", max_size=40) | st.text(max_size=40))
def test_no_number_gets_through(number: str) -> None:
    masked = mask_number(number)
    if masked is not None:
        assert "*" in masked
        assert re.search(r"[0-9]{9,}", masked) is None
        assert len(re.sub(r"[^0-9]", "", masked)) <= 10


@pytest.mark.parametrize(
    ("methods", "pay_method", "number"),
    [
        ([], None, None), (None, None, None), ("x", None, None), ([{"type": "Tomorrow"}], None, None),
        ([{"type": "BillingKeyPaymentMethodPaypal"}], "PAYPAL", None),
        ([{"type": "BillingKeyPaymentMethodMobile", "phoneNumber": "01012345678"}], "MOBILE", None),
        ([{"type": "BillingKeyPaymentMethodTransfer", "accountNumber": "1102345678"}], "TRANSFER", None),
        ([{"type": "BillingKeyPaymentMethodCard"}], "CARD", None),
        ([{"type": "BillingKeyPaymentMethodEasyPay", "provider": "KAKAOPAY",
           "method": {"type": "BillingKeyPaymentMethodCard", "card": {"number": "4330123456781234"}}}],
         "EASY_PAY", "433012******1234"),
    ],
)  # fmt: skip
def test_every_method_can_be_read(methods: Any, pay_method: str | None, number: str | None) -> None:
    reading = read_billing_key(changed(BILLING_KEY) | {"methods": methods})
    assert reading is not None
    card: Any = reading.data["card"]
    assert reading.data["pay_method"] == pay_method
    assert (card or {}).get("number_masked") == number
    text = json.dumps(reading.data)
    assert "01012345678" not in text, "the customer's phone number is not ours to keep"
    assert "1102345678" not in text


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=6),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
            st.sampled_from([*BILLING_KEY, "card", "number", "type", "method", "id"]), inner),
        max_leaves=12,
    )
)  # fmt: skip
def test_any_json_can_be_read(body: Any) -> None:
    read_billing_key(body)
    if isinstance(body, dict):
        assert read_billing_key(BILLING_KEY | body | {"billingKey": KEY, "status": "ISSUED"}) is not None
