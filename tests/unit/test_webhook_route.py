"""The HTTP contract of POST /webhooks/portone, request by request."""

from __future__ import annotations

import base64
import hmac
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.unit.support import SECOND_SECRET, SECOND_STORE, STORE, WEBHOOK_SECRET, FakeDatabase, make_deps
from tests.unit.test_ingest import record_all
from worker.db.webhooks import WebhookLog
from worker.errors import DatabaseUnavailable
from worker.metrics import Metrics
from worker.settings import WebhookKey
from worker.settings_checks import webhook_secret
from worker.wake import Bell
from worker.web.app import create_app
from worker.web.ingest import Ingest
from worker.web.webhook_route import BODY_LIMIT, WebhookRoute

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NOW = 1_714_039_200
PATH = "/webhooks/portone"
BODY = json.dumps(
    {"type": "Transaction.Paid", "timestamp": "2024-04-25T10:00:00Z", "data": {"paymentId": "p"}}
).encode()


def signed(
    body: bytes = BODY, secret: str = WEBHOOK_SECRET, webhook_id: str = "msg_1", at: int = NOW
) -> dict[str, str]:
    """Return the headers PortOne would send."""
    digest = hmac.digest(webhook_secret(secret), f"{webhook_id}.{at}.".encode() + body, "sha256")
    return {
        "content-type": "application/json", "webhook-id": webhook_id, "webhook-timestamp": str(at),
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }  # fmt: skip


class Bench:
    """The route over a scripted database, at a fixed time."""

    def __init__(self, answer: Any = record_all) -> None:
        self.database = FakeDatabase(record_webhooks=answer)
        keys = [
            WebhookKey(f"{STORE}/0", STORE, webhook_secret(WEBHOOK_SECRET)),
            WebhookKey(f"{SECOND_STORE}/0", SECOND_STORE, webhook_secret(SECOND_SECRET)),
        ]
        self.metrics = Metrics()
        ingest = Ingest(WebhookLog(self.database), Bell())  # type: ignore[arg-type]
        self.route = WebhookRoute(
            self._elsewhere, ingest=ingest, secrets=keys, metrics=self.metrics, clock=lambda: NOW
        )
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(self.route), base_url="http://test")

    async def _elsewhere(self, scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 418, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def post(self, body: Any = BODY, headers: dict[str, str] | None = None) -> httpx.Response:
        """Deliver a webhook."""
        return await self.client.post(PATH, content=body, headers=signed() if headers is None else headers)

    def stored(self) -> list[dict[str, Any]]:
        """Return everything handed to the database."""
        return [element for call in self.database.named("record_webhooks") for element in call["webhooks"]]


async def test_a_genuine_webhook_is_stored_as_it_came_and_answered_200() -> None:
    bench = Bench()
    response = await bench.post()
    assert (response.status_code, response.json()) == (200, {"status": "received", "duplicate": False})
    (element,) = bench.stored()
    assert base64.b64decode(element["body"]) == BODY
    assert (element["webhook_id"], element["subject_id"], element["secret_index"]) == ("msg_1", "p", 0)
    assert element["headers"]["webhook-id"] == "msg_1"
    assert "type" not in element


async def test_the_second_secret_is_as_good_and_is_named() -> None:
    bench = Bench()
    assert (await bench.post(headers=signed(secret=SECOND_SECRET))).status_code == 200
    stored = bench.stored()[0]
    assert (stored["secret_index"], stored["secret_name"]) == (1, f"{SECOND_STORE}/0")
    assert stored["store_id"] == SECOND_STORE, "the body names no store: the one whose secret signed it"


async def test_the_body_says_which_store_it_is_about() -> None:
    body = json.dumps(
        {"type": "Transaction.Paid", "data": {"paymentId": "p", "storeId": SECOND_STORE}}
    ).encode()
    bench = Bench()
    await bench.post(body, signed(body))
    assert bench.stored()[0]["store_id"] == SECOND_STORE


async def test_a_signed_legacy_form_is_kept_and_skipped() -> None:
    bench = Bench()
    body = b"payment_id=p&tx_id=t&status=Paid"
    headers = signed(body) | {"content-type": "application/x-www-form-urlencoded"}
    assert (await bench.post(body, headers)).status_code == 200
    (element,) = bench.stored()
    assert (element["skip_reason"], base64.b64decode(element["body"])) == ("legacy_version", body)


async def test_header_names_may_be_written_in_any_case() -> None:
    bench = Bench()
    assert (await bench.post(headers={k.title(): v for k, v in signed().items()})).status_code == 200


@pytest.mark.parametrize(
    "body",
    [b'{"type":"New.Type","data":{}}', b"not json", b"[]", b'{"payment_id":"p","tx_id":"t","status":"Paid"}'],
)
async def test_signed_but_not_understood_is_stored_and_200(body: bytes) -> None:
    bench = Bench()
    assert (await bench.post(body, signed(body))).status_code == 200
    assert bench.stored()[0]["skip_reason"] in ("unknown_type", "unparsable", "legacy_version")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"webhook-id": ""}, 400, "MALFORMED_HEADERS"),
        ({"webhook-timestamp": "soon"}, 400, "MALFORMED_HEADERS"),
        ({"webhook-signature": ""}, 400, "MALFORMED_HEADERS"),
        (signed(at=NOW - 301), 400, "TOO_OLD"),
        (signed(at=NOW + 301), 400, "TOO_NEW"),
        ({"webhook-id": "msg_2"}, 401, "NO_MATCHING_SIGNATURE"),
        ({"webhook-timestamp": str(NOW - 1)}, 401, "NO_MATCHING_SIGNATURE"),
        ({"webhook-signature": "v1,AAAA"}, 401, "NO_MATCHING_SIGNATURE"),
        ({"content-type": "text/plain"}, 415, "NOT_JSON"),
        (
            {"content-type": "application/x-www-form-urlencoded", "webhook-signature": "v1,AAAA"},
            401,
            "NO_MATCHING_SIGNATURE",
        ),
    ],
)
async def test_refusals_say_why_and_store_nothing(change: dict[str, str], status: int, code: str) -> None:
    bench = Bench()
    response = await bench.post(headers=signed() | change)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert bench.stored() == []


