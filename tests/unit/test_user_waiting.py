"""Waiting for an operation: 200 when it is finished, 202 with its place when the time, the token or the client is gone."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.unit.support import JWT, OPERATION, script, until
from tests.unit.web_support import DONE, EXPIRED, GONE, GOOD_PAYMENT, PENDING, Bench
from worker.web.app import create_app


async def test_without_waiting_a_pending_operation_is_202_with_its_place() -> None:
    bench = Bench({"request_payment": PENDING})
    response = await bench.post("/payments", GOOD_PAYMENT, prefer="wait=0")
    assert response.status_code == 202
    assert response.headers["location"] == f"/operations/{OPERATION}"
    assert response.headers["retry-after"] == "1"
    assert response.headers["preference-applied"] == "wait=0"
    assert response.json() == PENDING
    assert bench.database.named("get_operation") == []


async def test_waiting_polls_as_the_user_until_it_is_finished() -> None:
    bench = Bench({"request_payment": PENDING, "get_operation": script(PENDING, PENDING, DONE)})
    response = await bench.post("/payments", GOOD_PAYMENT, prefer="respond-async, wait=10")
    assert (response.status_code, response.json()["status"]) == (200, "succeeded")
    assert response.headers["preference-applied"] == "wait=10"
    assert bench.database.tokens == [JWT] * 4


async def test_a_job_settled_here_wakes_its_waiter() -> None:
    bench = Bench({"request_payment": PENDING, "get_operation": DONE})
    bench.deps.waiters.notify(OPERATION)
    await bench.post("/payments", GOOD_PAYMENT)
    assert len(bench.database.named("get_operation")) == 1


@pytest.mark.parametrize("here", [True, False])
async def test_an_operation_that_is_worked_on_here_is_not_asked_for_meanwhile(
    here: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.web.waiting._POLLS", (0.001,) * 20)
    bench = Bench({"request_payment": PENDING, "get_operation": PENDING})
    if here:
        bench.deps.waiters.begin(OPERATION)
    waiting = asyncio.create_task(bench.post("/payments", GOOD_PAYMENT, prefer="wait=30"))
    # The last poll, a second later, asks in any case: the claim may have been lost.
    await until(lambda: bench.database.named("get_operation"))
    if not here:
        await until(lambda: len(bench.database.named("get_operation")) >= 20)
    asked = len(bench.database.named("get_operation"))
    bench.deps.waiters.close()
    await waiting
    assert (asked == 1) is here


async def test_a_request_rings_for_the_claimer() -> None:
    bench = Bench()
    await bench.post("/payments", GOOD_PAYMENT)
    assert await bench.deps.bell.wait(0.01)


@pytest.mark.parametrize("meanwhile", [EXPIRED, GONE])
async def test_a_token_that_expires_or_a_database_that_goes_ends_the_wait_not_the_job(
    meanwhile: Exception,
) -> None:
    bench = Bench({"request_payment": PENDING, "get_operation": meanwhile})
    response = await bench.post("/payments", GOOD_PAYMENT)
    assert (response.status_code, response.json()) == (202, PENDING)


@pytest.mark.parametrize(
    ("prefer", "applied"),
    [("wait=99", 30), ("wait=x", 15), ("wait=-3", 15), ("handling=lenient; wait=7", 7), ("WAIT=3", 3)],
)
async def test_preferences_are_bounded_and_nonsense_is_ignored(prefer: str, applied: int) -> None:
    response = await Bench().post("/payments", GOOD_PAYMENT, prefer=prefer)
    assert response.headers["preference-applied"] == f"wait={applied}"


async def test_reading_an_operation_waits_only_when_asked() -> None:
    bench = Bench({"get_operation": script(PENDING, PENDING, DONE)})
    assert (await bench.client.get(f"/operations/{OPERATION}")).status_code == 202
    waited = await bench.client.get(f"/operations/{OPERATION}", headers={"prefer": "wait=5"})
    assert (waited.status_code, waited.json()["status"]) == (200, "succeeded")


async def test_a_client_that_leaves_ends_the_wait() -> None:
    bench = Bench({"request_payment": PENDING, "get_operation": PENDING})
    body = json.dumps(GOOD_PAYMENT).encode()
    inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    inbox.put_nowait({"type": "http.request", "body": body, "more_body": False})
    inbox.put_nowait({"type": "http.disconnect"})
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "path": "/payments",
        "raw_path": b"/payments", "query_string": b"", "root_path": "", "scheme": "http",
        "headers": [(b"authorization", f"Bearer {JWT}".encode()), (b"content-type", b"application/json")],
    }  # fmt: skip

    async def send(_message: Any) -> None:
        return None

    async with asyncio.timeout(5):
        await create_app(bench.deps)(scope, inbox.get, send)
    assert bench.database.named("get_operation") == []


async def test_a_stopping_process_ends_its_waits() -> None:
    bench = Bench({"request_payment": PENDING, "get_operation": PENDING})
    waiting = asyncio.create_task(bench.post("/payments", GOOD_PAYMENT, prefer="wait=30"))
    await until(lambda: bench.database.named("get_operation"))
    bench.deps.waiters.close()
    async with asyncio.timeout(10):
        assert (await waiting).status_code == 202
