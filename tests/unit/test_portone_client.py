"""What leaves for PortOne: store, quoting, encoding, exact bytes; and what each kind of silence means."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.unit.support import PAYMENT, STORE, FakePortOne, make_refund, payment, portone_payments
from worker.errors import Misconfigured, Transient
from worker.http_pool import HttpPool
from worker.model import RefundAccount
from worker.portone.client import PortOneClient, portone_timeout, quoted_key

KEY = "cancel-6c419eb8-297c-4352-994f-25ac6df35eda-1"


def test_the_key_is_a_quoted_string() -> None:
    assert quoted_key(KEY) == f'"{KEY}"'


@pytest.mark.parametrize(
    "key", ["", "short", "x" * 257, 'with"quote-0123456789', "with space 0123456789", "한글" * 10]
)
def test_a_key_portone_may_not_understand_is_never_sent(key: str) -> None:
    with pytest.raises(ValueError, match="16-256"):
        quoted_key(key)


def test_the_read_timeout_is_what_portone_asks_for() -> None:
    assert portone_timeout(65).read == 65


async def test_get_names_the_store_and_encodes_the_id() -> None:
    fake = FakePortOne(payment(id="a/b?c=d é"))
    assert await portone_payments(fake).get("a/b?c=d é") is not None
    (request,) = fake.requests
    assert request.url.raw_path == f"/payments/a%2Fb%3Fc%3Dd%20%C3%A9?storeId={STORE}".encode()
    assert request.headers["authorization"] == "PortOne " + "s" * 40
    assert request.headers["user-agent"].startswith("portone-supabase-worker/")
    assert "idempotency-key" not in request.headers


async def test_an_unknown_payment_is_none_and_a_foreign_one_is_not_believed() -> None:
    fake = FakePortOne()
    fake.payment = None
    assert await portone_payments(fake).get(PAYMENT) is None
    with pytest.raises(Transient, match="PORTONE_REPLY_UNREADABLE"):
        await portone_payments(FakePortOne(payment(id="another"))).get(PAYMENT)


async def test_pre_register_sends_the_price_of_the_database() -> None:
    fake = FakePortOne()
    fake.posts = [httpx.Response(200, json={})]
    await portone_payments(fake).pre_register(
        PAYMENT, total=11000, tax_free=0, currency="KRW", idempotency_key="prepare-0123456789"
    )
    (request,) = fake.requests
    assert request.url.path == f"/payments/{PAYMENT}/pre-register"
    assert json.loads(request.content) == {
        "storeId": STORE, "totalAmount": 11000, "currency": "KRW", "taxFreeAmount": 0,
    }  # fmt: skip
    assert request.headers["idempotency-key"] == '"prepare-0123456789"'


async def test_close_sends_the_store_as_a_parameter() -> None:
    fake = FakePortOne()
    fake.posts = [httpx.Response(200, json={"closedAt": "2026-09-01T01:00:00Z"})]
    await portone_payments(fake).close_virtual_account(PAYMENT, idempotency_key="close-0123456789abc")
    (request,) = fake.requests
    assert request.url.path == f"/payments/{PAYMENT}/virtual-account/close"
    assert request.url.params["storeId"] == STORE


async def test_the_cancel_body_is_complete_and_sent_byte_for_byte() -> None:
    fake = FakePortOne()
    fake.posts = [httpx.Response(200, json={"cancellation": {"id": "c1", "status": "REQUESTED", "new": 1}})]
    payments = portone_payments(fake)
    account = RefundAccount("SHINHAN", "110123456789", "홍길동", "01012345678")
    body = payments.cancel_body(
        make_refund(refund_account=account, tax_free_amount=100), current_cancellable=11000
    )
    reply = await payments.cancel(PAYMENT, body=body, idempotency_key=KEY)
    assert (reply.cancellation_id, reply.status) == ("c1", "REQUESTED")
    (request,) = fake.requests
    assert request.content == body
    assert request.headers["content-type"] == "application/json"
    assert json.loads(body) == {
        "storeId": STORE, "amount": 3000, "taxFreeAmount": 100, "currentCancellableAmount": 11000,
        "reason": "customer request", "requester": "ADMIN",
        "refundAccount": {
            "bank": "SHINHAN", "number": "110123456789", "holderName": "홍길동", "holderPhoneNumber": "01012345678",
        },
    }  # fmt: skip


def test_bank_details_do_not_print() -> None:
    account = RefundAccount("SHINHAN", "110123456789", "Hong", "01012345678")
    assert repr(make_refund(refund_account=account)).count("RefundAccount()") == 1


async def test_optional_parts_are_left_out() -> None:
    payments = portone_payments(FakePortOne())
    body = json.loads(
        payments.cancel_body(make_refund(tax_free_amount=None, requester="SYSTEM"), current_cancellable=5)
    )
    assert sorted(body) == ["amount", "currentCancellableAmount", "reason", "storeId"]


@pytest.mark.parametrize(
    ("error", "unknown"),
    [
        (httpx.ConnectError("x"), False), (httpx.ConnectTimeout("x"), False), (httpx.PoolTimeout("x"), False),
        (httpx.ReadTimeout("x"), True), (httpx.WriteTimeout("x"), True), (httpx.ReadError("x"), True),
        (httpx.RemoteProtocolError("x"), True), (httpx.WriteError("x"), True),
    ],
)  # fmt: skip
async def test_only_a_request_that_never_left_is_known_not_to_have_happened(
    error: Exception, unknown: bool
) -> None:
    fake = FakePortOne()
    fake.posts = [error]
    with pytest.raises(Transient) as caught:
        await portone_payments(fake).cancel(PAYMENT, body=b"{}", idempotency_key=KEY)
    assert caught.value.outcome_unknown is unknown


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"[]", b"null", b'{"cancellation":null}', b'{"cancellation":{}}']
)
async def test_an_unreadable_200_of_a_cancel_is_an_unknown_outcome(content: bytes) -> None:
    fake = FakePortOne()
    fake.posts = [httpx.Response(200, content=content)]
    with pytest.raises(Transient) as caught:
        await portone_payments(fake).cancel(PAYMENT, body=b"{}", idempotency_key=KEY)
    assert caught.value.outcome_unknown


async def test_a_redirect_is_not_followed() -> None:
    fake = FakePortOne()
    fake.gets = [httpx.Response(302, headers={"location": "https://elsewhere.test/"})]
    with pytest.raises(Transient):
        await portone_payments(fake).get(PAYMENT)
    assert len(fake.requests) == 1


async def test_an_impossible_url_is_a_setting() -> None:
    pool = HttpPool(timeout=httpx.Timeout(1), concurrency=1)
    client = PortOneClient(base_url="gopher://x", api_secret="s", store_id=STORE, pool=pool)
    with pytest.raises(Misconfigured, match="PORTONE_API_URL"):
        await client.request("GET", "payments", PAYMENT)
    await pool.aclose()
