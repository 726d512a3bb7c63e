"""Live is about the process; ready names what a person has to change."""

from __future__ import annotations

import httpx

from tests.unit.support import FakeDatabase, make_deps
from worker.errors import DatabaseUnavailable, Misconfigured
from worker.state import RunnerState
from worker.web.app import create_app

GONE = DatabaseUnavailable("DATABASE_NOT_REACHABLE", "database not reachable (calling queue_stats)")


async def get(path: str, database: FakeDatabase, state: RunnerState | None = None) -> httpx.Response:
    """GET without a token."""
    app = create_app(make_deps(database), state=state)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        return await client.get(path)


async def test_live_asks_nobody() -> None:
    database = FakeDatabase(queue_stats=GONE)
    assert (await get("/health/live", database)).status_code == 200
    assert database.calls == []


async def test_ready_when_the_database_answers() -> None:
    response = await get("/health/ready", FakeDatabase(queue_stats=[{"ready": 0}]), RunnerState())
    assert (response.status_code, response.json()) == (200, {"status": "ok", "problems": {}})


async def test_not_ready_names_the_database() -> None:
    response = await get("/health/ready", FakeDatabase(queue_stats=GONE))
    assert (response.status_code, response.json()["problems"]) == (503, {"database": GONE.message})


async def test_not_ready_names_the_secret_to_renew() -> None:
    state = RunnerState(portone_refusal=Misconfigured("UNAUTHORIZED", "PORTONE_API_SECRET: renew it"))
    response = await get("/health/ready", FakeDatabase(queue_stats=[]), state)
    assert (response.status_code, response.json()["problems"]["runner"]) == (
        503,
        "PORTONE_API_SECRET: renew it",
    )


async def test_a_stopping_worker_is_not_ready() -> None:
    state = RunnerState()
    state.stopping.set()
    assert (await get("/health/ready", FakeDatabase(queue_stats=[]), state)).status_code == 503
