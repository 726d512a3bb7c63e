"""What each check says of a database or a PortOne that is not as it should be; run_checks runs all of them."""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

import httpx
import pytest

from tests.unit.support import SECOND_STORE, STORE, FakeDatabase, FakePortOne, make_deps, make_settings
from worker.checks.migrations import SCHEMA_RELEASE, shipped_names
from worker.checks.mode import check_mode
from worker.checks.portone import check_store
from worker.checks.run import run_checks
from worker.errors import DatabaseUnavailable, Misconfigured

WELL: dict[str, Any] = {
    "release": SCHEMA_RELEASE,
    "migrations": [
        {"version": name.partition("_")[0], "name": name.partition("_")[2].removesuffix(".sql")}
        for name in shipped_names()
    ],
    "clock_offset_seconds": 0,
    "server_version": "17.5",
    "tables_without_rls": [],
    "client_grants": [],
    "client_functions": [],
    "dead_jobs": 0,
}


def not_found(_request: httpx.Request) -> httpx.Response:
    """What a store that knows us says of a payment nobody has."""
    return httpx.Response(404, json={"type": "PAYMENT_NOT_FOUND"})


def scripted(*answers: Any) -> FakePortOne:
    """A PortOne that gives these answers to reads."""
    portone = FakePortOne()
    portone.gets = list(answers)
    return portone


def on_time() -> httpx.MockTransport:
    """Services whose clocks are ours."""
    return httpx.MockTransport(
        lambda _request: httpx.Response(404, headers={"Date": formatdate(usegmt=True)})
    )


async def test_all_is_well() -> None:
    portone = scripted(not_found, not_found)
    results = await run_checks(
        make_deps(FakeDatabase(describe_installation=WELL), portone), transport=on_time()
    )
    assert {result.name for result in results} == {
        "mode", "database", "migrations", "clock", "access", "queue", f"portone {STORE}", f"portone {SECOND_STORE}",
        "webhook secrets", "clock skew", "publishable key", "migrations unchanged", "channels", "webhooks arriving",
    }  # fmt: skip
    assert [result.line for result in results if result.state == "error"] == []


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (DatabaseUnavailable("DATABASE_NOT_REACHABLE", "database not reachable"), "database not reachable"),
        (
            Misconfigured("DATABASE_KEY_REFUSED", "SUPABASE_SECRET_KEY: refused"),
            "Supabase refused the worker",
        ),
    ],
)
async def test_a_database_that_cannot_be_asked(failure: Exception, said: str) -> None:
    portone = scripted(not_found, not_found)
    results = await run_checks(
        make_deps(FakeDatabase(describe_installation=failure), portone), transport=on_time()
    )
    (database,) = [result for result in results if result.name == "database"]
    assert (database.state, database.detail) == ("error", said)
    assert database.fix
    assert "migrations" not in {result.name for result in results}


def refused(_request: httpx.Request) -> httpx.Response:
    """A connection nobody answers."""
    raise httpx.ConnectError("refused")


@pytest.mark.parametrize(
    ("answer", "state", "said"),
    [
        (not_found, "ok", "accepted"),
        (lambda _: httpx.Response(401, json={"type": "UNAUTHORIZED"}), "error", "refused the API secret"),
        (lambda _: httpx.Response(403, json={"type": "FORBIDDEN"}), "error", "FORBIDDEN"),
        (lambda _: httpx.Response(503, text="<html>"), "ok", "PORTONE_UNAVAILABLE at the moment"),
        (lambda _: httpx.Response(429, text=""), "ok", "PORTONE_RATE_LIMITED at the moment"),
        (refused, "error", "cannot be reached"),
    ],
)
async def test_a_store(answer: Any, state: str, said: str) -> None:
    result = await check_store(make_deps(portone=scripted(answer)).stores.main)
    assert result.state == state
    assert said in result.detail
    assert (result.fix == "") == (state == "ok")


def test_the_modes_that_may_start() -> None:
    assert check_mode(make_settings(environment="live")).state == "ok"
    assert check_mode(make_settings()).state == "warning"
    mock = make_settings(mock_payments=True, portone_api_url="http://127.0.0.1:1")
    assert check_mode(mock).state == "ok"
