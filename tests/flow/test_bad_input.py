"""Bad input of every user route: the status fits, the error names the field and the fix, nothing changes."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from sandbox.demo.shopper import Shopper

if TYPE_CHECKING:
    from sandbox.demo.shopper import Reply
    from sandbox.demo.world import Purchase, World

ORDER = {"order_id": "00000000-0000-4000-8000-000000000000", "pay_method": "CARD"}
UNKNOWN = "payunknown0000000000000000000000"


def _says_how_to_fix(reply: Reply) -> bool:
    error = reply.error
    return bool(error["message"]) and bool(error.get("hint") or "should" in error["message"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"pay_method": "CARD"}, "order_id"),
        ({"order_id": ORDER["order_id"]}, "pay_method"),
        ({**ORDER, "order_id": 7}, "order_id"),
        ({**ORDER, "order_id": ""}, "order_id"),
        ({**ORDER, "order_id": "x" * 201}, "order_id"),
        ({**ORDER, "order_id": "a\u0000b"}, "order_id"),
        ({**ORDER, "pay_method": "BARTER"}, "pay_method"),
        ({**ORDER, "pay_method": None}, "pay_method"),
        ({**ORDER, "amount": 1}, "amount"),
        ({**ORDER, "idempotency_key": "short"}, "idempotency_key"),
        ({**ORDER, "idempotency_key": "has spaces in it"}, "idempotency_key"),
        ([], "body"),
        ("text", "body"),
        (None, "body"),
    ],
    ids=str,
)
def test_payments_names_the_wrong_field(world: World, mina: Shopper, body: Any, field: str) -> None:
    refused = mina.post("/payments", body)
    assert (refused.status, refused.error["field"]) == (422, field)
    assert _says_how_to_fix(refused)


@pytest.fixture(scope="module")
def paid(flow_world: World) -> Purchase:
    return flow_world.paid(flow_world.customer(), 5_000)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "reason"),
        ({"reason": ""}, "reason"),
        ({"reason": "   "}, "reason"),
        ({"reason": "r" * 501}, "reason"),
        ({"reason": "r" * 201}, "reason"),
        ({"reason": "line\nline"}, "reason"),
        ({"reason": 5}, "reason"),
        ({"reason": "r", "amount": 0}, "amount"),
        ({"reason": "r", "amount": -1}, "amount"),
        ({"reason": "r", "amount": 1.5}, "amount"),
        ({"reason": "r", "amount": "100"}, "amount"),
        ({"reason": "r", "amount": True}, "amount"),
        ({"reason": "r", "amount": 2**31}, "amount"),
        ({"reason": "r", "tax_free_amount": -1}, "tax_free_amount"),
        ({"reason": "r", "refund_account": "KOOKMIN 1234"}, "refund_account"),
        ({"reason": "r", "refund_account": {}}, "refund_account.bank"),
        ({"reason": "r", "requester": "ADMIN"}, "requester"),
        ({"reason": "r", "idempotency_key": "k"}, "idempotency_key"),
        ([1], "body"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_cancel_names_the_wrong_field(world: World, paid: Purchase, body: Any, field: str) -> None:
    refused = world.admin.post(f"/payments/{paid.payment_id}/cancel", body)
    assert (refused.status, refused.error["field"]) == (422, field)
    assert _says_how_to_fix(refused)
    assert world.books.amounts(paid.payment_id) == (5_000, 0, 0, 5_000)
    assert world.cancel_calls(paid) == []


def test_complete_names_the_wrong_field(world: World, paid: Purchase) -> None:
    for body, field in (
        ({"idempotency_key": "k"}, "idempotency_key"),
        ({"status": "paid"}, "status"),
        ([], "body"),
    ):
        refused = world.admin.post(f"/payments/{paid.payment_id}/complete", body)
        assert (refused.status, refused.error["field"]) == (422, field)
        assert _says_how_to_fix(refused)


@pytest.mark.parametrize(
    "path", ["/payments", f"/payments/{UNKNOWN}/complete", f"/payments/{UNKNOWN}/cancel"]
)
class TestBodies:
    def test_oversized_is_413(self, mina: Shopper, path: str) -> None:
        refused = mina.post(
            path,
            content=b'{"reason":"' + b"x" * (64 * 1024) + b'"}',
            headers={"content-type": "application/json"},
        )
        assert (refused.status, refused.code) == (413, "BODY_TOO_LARGE")

    def test_oversized_without_a_length_is_413(self, mina: Shopper, path: str) -> None:
        chunks = iter([b'{"reason":"', *[b"x" * 8192] * 12])
        refused = mina.post(path, content=chunks, headers={"content-type": "application/json"})
        assert refused.status == 413

    def test_another_type_is_415(self, mina: Shopper, path: str) -> None:
        refused = mina.post(
            path, content=b"reason=r", headers={"content-type": "application/x-www-form-urlencoded"}
        )
        assert (refused.status, refused.error["field"]) == (415, "Content-Type")

    def test_broken_json_is_refused(self, mina: Shopper, path: str) -> None:
        refused = mina.post(path, content=b'{"reason":', headers={"content-type": "application/json"})
        assert (refused.status, refused.error["field"]) == (422, "body")

    def test_no_token_is_401(self, world: World, path: str) -> None:
        refused = world.anon.post(path, {})
        assert (refused.status, refused.error["field"]) == (401, "Authorization")
        assert refused.headers["www-authenticate"] == "Bearer"


def test_unknown_things_are_404(world: World, mina: Shopper) -> None:
    replies = {
        "ORDER_NOT_FOUND": mina.pay(str(uuid.uuid4())),
        "PAYMENT_NOT_FOUND": mina.complete(UNKNOWN),
        "OPERATION_NOT_FOUND": mina.operation(str(uuid.uuid4())),
        "NOT_FOUND": mina.get("/payments/x/y/z"),
    }
    assert {code: (reply.status, reply.code) for code, reply in replies.items()} == {
        code: (404, code) for code in replies
    }
    assert world.admin.cancel(UNKNOWN, 1).code == "PAYMENT_NOT_FOUND"
    assert mina.operation("not-an-id").code == "OPERATION_NOT_FOUND"
    assert mina.pay("not-an-id").code == "ORDER_NOT_FOUND"


def test_what_belongs_to_somebody_else_is_404_and_looks_like_nothing(
    world: World, mina: Shopper, paid: Purchase
) -> None:
    operation = world.admin.complete(paid.payment_id).body["id"]
    pairs = [
        (mina.complete(paid.payment_id), mina.complete(UNKNOWN)),
        (mina.cancel(paid.payment_id, 1), mina.cancel(UNKNOWN, 1)),
        (mina.pay(paid.order_id), mina.pay(str(uuid.uuid4()))),
        (mina.operation(operation), mina.operation(str(uuid.uuid4()))),
    ]
    for theirs, nothing in pairs:
        assert theirs.status == 404
        assert (theirs.status, theirs.body) == (nothing.status, nothing.body)


def _with_token(world: World, token: str) -> Shopper:
    return Shopper(world.stack.endpoint, world.stack.worker_url, token=token)


def test_an_expired_token_is_401(world: World, mina: Shopper) -> None:
    expired = _with_token(world, world.stack.supabase.mint_jwt(mina.user_id, ttl_seconds=-60))
    for reply in (
        expired.pay(ORDER["order_id"]),
        expired.complete(UNKNOWN),
        expired.cancel(UNKNOWN, 1),
        expired.operation(str(uuid.uuid4())),
    ):
        assert reply.status == 401, reply
    expired.close()


def test_a_token_of_another_project_is_401(world: World, mina: Shopper) -> None:
    assert mina.token is not None
    head, claims, signature = mina.token.split(".")
    forged = _with_token(world, f"{head}.{claims}.{signature[:-6]}AAAAAA")
    assert forged.complete(UNKNOWN).status == 401
    forged.close()


def test_an_api_key_is_no_user(world: World) -> None:
    endpoint = world.stack.endpoint
    for key in (endpoint.secret_key, endpoint.publishable_key):
        for headers in ({"apikey": key}, {"authorization": f"Bearer {key}"}):
            reply = httpx.post(f"{world.stack.worker_url}/payments", json=ORDER, headers=headers, timeout=10)
            assert reply.status_code == 401, headers


def test_a_service_role_token_is_no_way_around(world: World, paid: Purchase) -> None:
    """Whoever calls, the worker lends nobody its own rights."""
    reply = world.anon.rpc("claim_jobs", worker="me", max=1, lease_seconds=60)
    assert reply.status in (401, 403, 404)
    for function, arguments in (
        ("settle_jobs", {"outcomes": []}), ("record_webhooks", {"webhooks": []}), ("queue_stats", {}),
    ):  # fmt: skip
        refused = world.admin.rpc(function, **arguments)
        assert refused.status in (403, 404), (function, refused)
