"""/metrics: who may read it, what is counted, and that nobody outside can make new series."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.unit.support import FakeDatabase, make_deps
from worker.errors import DatabaseUnavailable
from worker.state import RunnerState
from worker.web.app import create_app

TOKEN = "a-token-of-sixteen-or-more"
GONE = DatabaseUnavailable("DATABASE_NOT_REACHABLE", "database not reachable")
STATUS: dict[str, Any] = {
    "jobs": [{"kind": "sync_payment", "state": "ready", "jobs": 3, "oldest_seconds": 1.5}, {"kind": "cancel_payment", "state": "dead", "jobs": 1, "oldest_seconds": 60}],
    "finished": {"seconds": 300, "done": 5, "failed": 1},
    "webhooks": {"received": 9, "failed": 2, "waiting": 4, "oldest_waiting_seconds": 7, "lag_p50_seconds": 0.1, "lag_p95_seconds": 0.2, "lag_max_seconds": 3},
    "refunds": {"open": 2, "unknown": 1, "oldest_seconds": 90},
    "unknown_outcomes": 1,
    "findings": {"discrepancy": 2},
}  # fmt: skip


async def scraped(
    status: Any,
    *,
    peer: str = "127.0.0.1",
    state: RunnerState | None = None,
    headers: dict[str, str] | None = None,
    **settings: Any,
) -> httpx.Response:
    """GET /metrics of a worker for which everything has happened once."""
    deps = make_deps(FakeDatabase(service_status=status), **settings)
    deps.metrics.portone_call("POST payments/cancel", 0.2, None)
    deps.metrics.portone_call("GET payments", 5.0, "PORTONE_TIMEOUT")
    deps.metrics.jobs.labels("cancel_payment", "retry").inc()
    deps.metrics.unknown.labels("cancel_payment").inc()
    deps.metrics.webhooks.labels("new").inc()
    deps.metrics.webhook_ack.observe(0.003)
    deps.metrics.http.labels("2xx").observe(0.1)
    transport = httpx.ASGITransport(create_app(deps, state=state), client=(peer, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get("/metrics", headers=headers or {})


async def test_what_a_scrape_says() -> None:
    text = (await scraped(STATUS, state=RunnerState())).text
    for line in (
        'portone_worker_jobs{kind="sync_payment",state="ready"} 3.0', 'portone_worker_oldest_job_seconds{kind="cancel_payment",state="dead"} 60.0',
        'portone_worker_webhook_lag_seconds{quantile="0.95"} 0.2', "portone_worker_unknown_outcomes 1.0", "portone_worker_refunds_open 2.0",
        'portone_worker_findings{kind="discrepancy"} 2.0', "portone_worker_database_up 1.0", "portone_worker_claiming 1.0",
        'portone_worker_portone_errors_total{call="GET payments",code="PORTONE_TIMEOUT"} 1.0', "portone_worker_oldest_webhook_seconds 7.0",
        'portone_worker_job_runs_total{kind="cancel_payment",verdict="retry"} 1.0', 'portone_worker_webhooks_total{answer="new"} 1.0',
    ):  # fmt: skip
        assert line in text.splitlines()


async def test_a_database_that_is_away_is_a_value() -> None:
    response = await scraped(GONE)
    assert response.status_code == 200
    assert "portone_worker_database_up 0.0" in response.text
    assert "portone_worker_claiming 0.0" in response.text
    assert "portone_worker_jobs{" not in response.text


@pytest.mark.parametrize(
    ("settings", "peer", "headers", "status"),
    [
        ({}, "127.0.0.1", {}, 200), ({}, "::1", {}, 200), ({}, "203.0.113.9", {}, 403), ({}, "10.0.0.5", {}, 403), ({}, "nobody", {}, 403),
        ({}, "127.0.0.1", {"X-Forwarded-For": "203.0.113.9"}, 403), ({}, "127.0.0.1", {"Forwarded": "for=203.0.113.9"}, 403),
        ({"trusted_proxy_hops": 1}, "127.0.0.1", {}, 403), ({"environment": "live"}, "127.0.0.1", {}, 403),
        ({"environment": "live", "metrics_token": TOKEN}, "127.0.0.1", {"Authorization": f"Bearer {TOKEN}"}, 200),
        ({"metrics_token": TOKEN}, "203.0.113.9", {"Authorization": f"Bearer {TOKEN}"}, 200),
        ({"metrics_token": TOKEN}, "127.0.0.1", {}, 403), ({"metrics_token": TOKEN}, "127.0.0.1", {"Authorization": "Bearer wrong"}, 403),
    ],
)  # fmt: skip
async def test_who_may_read(
    settings: dict[str, Any], peer: str, headers: dict[str, str], status: int
) -> None:
    response = await scraped(STATUS, peer=peer, headers=headers, **settings)
    assert response.status_code == status
    assert ("portone_worker" in response.text) == (status == 200)


async def test_several_scrapers_cost_one_question() -> None:
    database = FakeDatabase(service_status=STATUS)
    transport = httpx.ASGITransport(create_app(make_deps(database)), client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        for _ in range(3):
            assert (await client.get("/metrics")).status_code == 200
    assert len(database.named("service_status")) == 1
