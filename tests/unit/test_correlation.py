"""One id follows a request: from the header to log lines, the database and the answer; traces with and without the extra."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import structlog

from tests.unit.support import PAYMENT, FakePortOne, make_job, portone_stores, problem
from tests.unit.web_support import GOOD_PAYMENT, Bench
from worker.correlation import HEADER, current, following, new_id, usable
from worker.db.client import Database, database_timeout
from worker.errors import WorkerError
from worker.http_pool import HttpPool
from worker.metrics import Metrics
from worker.portone.client import call_name
from worker.tracing import ENDPOINT, Tracing

if TYPE_CHECKING:
    from collections.abc import Iterator

ID = "shop-7f3a.42_x"


@pytest.fixture
def events() -> Iterator[list[dict[str, Any]]]:
    """What is logged meanwhile."""
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as captured:
        yield captured


@pytest.mark.parametrize("value", [ID, "7f3a49e35ebf551f479b8e22f72dbe0c", "a" * 8, "A" * 64])
def test_ids_that_are_taken(value: str) -> None:
    assert usable(value) == value


def test_a_new_id_is_one_that_is_taken() -> None:
    made = new_id()
    assert usable(made) == made
    assert new_id() != made


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "short",
        "a" * 65,
        "has space",
        "-leading-dash",
        "line\nbreak",
        "한글아이디입니다요",
        '"quoted-id"',
    ],
)
def test_ids_that_are_not(value: str | None) -> None:
    assert usable(value) is None


async def test_the_callers_id_comes_back_and_is_in_the_line(events: list[dict[str, Any]]) -> None:
    response = await Bench().post("/payments", GOOD_PAYMENT, **{HEADER: ID})
    assert response.headers[HEADER] == ID
    (line,) = [event for event in events if event["event"] == "payment request answered"]
    assert (line["request_id"], line["status"], line["method"], line["path"]) == (
        ID,
        200,
        "POST",
        "/payments",
    )


async def test_a_strange_id_is_replaced() -> None:
    response = await Bench().post("/payments", GOOD_PAYMENT, **{HEADER: "x y"})
    assert usable(response.headers[HEADER]) not in (None, "x y")


async def test_refusals_are_noted_too(events: list[dict[str, Any]]) -> None:
    bench = Bench()
    bench.client.headers.pop("authorization")
    response = await bench.post("/payments", GOOD_PAYMENT)
    assert (response.status_code, usable(response.headers[HEADER]) is None) == (401, False)
    assert [event["status"] for event in events if event["event"] == "payment request answered"] == [401]


async def test_health_is_no_line(events: list[dict[str, Any]]) -> None:
    await Bench().client.get("/health/live")
    assert events == []


async def test_the_database_is_told_the_id() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=[])

    pool = HttpPool(timeout=database_timeout(5), concurrency=1, transport=httpx.MockTransport(answer))
    database = Database(
        url="http://db", secret_key="sb_secret_x", publishable_key="sb_publishable_x", pool=pool
    )
    await database.call("queue_stats", {})
    with following(ID):
        await database.call("queue_stats", {})
    await database.call("queue_stats", {})
    assert [request.headers.get(HEADER) for request in seen] == [None, ID, None]


def test_a_job_knows_the_request_that_made_it() -> None:
    assert make_job(payload={"request_id": ID}).request_id == ID
    assert make_job(payload={"request_id": 7}).request_id is None


def test_nothing_is_followed_outside() -> None:
    assert current() is None
    with following(None):
        assert current() is None
    with following(ID):
        assert current() == ID
    assert current() is None


async def test_calls_of_portone_are_named_timed_and_logged(events: list[dict[str, Any]]) -> None:
    fake = FakePortOne()
    fake.posts = [problem(409, "PAYMENT_ALREADY_CANCELLED")]
    payments = portone_stores(fake).main.payments
    noted: list[tuple[str, str | None]] = []
    payments._client._note = lambda call, seconds, code: noted.append((call, code))
    await payments.get(PAYMENT)
    with following(ID), pytest.raises(WorkerError):
        await payments.cancel(PAYMENT, body=b"{}", idempotency_key="k" * 20)
    assert noted == [("GET payments", None), ("POST payments/cancel", "PAYMENT_ALREADY_CANCELLED")]
    line = events[-1]
    assert (line["verb"], line["code"], line["request_id"]) == (
        "POST payments/cancel",
        "PAYMENT_ALREADY_CANCELLED",
        ID,
    )
    assert PAYMENT not in str(line)


@pytest.mark.parametrize(
    ("segments", "name"),
    [
        (("payments", "p"), "GET payments"), (("payments", "p", "cancel"), "GET payments/cancel"), (("payment-schedules",), "GET payment-schedules"),
        (("payments", "p", "virtual-account", "close"), "GET payments/virtual-account/close"), (("billing-keys", "k"), "GET billing-keys"),
    ],
)  # fmt: skip
def test_a_call_is_named_without_whom_it_is_about(segments: tuple[str, ...], name: str) -> None:
    assert call_name("GET", segments) == name


def test_metrics_of_two_processes_do_not_meet() -> None:
    first, second = Metrics(), Metrics()
    first.webhooks.labels("new").inc()
    assert second.registry.get_sample_value("portone_worker_webhooks_total", {"answer": "new"}) is None


def test_without_an_endpoint_nothing_is_recorded() -> None:
    tracing = Tracing()
    assert tracing.start({}, version="1") is False
    with tracing.span("job", job_id=1):
        assert tracing.on is False


def test_without_the_extra_nothing_is_recorded_and_nothing_breaks() -> None:
    code = (
        "import sys\n"
        "sys.modules['opentelemetry'] = None\n"
        "from worker.tracing import ENDPOINT, TRACING\n"
        "assert TRACING.start({ENDPOINT: 'http://127.0.0.1:9'}, version='1') is False\n"
        "with TRACING.span('job'): print('worked')\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (result.returncode, result.stdout) == (0, "worked\n"), result.stderr


def test_with_the_extra_spans_carry_the_id() -> None:
    export = pytest.importorskip(
        "opentelemetry.sdk.trace.export.in_memory_span_exporter", reason="the extra otel is not installed"
    )
    exporter = export.InMemorySpanExporter()
    tracing = Tracing()
    assert tracing.start({}, version="1", exporter=lambda: exporter) is True
    with (
        tracing.span("http POST", request_id=ID),
        tracing.span("portone POST payments/cancel", request_id=ID, code=None),
    ):
        pass
    inner, outer = exporter.get_finished_spans()
    assert (inner.name, outer.name) == ("portone POST payments/cancel", "http POST")
    assert inner.parent.span_id == outer.context.span_id
    assert dict(inner.attributes) == {"request_id": ID}
    tracing.stop()
    assert tracing.on is False
    assert ENDPOINT == "OTEL_EXPORTER_OTLP_ENDPOINT"
    logging.getLogger("opentelemetry")
