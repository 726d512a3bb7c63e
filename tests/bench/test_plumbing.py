"""The benchmarks' plumbing: bytes that are sent, answers that are read, medians, bars, the document. Nothing is timed."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest

from bench.document import PAGES, TABLES, TEMPLATES, plots, render
from bench.load.http import fire
from bench.load.requests import webhooks
from bench.provider import snapshot
from bench.registry import FAMILIES, rows
from bench.rows import Recorder, Result, Row
from bench.sizing import disk_bytes, instances, shops
from bench.stats import percentile, quantiles
from worker.portone.webhook import verify_webhook

SECRET = "whsec_" + "a" * 43 + "="
NAMED_BY_THE_PROJECT = (
    "queue.claim_p50_ratio_1m_vs_1k", "queue.sql.jobs_per_s", "queue.vs_procrastinate_lock", "queue.vs_pgmq_grouped",
    "queue.gateway.jobs_per_s", "queue.pinned_xmin_ratio", "queue.wal_bytes_per_job", "webhook.ack_per_s",
    "webhook.ack_p99_ms", "webhook.ack_p50_ms", "webhook.floor_ratio", "webhook.e2e_per_s", "webhook.e2e_p99_ms",
    "operation.http_p50_ms", "operation.http_p99_ms", "rls.page_ratio", "migration.backfill_1m_s",
    "migration.longest_lock_s", "idle.cpu_percent", "idle.rss_mb", "startup.s", "busy.rss_mb",
)  # fmt: skip


def plan(**more: Any) -> dict[str, Any]:
    """A volley of webhooks."""
    return {
        "host": "127.0.0.1",
        "port": 1,
        "path": "/webhooks/portone",
        "secret": SECRET,
        "count": 3,
        "prefix": "p",
        **more,
    }


def parsed(request: bytes) -> tuple[dict[str, str], bytes]:
    """Headers and body of a prepared request."""
    head, _, body = request.partition(b"\r\n\r\n")
    return dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:]), body


def test_webhooks_are_signed_as_the_worker_checks_them_and_each_is_of_its_own_payment() -> None:
    key = base64.b64decode("a" * 43 + "=")
    ids, payments = set(), set()
    for request in webhooks(plan()):
        headers, body = parsed(request)
        ids.add(
            verify_webhook(body, headers, secrets=[key], now=float(headers["webhook-timestamp"])).webhook_id
        )
        payments.add(json.loads(body)["data"]["paymentId"])
        assert int(headers["content-length"]) == len(body)
    assert (len(ids), len(payments)) == (3, 3)


def test_several_webhooks_can_share_a_payment() -> None:
    made = webhooks(plan(count=6, per_payment=3))
    assert len({json.loads(parsed(one)[1])["data"]["paymentId"] for one in made}) == 2


class Pieces(asyncio.Protocol):
    """A server that answers in two pieces; every third answer is a 503."""

    # As long as a head that ends in "40\r\n\r\n", which looks like the last chunk of a chunked answer.
    BODY = b"x" * 40

    def __init__(self, chunked: bool, answered: list[int]) -> None:
        self.chunked, self.answered = chunked, answered

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        assert data.startswith(b"POST /webhooks/portone HTTP/1.1")
        self.answered.append(1)
        status = b"503 no" if len(self.answered) % 3 == 0 else b"200 OK"
        length = b"transfer-encoding: chunked" if self.chunked else b"Content-Length: 40"
        self.transport.write(b"HTTP/1.1 " + status + b"\r\n" + length + b"\r\n\r\n")
        body = b"28\r\n" + self.BODY + b"\r\n0\r\n\r\n" if self.chunked else self.BODY
        asyncio.get_running_loop().call_later(0.001, self.transport.write, body)


@pytest.mark.parametrize("chunked", [False, True])
async def test_every_answer_is_counted_also_when_it_comes_in_pieces(chunked: bool) -> None:
    answered: list[int] = []
    server = await asyncio.get_running_loop().create_server(lambda: Pieces(chunked, answered), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        fired = await fire("127.0.0.1", port, webhooks(plan(count=6)), in_flight=2)
        await asyncio.sleep(0)
    assert fired.statuses == {"200": 4, "503": 2}
    assert len(fired.latencies) == 6
    assert fired.odd.startswith(b"HTTP/1.1 503")


def test_percentiles_are_by_nearest_rank() -> None:
    values = [float(n) for n in range(1, 101)]
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1)) == (50, 99, 100)
    assert (quantiles(values)[500], quantiles([7.0])[990]) == (50, 7)
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


@pytest.mark.parametrize(
    ("better", "bar", "samples", "passed"),
    [
        ("lower", 2.0, [1, 9, 2], True),
        ("lower", 2.0, [1, 9, 3], False),
        ("higher", 100.0, [100, 1, 200], True),
        ("higher", 100.0, [99, 1, 200], False),
        ("higher", None, [1], None),
        ("lower", 2.0, [], None),
    ],
)
def test_a_bar_is_judged_by_the_median(
    better: Any, bar: float | None, samples: list[float], passed: bool | None
) -> None:
    result = Result(Row("x", "s", better, bar, "what"), samples)
    assert result.passed() is passed
    assert result.to_json()["pass"] is passed


def test_a_quick_run_judges_nothing_that_needs_size() -> None:
    assert Result(Row("x", "s", "lower", 1, "what", full_size=True), [2]).passed(quick=True) is None


def test_a_figure_nobody_announced_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        Recorder(rows(["idle"])).add("idle.colour", 1)


def test_every_figure_the_project_names_is_announced_once() -> None:
    names = [row.name for row in rows()]
    assert len(names) == len(set(names))
    assert set(NAMED_BY_THE_PROJECT) <= set(names)
    assert all(FAMILIES[name].ROWS for name in FAMILIES)


def test_the_worker_understands_the_benchs_portone() -> None:
    read = snapshot("pay123")
    assert (read["payment_id"], read["status"]) == ("pay123", "PAID")


MACHINE = {"cpu": "c", "cores": 2, "memory_gb": 4, "system": "s", "python": "3", "api": "lite", "load_average": [0.1], "at": "2026-01-01"}  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_the_document_asks_only_for_what_is_measured(page: str) -> None:
    measured = {
        "machine": MACHINE,
        "results": [Result(row, [1.5]).to_json() for row in rows()],
        "tables": _Tables(),
    }
    text = render((TEMPLATES / f"{page}.md").read_text(), measured)
    assert "{{" not in text
    assert "not measured in this run" not in text.lower()
    for asked in ("figure no.such", "table no_such", "plot no_such"):
        with pytest.raises(KeyError):
            render(f"{{{{{asked}}}}}", measured)


@pytest.mark.parametrize("page", PAGES)
def test_what_was_not_measured_is_called_so(page: str) -> None:
    empty: dict[str, Any] = {"machine": MACHINE, "results": [], "tables": {}}
    text = render((TEMPLATES / f"{page}.md").read_text(), empty)
    assert "{{" not in text
    assert "not measured in this run" in text.lower()
    assert "![" not in text


def test_sizes_are_products_of_measured_costs() -> None:
    costs = {
        "life.cpu_ms.worker": 20.0,
        "life.cpu_ms.postgres": 10.0,
        "life.wal_bytes": 5000.0,
        "life.webhooks": 3.0,
    }
    sizes = [
        {"of": f"public.{name}", "rows": 1, "bytes_a_row": 100, "bytes_of_indexes": 50}
        for name in ("payments", "payment_events", "webhook_logs")
    ]
    measured = {
        "results": [{"name": name, "value": value} for name, value in costs.items()],
        "tables": {"sizes": sizes},
    }
    large = (shops(measured) or [])[-1]
    assert large["database_%_of_a_core_at_the_peak"] == pytest.approx(100_000 / 86_400 * 20 * 10 / 1000 * 100)
    assert large["WAL_MB_a_day"] == pytest.approx(500)
    assert disk_bytes(measured) == 150 + 3 * 300
    assert (instances(measured) or [])[0]["whole_payments_a_second"] == pytest.approx(2 * 0.5 * 100)
    assert shops({"results": [], "tables": {}}) is None


class _Tables(dict[str, list[dict[str, Any]]]):
    def get(self, name: str, _default: Any = None) -> Any:
        assert name in TABLES
        if name == "growth":
            return [{"rows": 1, "claim_jobs": 1.5}]
        return [
            {"page": name, "plan": "Index Scan", "rows": 1, "lanes": "one each", "workers": 4, "batch": 50, "backlog": 9, "jobs_per_s": 1,
             "of": name, "bytes_a_row": 1, "bytes_of_indexes": 1}
        ]  # fmt: skip


def test_plots_are_made_of_what_is_there() -> None:
    growth = [{"rows": 10, "claim_jobs": 1.0}, {"rows": 1000, "claim_jobs": 1.1}]
    made = plots({"tables": {"growth": growth}, "results": []})
    assert list(made) == ["growth"]
    assert made["growth"].startswith("<svg")
    assert "claim_jobs" in made["growth"]
