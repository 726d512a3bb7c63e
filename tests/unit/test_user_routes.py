"""The user routes: the caller's own token goes on, every field is checked, every refusal says field and fix."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.unit.support import JWT, OPERATION, PAYMENT, script
from tests.unit.web_support import CANCEL, DONE, EXPIRED, FAILED, GONE, GOOD_PAYMENT, Bench
from worker.errors import Misconfigured, Rejected


async def test_a_payment_is_asked_for_as_the_user() -> None:
    bench = Bench()
    response = await bench.post("/payments", {"order_id": "o1", "pay_method": "CARD"})
    assert (response.status_code, response.json()) == (200, DONE)
    assert response.headers["preference-applied"] == "wait=15"
    (given,) = bench.database.named("request_payment")
    assert given.pop("idempotency_key").startswith("http-")
    assert given == {"order_id": "o1", "pay_method": "CARD"}
    assert bench.database.tokens == [JWT]


async def test_completion_needs_no_body() -> None:
    bench = Bench()
    bodies: list[dict[str, Any]] = [{}, {"json": {}}, {"json": {"idempotency_key": "12345678"}}]
    for kwargs in bodies:
        response = await bench.client.post(f"/payments/{PAYMENT}/complete", **kwargs)
        assert response.status_code == 200
    calls = bench.database.named("request_completion")
    assert [call["payment_id"] for call in calls] == [PAYMENT] * 3
    assert calls[2]["idempotency_key"] == "12345678"
    assert len({call["idempotency_key"] for call in calls}) == 3


async def test_a_lost_reply_is_repeated_under_the_same_key() -> None:
    bench = Bench({"request_cancellation": script(GONE, DONE)})
    assert (await bench.post(CANCEL, {"reason": "r", "amount": 1})).status_code == 200
    first, second = bench.database.named("request_cancellation")
    assert first == second
    assert len(first["idempotency_key"]) >= 16


async def test_cancellation_passes_every_field_on() -> None:
    bench = Bench()
    account = {
        "bank": "KAKAO",
        "number": "110123456789",
        "holder_name": " 홍길동 ",
        "holder_phone_number": "01012345678",
    }
    body = {
        "amount": 700,
        "reason": "변심",
        "refund_account": account,
        "tax_free_amount": 0,
        "idempotency_key": "k" * 8,
    }
    assert (await bench.post(CANCEL, body)).status_code == 200
    assert bench.database.named("request_cancellation") == [
        {
            "payment_id": PAYMENT, "amount": 700, "reason": "변심", "refund_bank": "KAKAO",
            "refund_account_number": "110123456789", "refund_account_holder": "홍길동",
            "refund_account_phone": "01012345678", "idempotency_key": "k" * 8, "tax_free_amount": 0,
        }
    ]  # fmt: skip


async def test_a_failed_operation_is_a_finished_one() -> None:
    response = await Bench({"request_cancellation": FAILED}).post(CANCEL, {"reason": "r"})
    assert (response.status_code, response.json()["error"]["code"]) == (200, "PG_PROVIDER")


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer nonsense",
        f"Basic {JWT}",
        f"Bearer {JWT} x",
        "Bearer sb_secret_0123456789",
        f"Bearer {JWT}\u00e9",
    ],
)
async def test_no_token_is_401_before_anything_else(header: str | None) -> None:
    bench = Bench()
    headers = [] if header is None else [(b"authorization", header.encode("latin-1"))]
    async with httpx.AsyncClient(transport=bench.client._transport, base_url="http://test") as client:
        for response in (
            await client.post("/payments", content=b"{broken", headers=headers),
            await client.post(
                "/payments", json={"nonsense": 1}, headers=[*headers, (b"apikey", b"sb_secret_x")]
            ),
            await client.get(f"/operations/{OPERATION}", headers=headers),
        ):
            assert (response.status_code, response.json()["error"]["code"]) == (401, "TOKEN_REQUIRED")
            assert response.headers["www-authenticate"] == "Bearer"
    assert bench.database.calls == []


async def test_a_token_postgrest_refuses_is_401() -> None:
    response = await Bench({"request_payment": EXPIRED}).post(
        "/payments", {"order_id": "o", "pay_method": "CARD"}
    )
    assert (response.status_code, response.json()["error"]["code"]) == (401, "INVALID_TOKEN")


GOOD_ACCOUNT = {"bank": "KAKAO", "number": "110123456789", "holder_name": "Hong"}


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/payments", {}, "order_id"),
        ("/payments", {"order_id": "o1"}, "pay_method"),
        ("/payments", GOOD_PAYMENT | {"order_id": ""}, "order_id"),
        ("/payments", GOOD_PAYMENT | {"order_id": "x" * 201}, "order_id"),
        ("/payments", GOOD_PAYMENT | {"order_id": "a\x00b"}, "order_id"),
        ("/payments", GOOD_PAYMENT | {"order_id": 1}, "order_id"),
        ("/payments", GOOD_PAYMENT | {"pay_method": "BITCOIN"}, "pay_method"),
        ("/payments", GOOD_PAYMENT | {"amount": 1}, "amount"),
        ("/payments", GOOD_PAYMENT | {"idempotency_key": "short"}, "idempotency_key"),
        ("/payments", GOOD_PAYMENT | {"idempotency_key": "with a space"}, "idempotency_key"),
        ("/payments", [], "body"),
        ("/payments", "x", "body"),
        (f"/payments/{PAYMENT}/complete", {"amount": 1}, "amount"),
        (CANCEL, {}, "reason"),
        (CANCEL, {"reason": "  "}, "reason"),
        (CANCEL, {"reason": "x" * 501}, "reason"),
        (CANCEL, {"reason": "r", "amount": 0}, "amount"),
        (CANCEL, {"reason": "r", "amount": -1}, "amount"),
        (CANCEL, {"reason": "r", "amount": 2**31}, "amount"),
        (CANCEL, {"reason": "r", "amount": 10.0}, "amount"),
        (CANCEL, {"reason": "r", "amount": "10"}, "amount"),
        (CANCEL, {"reason": "r", "amount": True}, "amount"),
        (CANCEL, {"reason": "r", "tax_free_amount": -1}, "tax_free_amount"),
        (CANCEL, {"reason": "r", "refund_account": {}}, "refund_account.bank"),
        (
            CANCEL,
            {"reason": "r", "refund_account": GOOD_ACCOUNT | {"bank": "kakao bank"}},
            "refund_account.bank",
        ),
        (
            CANCEL,
            {"reason": "r", "refund_account": GOOD_ACCOUNT | {"number": "110-123-456"}},
            "refund_account.number",
        ),
        (
            CANCEL,
            {"reason": "r", "refund_account": GOOD_ACCOUNT | {"holder_name": ""}},
            "refund_account.holder_name",
        ),
        (
            CANCEL,
            {"reason": "r", "refund_account": GOOD_ACCOUNT | {"holder_phone_number": "010-1"}},
            "refund_account.holder_phone_number",
        ),
        (CANCEL, {"reason": "r", "refund_account": GOOD_ACCOUNT | {"pin": "1"}}, "refund_account.pin"),
    ],
)
async def test_every_wrong_field_is_named(path: str, body: Any, field: str) -> None:
    bench = Bench()
    response = await bench.post(path, body)
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["field"]) == (422, "INVALID_INPUT", field)
    assert error["message"].startswith(f"{field}: ")
    assert bench.database.calls == []


async def test_a_refused_value_is_not_repeated() -> None:
    account = GOOD_ACCOUNT | {"number": "SECRETNUMBER"}
    assert "SECRETNUMBER" not in (await Bench().post(CANCEL, {"reason": "r", "refund_account": account})).text


async def test_several_problems_are_all_listed() -> None:
    error = (await Bench().post("/payments", {"amount": 1})).json()["error"]
    assert {problem["field"] for problem in error["problems"]} == {"order_id", "pay_method", "amount"}
    assert all("hint" in problem for problem in error["problems"])


async def test_no_route_reads_a_body_of_somebody_without_a_token() -> None:
    """Guarded by a list of prefixes: a route that is new must be among them."""
    bench = Bench()
    document = (await bench.client.get("/openapi.json")).json()
    routes = [
        (method, path)
        for path, methods in document["paths"].items()
        for method in methods
        if not path.startswith(("/health/", "/webhooks/"))
    ]
    assert len(routes) > 15
    for method, path in routes:
        where = path.replace("{", "").replace("}", "")
        for authorization, status in (("", 401), (f"Bearer {JWT}", 413)):
            answer = await bench.client.request(
                method, where, content=b"x" * 65_537, headers={"authorization": authorization}
            )
            assert (answer.status_code, path) == (status, path)
    assert bench.database.calls == []


async def test_broken_json_wrong_type_and_size() -> None:
    bench = Bench()
    json_type = {"content-type": "application/json"}
    broken = await bench.client.post("/payments", content=b'{"order_id": ', headers=json_type)
    assert (broken.status_code, broken.json()["error"]["field"]) == (422, "body")
    form = await bench.client.post("/payments", data={"order_id": "o1"})
    assert (form.status_code, form.json()["error"]["field"]) == (415, "Content-Type")
    large = await bench.client.post("/payments", content=b" " * 65537, headers=json_type)
    assert large.status_code == 413
    deep = await bench.client.post("/payments", content=b"[" * 60000, headers=json_type)
    assert (deep.status_code, deep.json()["error"]["code"]) == (400, "BODY_UNREADABLE")
    assert bench.database.calls == []


@pytest.mark.parametrize("status", [403, 404, 409, 422, 429])
async def test_a_refusal_of_the_database_keeps_its_status_field_and_hint(status: int) -> None:
    refusal = Rejected(
        "SOME_CODE", "A sentence.", status=status, extra={"field": "amount", "max": 700, "hint": "Less."}
    )
    response = await Bench({"request_cancellation": refusal}).post(CANCEL, {"reason": "r"})
    assert response.status_code == status
    assert response.json() == {
        "error": {
            "code": "SOME_CODE",
            "message": "A sentence.",
            "field": "amount",
            "max": 700,
            "hint": "Less.",
        }
    }


@pytest.mark.parametrize("error", [GONE, Misconfigured("DATABASE_FUNCTION_MISSING", "secret detail")])
async def test_an_outage_is_503_with_retry_after_and_no_detail(error: Exception) -> None:
    response = await Bench({"request_payment": error}).post("/payments", GOOD_PAYMENT)
    assert response.status_code == 503
    assert response.headers["retry-after"] == "5"
    assert "secret detail" not in response.text


async def test_a_bug_is_500_without_detail() -> None:
    response = await Bench({"request_payment": RuntimeError("secret detail")}).post("/payments", GOOD_PAYMENT)
    assert (response.status_code, response.json()["error"]["code"]) == (500, "INTERNAL_ERROR")
    assert "secret detail" not in response.text


@pytest.mark.parametrize("identifier", ["1", "x" * 300, "8022807d-d50c-477e-88d5-2008fbb10e5", "%00"])
async def test_an_operation_id_that_is_none_is_404(identifier: str) -> None:
    response = await Bench().client.get(f"/operations/{identifier}")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "OPERATION_NOT_FOUND")


async def test_unknown_paths_and_methods_are_json_too() -> None:
    bench = Bench()
    assert (await bench.client.get("/nowhere")).json()["error"]["code"] == "NOT_FOUND"
    assert (await bench.client.get("/payments")).status_code == 405


async def test_browsers_are_let_in_only_from_configured_origins() -> None:
    preflight = {"origin": "https://shop.example", "access-control-request-method": "POST"}
    open_bench = Bench(cors_origins="https://shop.example")
    answer = await open_bench.client.options("/payments", headers=preflight)
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    refused = await open_bench.client.options(
        "/payments", headers=preflight | {"origin": "https://evil.example"}
    )
    assert "access-control-allow-origin" not in refused.headers
    no_token = httpx.AsyncClient(transport=open_bench.client._transport, base_url="http://test")
    unauthorized = await no_token.post("/payments", json={}, headers={"origin": "https://shop.example"})
    assert (unauthorized.status_code, unauthorized.headers["access-control-allow-origin"]) == (
        401,
        "https://shop.example",
    )
    closed = await Bench().client.options("/payments", headers=preflight)
    assert "access-control-allow-origin" not in closed.headers