async def test_a_missing_content_type_is_415_and_a_charset_is_fine() -> None:
    bench = Bench()
    bare = {name: value for name, value in signed().items() if name != "content-type"}
    assert (await bench.post(headers=bare)).status_code == 415
    assert (
        await bench.post(headers=signed() | {"content-type": "application/json; charset=UTF-8"})
    ).status_code == 200


async def test_a_signed_header_that_comes_twice_is_malformed() -> None:
    bench = Bench()
    headers = [*signed().items(), ("webhook-id", "msg_9")]
    response = await bench.client.post(PATH, content=BODY, headers=headers)
    assert response.status_code == 400


async def chunks(count: int, asked: list[int]) -> AsyncIterator[bytes]:
    """Yield chunks of 64 KiB and count how many were asked for."""
    for _ in range(count):
        asked[0] += 1
        yield b"x" * 65536


async def test_256_kib_is_the_limit_announced_or_not() -> None:
    bench = Bench()
    exact = b'"' + b"x" * (BODY_LIMIT - 2) + b'"'
    assert (await bench.post(exact, signed(exact))).status_code == 200
    over = exact + b" "
    response = await bench.post(over, signed(over))
    assert (response.status_code, response.json()["error"]["max"]) == (413, BODY_LIMIT)
    asked = [0]
    assert (await bench.post(chunks(100, asked), signed())).status_code == 413
    assert asked[0] < 10


async def test_a_forged_webhook_cannot_make_us_read_on_beyond_its_announcement() -> None:
    response = await Bench().post(headers=signed() | {"content-length": "99999999999999"})
    assert response.status_code == 413


async def test_only_post_and_only_this_path() -> None:
    bench = Bench()
    assert (await bench.client.get(PATH)).status_code == 405
    assert (await bench.client.post("/elsewhere")).status_code == 418


async def test_a_database_that_is_gone_is_503_with_retry_after() -> None:
    bench = Bench(DatabaseUnavailable("DATABASE_NOT_REACHABLE", "database not reachable"))
    response = await bench.post()
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0


async def test_bad_signatures_are_counted_not_stored() -> None:
    bench = Bench()
    for _ in range(250):
        await bench.post(headers=signed() | {"webhook-signature": "v1,AAAA"})
    refused = bench.route.refused
    assert refused["no_matching_signature"] + refused["too_many"] == 250
    assert refused["too_many"] > 200, "one address does not fill the log"
    assert bench.stored() == []


async def test_a_repeat_says_duplicate() -> None:
    bench = Bench([{"id": 2, "status": "skipped", "duplicate": True, "job_id": None}])
    assert (await bench.post()).json() == {"status": "skipped", "duplicate": True}


async def test_the_whole_app_has_the_route_in_front() -> None:
    app = create_app(make_deps(FakeDatabase(record_webhooks=record_all)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        assert (await client.post(PATH, content=BODY, headers=signed())).json()["error"]["code"] == "TOO_OLD"
