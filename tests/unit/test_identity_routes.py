"""Identity checks over HTTP: asked of the database first, then of PortOne; what a person types reaches nobody else."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
import structlog
from starlette.requests import Request

from tests.unit.card_support import CI, HASH_KEY, IDENTITY, IDENTITY_ID, VERIFIED
from tests.unit.support import JWT, SECOND_STORE, STORE, FakePortOne, portone_stores, problem
from tests.unit.web_support import AUTH, DONE, Bench
from worker.deps import Deps
from worker.errors import Rejected
from worker.web.address import client_address
from worker.web.app import create_app

BEGUN = {
    "id": IDENTITY_ID, "identityVerificationId": IDENTITY, "storeId": None, "channelKey": None,
    "expiresAt": "2026-09-01T02:00:00.000000Z",
}  # fmt: skip
PATH = f"/identity-verifications/{IDENTITY_ID}"
SEND = {
    "name": "홍길동",
    "phone_number": "01012345678",
    "operator": "SKT",
    "method": "SMS",
    "identity_number": "0002293",
}
SETTINGS = {"portone_identity_channel": "channel-key-danal", "identity_hash_key": HASH_KEY}


class Identity:
    """The whole app over a scripted database and a scripted PortOne."""

    def __init__(self, answers: dict[str, Any] | None = None, **settings: Any) -> None:
        every = {
            "request_identity_verification": BEGUN, "authorize_identity_call": BEGUN,
            "complete_identity_verification": DONE,
        }  # fmt: skip
        made = Bench(every | (answers or {}), **(SETTINGS | settings))
        self.database = made.database
        self.portone = FakePortOne()
        old = made.deps
        deps = Deps(
            settings=old.settings, stores=portone_stores(self.portone), queue=old.queue, webhooks=old.webhooks,
            users=old.users, vault=old.vault, reconciliation=old.reconciliation, desk=old.desk, installations=old.installations, operator=old.operator, sealer=old.sealer,
        )  # fmt: skip
        transport = httpx.ASGITransport(
            create_app(deps), raise_app_exceptions=False, client=("203.0.113.9", 1)
        )
        self.client = httpx.AsyncClient(transport=transport, base_url="http://test", headers=AUTH)

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """POST JSON."""
        return await self.client.post(path, json=body, headers=headers)


def ok(body: Any = None) -> httpx.Response:
    """Return a 200 of PortOne."""
    return httpx.Response(200, json={} if body is None else body)


async def test_a_check_begins_with_consent_and_a_hashed_address() -> None:
    made = Identity()
    response = await made.post("/identity-verifications", {"purpose": "signup", "consent": True})
    assert (response.status_code, response.json()) == (
        200,
        BEGUN | {"storeId": STORE, "channelKey": "channel-key-danal"},
    )
    (given,) = made.database.named("request_identity_verification")
    assert len(given.pop("address_hash")) == 64
    assert given == {"purpose": "signup", "consent": True}
    assert made.database.tokens == [JWT]


async def test_the_same_address_hashes_alike_and_never_reads_as_itself() -> None:
    made = Identity()
    for _ in range(2):
        await made.post("/identity-verifications", {"purpose": "signup", "consent": True})
    first, second = (call["address_hash"] for call in made.database.named("request_identity_verification"))
    assert first == second
    assert "203.0.113.9" not in json.dumps(made.database.calls)


async def test_completing_enqueues_and_waits() -> None:
    made = Identity()
    response = await made.post(f"{PATH}/complete", {"idempotency_key": "12345678"})
    assert (response.status_code, response.json()) == (200, DONE)
    assert made.database.named("complete_identity_verification") == [
        {"id": IDENTITY_ID, "idempotency_key": "12345678"}
    ]
    assert made.portone.requests == []


async def test_a_code_is_sent_only_after_the_database_allowed_it() -> None:
    made = Identity()
    made.portone.posts = [ok()]
    response = await made.post(f"{PATH}/send", SEND)
    assert (response.status_code, response.json()) == (200, {"id": IDENTITY_ID, "step": "sent"})
    (allowed,) = made.database.named("authorize_identity_call")
    assert (allowed["id"], allowed["step"], len(allowed["address_hash"])) == (IDENTITY_ID, "send", 64)
    (request,) = made.portone.requests
    assert request.url.path == f"/identity-verifications/{IDENTITY}/send"
    assert json.loads(request.content) == {
        "storeId": STORE, "channelKey": "channel-key-danal",
        "customer": {"name": "홍길동", "phoneNumber": "01012345678", "identityNumber": "0002293",
                     "ipAddress": "203.0.113.9"},
        "operator": "SKT", "method": "SMS",
    }  # fmt: skip


async def test_a_refusal_of_the_database_sends_nothing() -> None:
    refusal = Rejected("TOO_MANY_REQUESTS", "Too many.", status=429, extra={"retry_after_seconds": 3600})
    made = Identity({"authorize_identity_call": refusal})
    for step, body in (("send", SEND), ("resend", None), ("confirm", {"otp": "123456"})):
        response = await made.post(f"{PATH}/{step}", body)
        assert (response.status_code, response.json()["error"]["retry_after_seconds"]) == (429, 3600)
    assert made.portone.requests == []


async def test_the_check_of_another_store_goes_there() -> None:
    made = Identity(
        {"authorize_identity_call": BEGUN | {"storeId": SECOND_STORE, "channelKey": "channel-key-2"}}
    )
    made.portone.posts = [ok()]
    await made.post(f"{PATH}/send", SEND)
    (request,) = made.portone.requests
    assert request.headers["authorization"] == "PortOne " + "t" * 40
    assert json.loads(request.content)["channelKey"] == "channel-key-2"


async def test_resending_needs_no_body() -> None:
    made = Identity()
    made.portone.posts = [ok()]
    response = await made.client.post(f"{PATH}/resend")
    assert response.status_code == 200
    assert made.portone.requests[0].url.params["storeId"] == STORE


@pytest.mark.parametrize("answer", [ok({"identityVerification": VERIFIED}), problem(409, "IDENTITY_VERIFICATION_ALREADY_VERIFIED")])  # fmt: skip
async def test_a_confirmed_code_is_read_back_by_a_job(answer: httpx.Response) -> None:
    made = Identity()
    made.portone.posts = [answer]
    response = await made.post(f"{PATH}/confirm", {"otp": "123456", "idempotency_key": "12345678"})
    assert (response.status_code, response.json()) == (200, DONE)
    assert json.loads(made.portone.requests[0].content) == {"storeId": STORE, "otp": "123456"}
    assert made.database.named("complete_identity_verification")[0]["idempotency_key"] == "12345678"
    assert CI not in response.text


async def test_the_app_needs_no_code() -> None:
    made = Identity()
    made.portone.posts = [ok()]
    assert (await made.client.post(f"{PATH}/confirm")).status_code == 200
    assert json.loads(made.portone.requests[0].content) == {"storeId": STORE}


async def test_a_wrong_code_can_be_followed_by_the_right_one() -> None:
    made = Identity()
    made.portone.posts = [problem(502, "PG_PROVIDER", pgCode="W", pgMessage="wrong"), ok()]
    first = await made.post(f"{PATH}/confirm", {"otp": "111111"})
    assert (first.status_code, first.json()["error"]["pg_message"]) == (422, "wrong")
    assert made.database.named("complete_identity_verification") == []
    assert (await made.post(f"{PATH}/confirm", {"otp": "222222"})).status_code == 200
    keys = {request.headers["idempotency-key"] for request in made.portone.requests}
    assert len(keys) == 2, "the stored refusal must not answer for the next code"


async def test_what_a_person_typed_reaches_neither_database_nor_logs_nor_answers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = Identity()
    echo = "홍길동 01012345678 0002293 918273"
    made.portone.posts = [
        problem(502, "PG_PROVIDER", pgCode="E", pgMessage=echo), problem(502, "PG_PROVIDER", pgCode="918273",
        pgMessage=echo), httpx.ReadTimeout("x"), httpx.Response(500, text=echo),
    ]  # fmt: skip
    seen = [await made.post(f"{PATH}/send", SEND), await made.post(f"{PATH}/confirm", {"otp": "918273"})]
    seen += [await made.post(f"{PATH}/send", SEND), await made.post(f"{PATH}/send", SEND)]
    seen += [await made.post(f"{PATH}/send", SEND | {"identity_number": "000229X"})]
    stored = json.dumps(made.database.calls, ensure_ascii=False)
    logged = capsys.readouterr().out
    assert "portone identity check asked" in logged
    for secret in ("01012345678", "0002293", "000229X", "홍길동", "918273"):
        assert secret not in stored
        assert secret not in logged
    for secret in ("01012345678", "0002293", "000229X"):
        assert not any(secret in response.text for response in (seen[0], *seen[2:]))
    assert "918273" not in seen[1].text


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (problem(409, "IDENTITY_VERIFICATION_ALREADY_SENT"), 409, "IDENTITY_VERIFICATION_ALREADY_SENT"),
        (problem(409, "IDENTITY_VERIFICATION_ALREADY_VERIFIED"), 409, "IDENTITY_VERIFICATION_ALREADY_VERIFIED"),
        (problem(404, "IDENTITY_VERIFICATION_NOT_FOUND"), 404, "IDENTITY_VERIFICATION_NOT_FOUND"),
        (problem(400, "MAX_TRANSACTION_COUNT_REACHED"), 400, "MAX_TRANSACTION_COUNT_REACHED"),
        (problem(400, "INVALID_REQUEST"), 400, "INVALID_REQUEST"),
        (problem(502, "PG_PROVIDER", pgCode="0086", pgMessage="blocked"), 422, "PG_PROVIDER"),
        (problem(404, "CHANNEL_NOT_FOUND"), 503, "CHANNEL_NOT_FOUND"), (problem(403, "FORBIDDEN"), 503, "FORBIDDEN"),
        (problem(401, "UNAUTHORIZED"), 503, "UNAUTHORIZED"), (httpx.Response(500, text="<html>"), 503, "PORTONE_UNAVAILABLE"),
        (httpx.ReadTimeout("x"), 503, "PORTONE_TIMEOUT"),
    ],
)  # fmt: skip
async def test_every_refusal_of_portone_is_an_answer_in_both_languages(
    answer: Any, status: int, code: str
) -> None:
    made = Identity()
    made.portone.posts = [answer]
    response = await made.post(f"{PATH}/send", SEND)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (status, code)
    assert error["message"]
    assert error["message_ko"]
    assert "PORTONE_API_SECRET" not in response.text
    assert ("retry-after" in response.headers) == (status == 503)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/identity-verifications", {"consent": True}, "purpose"),
        ("/identity-verifications", {"purpose": "Sign Up", "consent": True}, "purpose"),
        ("/identity-verifications", {"purpose": "signup", "consent": False}, "consent"),
        ("/identity-verifications", {"purpose": "signup", "consent": True, "address_hash": "x"}, "address_hash"),
        (f"{PATH}/send", SEND | {"phone_number": "010-1234-5678"}, "phone_number"),
        (f"{PATH}/send", SEND | {"phone_number": "0212345678"}, "phone_number"),
        (f"{PATH}/send", SEND | {"operator": "LGT"}, "operator"),
        (f"{PATH}/send", SEND | {"method": "CALL"}, "method"),
        (f"{PATH}/send", {name: value for name, value in SEND.items() if name != "identity_number"}, "identity_number"),
        (f"{PATH}/send", SEND | {"identity_number": "0002293123456"}, "identity_number"),
        (f"{PATH}/send", SEND | {"ip_address": "1.2.3.4"}, "ip_address"),
        (f"{PATH}/confirm", {"otp": "12"}, "otp"), (f"{PATH}/confirm", {"otp": 123456}, "otp"),
        (f"{PATH}/confirm", {"otp": "12345a"}, "otp"),
    ],
)  # fmt: skip
async def test_every_wrong_field_is_named(path: str, body: Any, field: str) -> None:
    made = Identity()
    response = await made.post(path, body)
    error = response.json()["error"]
    assert (response.status_code, error["field"]) == (422, field)
    assert "hint" in error or field in ("operator", "method"), "those two list what may be sent"
    assert (made.database.calls, made.portone.requests) == ([], [])


async def test_the_app_needs_no_resident_digits() -> None:
    made = Identity()
    made.portone.posts = [ok()]
    body = {name: value for name, value in SEND.items() if name != "identity_number"} | {"method": "APP"}
    assert (await made.post(f"{PATH}/send", body)).status_code == 200
    assert "identityNumber" not in json.loads(made.portone.requests[0].content)["customer"]


async def test_an_id_that_is_none_is_404() -> None:
    made = Identity()
    for step, body in (("complete", None), ("send", SEND), ("confirm", None)):
        response = await made.post(f"/identity-verifications/nonsense/{step}", body)
        assert (response.status_code, response.json()["error"]["code"]) == (
            404,
            "IDENTITY_VERIFICATION_NOT_FOUND",
        )
    assert made.database.calls == []


@pytest.mark.parametrize("missing", ["portone_identity_channel", "identity_hash_key"])
async def test_a_missing_setting_is_the_operators_to_mend(missing: str) -> None:
    made = Identity(**({"portone_identity_channel": None} | ({} if missing != "identity_hash_key" else {"identity_hash_key": None})))  # fmt: skip
    response = await made.post("/identity-verifications", {"purpose": "signup", "consent": True})
    assert response.status_code == 503
    assert f"{missing.upper()}:" not in response.text
    assert made.portone.requests == []


@pytest.mark.parametrize(
    ("hops", "header", "expected"),
    [
        (0, "198.51.100.1", "203.0.113.9"), (1, "198.51.100.1", "198.51.100.1"),
        (1, "6.6.6.6, 198.51.100.1", "198.51.100.1"), (2, "6.6.6.6, 198.51.100.1, 10.0.0.1", "198.51.100.1"),
        (2, "198.51.100.1", "203.0.113.9"), (1, "", "203.0.113.9"), (1, "nonsense", "203.0.113.9"),
        (1, "2001:db8::1", "2001:db8::1"),
    ],
)  # fmt: skip
def test_only_the_shops_own_proxies_are_believed(hops: int, header: str, expected: str) -> None:
    headers = [(b"x-forwarded-for", header.encode())] if header else []
    request = Request({"type": "http", "headers": headers, "client": ("203.0.113.9", 1)})
    assert client_address(request, hops) == expected


@pytest.mark.parametrize(
    ("hops", "header", "warned"), [(0, "198.51.100.1", 1), (1, "198.51.100.1", 0), (0, "", 0)]
)
async def test_a_proxy_nobody_declared_is_told_to_the_operator(hops: int, header: str, warned: int) -> None:
    """Behind it all customers share one address and are throttled together."""
    made = Identity(trusted_proxy_hops=hops)
    headers = {"x-forwarded-for": header} if header else {}
    with structlog.testing.capture_logs() as captured:
        await made.post("/identity-verifications", {"purpose": "signup", "consent": True}, **headers)
    fixes = [line["fix"] for line in captured if line["log_level"] == "warning" and "fix" in line]
    assert len(fixes) == warned
    assert all(fix.startswith("TRUSTED_PROXY_HOPS:") for fix in fixes)
