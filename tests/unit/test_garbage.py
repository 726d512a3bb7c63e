"""Whatever is sent to any route: no 5xx, nothing acknowledged that is not stored, nothing stored unsigned."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error

from tests.garbage import BODIES, HEADERS
from tests.unit.support import JWT, SECOND_SECRET, WEBHOOK_SECRET, FakeDatabase, make_deps
from tests.unit.test_ingest import record_all
from tests.unit.test_webhook_route import PATH, Bench, signed
from tests.unit.web_support import DONE
from worker.web.app import create_app
from worker.web.offenders import BURST, Offenders

if TYPE_CHECKING:
    from collections.abc import Mapping


@given(
    st.lists(BODIES, min_size=1, max_size=4),
    st.sampled_from([WEBHOOK_SECRET, SECOND_SECRET]),
    st.sampled_from(
        ["application/json", "application/json; charset=utf-8", "application/x-www-form-urlencoded"]
    ),
)
@settings(max_examples=60, deadline=None)
async def test_signed_garbage_is_stored_byte_for_byte(bodies: list[bytes], secret: str, media: str) -> None:
    bench = Bench()
    for index, body in enumerate(bodies):
        headers = signed(body, secret, webhook_id=f"m{index}") | {"content-type": media}
        response = await bench.post(body, headers)
        assert response.status_code == 200, response.text
    stored = bench.stored()
    assert [base64.b64decode(element["body"]) for element in stored] == bodies
    for element in stored:
        json.dumps(element).encode()
        assert all(
            len(str(element.get(name, ""))) <= 255 for name in ("subject_id", "webhook_type", "store_id")
        )


@given(BODIES, HEADERS, st.sampled_from(["POST", "GET", "PUT"]))
@settings(max_examples=60, deadline=None)
async def test_unsigned_garbage_is_refused_and_never_stored(
    body: bytes, headers: Mapping[str, str], method: str
) -> None:
    bench = Bench()
    sent = [("content-type", "application/json")] + [
        (name, value.encode("latin-1").strip()) for name, value in headers.items()
    ]
    response = await bench.client.request(method, PATH, content=body, headers=sent)  # type: ignore[arg-type]
    assert 400 <= response.status_code < 500
    assert bench.database.calls == []


@given(st.integers(-400, 400), st.integers(0, 255), BODIES)
@settings(max_examples=50, deadline=None)
async def test_one_flipped_bit_or_a_stale_time_is_refused(offset: int, position: int, body: bytes) -> None:
    bench = Bench()
    headers = signed(body, at=1_714_039_200 + offset)
    response = await bench.post(body, headers)
    assert (response.status_code == 200) == (abs(offset) <= 300)
    flipped = bytearray(base64.b64decode(headers["webhook-signature"][3:]))
    flipped[position % 32] ^= 1 << position % 8
    headers["webhook-signature"] = "v1," + base64.b64encode(bytes(flipped)).decode()
    assert (await bench.post(body, headers)).status_code in (400, 401)
    assert len(bench.stored()) == (1 if abs(offset) <= 300 else 0)


ANSWERS = dict.fromkeys(
    (
        "request_payment", "request_completion", "request_cancellation", "request_confirmation", "get_operation",
        "register_billing_key", "delete_billing_key", "request_billing_payment", "request_schedule", "revoke_schedule",
        "complete_identity_verification",
    ),
    DONE,
)  # fmt: skip
DATABASE = FakeDatabase(
    record_webhooks=record_all, request_billing_key_issue={}, request_identity_verification={},
    authorize_identity_call={}, queue_stats={}, service_status={}, **ANSWERS,
)  # fmt: skip
ROUTES = schemathesis.openapi.from_asgi(
    "/openapi.json",
    create_app(
        make_deps(
            DATABASE,
            identity_hash_key=base64.b64encode(bytes(32)).decode(),
            portone_billing_channel="channel-key-billing",
            portone_identity_channel="channel-key-identity",
        )
    ),
)


@ROUTES.parametrize()
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_route_answers_garbage_with_a_server_error(case: Any) -> None:
    before = len(DATABASE.named("record_webhooks"))
    headers = {"authorization": f"Bearer {JWT}", "prefer": "wait=0"}
    response = case.call(headers=headers)
    case.validate_response(response, checks=[not_a_server_error])
    assert len(DATABASE.named("record_webhooks")) == before


async def test_an_address_that_floods_is_told_to_wait_and_a_genuine_webhook_still_passes() -> None:
    bench = Bench()
    forged = signed(secret="whsec_" + base64.b64encode(b"f" * 32).decode())
    answers = [(await bench.post(headers=forged)).status_code for _ in range(BURST + 30)]
    assert answers[:BURST] == [401] * BURST
    assert set(answers[BURST + 5 :]) == {429}
    assert bench.route.refused["no_matching_signature"] + bench.route.refused["too_many"] == BURST + 30
    assert (await bench.post()).status_code == 200, (
        "PortOne is not locked out by somebody behind the same address"
    )


def test_offenders_recover_with_time_and_are_few_in_memory() -> None:
    now = 0.0
    offenders = Offenders(clock=lambda: now)
    assert [offenders.is_over("a") for _ in range(BURST + 1)] == [False] * BURST + [True]
    assert not offenders.is_over("b"), "each address has its own"
    now = 3.0
    assert [offenders.is_over("a") for _ in range(4)] == [False, False, False, True]
    for number in range(10_000):
        offenders.is_over(f"address-{number}")
    assert len(offenders) <= 4096


@pytest.mark.parametrize("hops", [0, 1])
async def test_the_address_is_the_proxys_word_only_where_a_proxy_is_declared(hops: int) -> None:
    app = create_app(make_deps(FakeDatabase(), trusted_proxy_hops=hops))
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")
    statuses = [
        (await client.post(PATH, content=b"{}", headers={"content-type": "application/json", "x-forwarded-for": f"203.0.113.{n}"})).status_code
        for n in range(BURST + 5)
    ]  # fmt: skip
    assert (429 in statuses) == (hops == 0)
