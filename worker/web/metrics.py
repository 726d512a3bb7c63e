"""Decides who may read ``GET /metrics`` and what stands there: this process's counters and how the whole stands.

With ``METRICS_TOKEN`` whoever sends it as a bearer token. Without: nobody in a live shop, since behind a proxy on the
same machine everybody looks like this machine, and not every proxy says that it is one (nginx adds no header by itself).
Elsewhere this machine only, and only where nothing speaks of a proxy.
"""

from __future__ import annotations

import hmac
import ipaddress
import time
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import GaugeMetricFamily
from starlette.responses import JSONResponse, Response

from worker.db.reading import mapping, number, rows, text, whole
from worker.errors import WorkerError
from worker.metrics import PREFIX
from worker.web.replies import error_body

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from worker.deps import Deps
    from worker.state import RunnerState

# Several scrapers do not ask the database more often than this.
_CACHE_SECONDS: Final = 5.0
_FORWARDED: Final = ("x-forwarded-for", "forwarded", "x-real-ip", "via")
_LAGS: Final = {"0.5": "lag_p50_seconds", "0.95": "lag_p95_seconds", "1": "lag_max_seconds"}


def metrics_routes(deps: Deps, state: RunnerState | None) -> APIRouter:
    """Return ``/metrics``; ``state`` is None where this process runs no jobs."""
    router = APIRouter()
    cache: dict[str, tuple[float, Mapping[str, object]]] = {}

    @router.get("/metrics", include_in_schema=False)
    async def metrics(request: Request) -> Response:
        """Answer in Prometheus' text format; the database being away is a value, not an error."""
        if not _may_read(request, deps):
            message = "Metrics are read with METRICS_TOKEN as bearer token; without one, only of a test shop from this machine."
            return JSONResponse(error_body("NOT_ALLOWED", message), status_code=403)
        known = cache.get("status")
        if known is None or time.monotonic() - known[0] > _CACHE_SECONDS:
            known = cache["status"] = (time.monotonic(), await _status(deps))
        deps.metrics.in_flight.set(0 if state is None else len(state.leased()))
        deps.metrics.claiming.set(0 if state is None or not state.may_claim or state.database_refusal else 1)
        own = generate_latest(deps.metrics.registry)
        return Response(own + generate_latest(_Whole(known[1])), media_type=CONTENT_TYPE_LATEST)

    return router


def _may_read(request: Request, deps: Deps) -> bool:
    token = deps.settings.metrics_token
    if token is not None:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(given.encode(), token.get_secret_value().encode())
    if deps.settings.environment == "live" or deps.settings.trusted_proxy_hops:
        return False
    if any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


async def _status(deps: Deps) -> Mapping[str, object]:
    try:
        return await deps.operator.status()
    except WorkerError:
        return {}


class _Whole:
    """How the whole stands, as Prometheus collects it; without an answer only ``database_up`` 0."""

    def __init__(self, status: Mapping[str, object]) -> None:
        self._status = status

    def collect(self) -> Iterator[Any]:
        """Yield the gauges made of ``service_status``."""
        status = self._status
        yield _gauge("database_up", "1 when the database answered.", 1 if status else 0)
        if not status:
            return
        jobs = GaugeMetricFamily(f"{PREFIX}_jobs", "Jobs that are not finished.", labels=["kind", "state"])
        ages = GaugeMetricFamily(
            f"{PREFIX}_oldest_job_seconds",
            "Age of the oldest job; of dead ones, since it died.",
            labels=["kind", "state"],
        )
        for job in rows(status.get("jobs")):
            labels = [text(job.get("kind")) or "", text(job.get("state")) or ""]
            jobs.add_metric(labels, whole(job.get("jobs")) or 0)
            ages.add_metric(labels, number(job.get("oldest_seconds")) or 0)
        yield from (jobs, ages)
        webhooks, refunds = mapping(status.get("webhooks")), mapping(status.get("refunds"))
        lag = GaugeMetricFamily(
            f"{PREFIX}_webhook_lag_seconds", "From a delivery to its effect, last hour.", labels=["quantile"]
        )
        for quantile, column in _LAGS.items():
            seconds = number(webhooks.get(column))
            if seconds is not None:
                lag.add_metric([quantile], seconds)
        yield lag
        yield _gauge(
            "webhooks_waiting", "Deliveries whose effect is still to come.", whole(webhooks.get("waiting"))
        )
        yield _gauge(
            "webhooks_failed", "Deliveries of the last hour that failed.", whole(webhooks.get("failed"))
        )
        yield _gauge(
            "oldest_webhook_seconds",
            "Age of the oldest waiting delivery.",
            number(webhooks.get("oldest_waiting_seconds")),
        )
        yield _gauge("refunds_open", "Refunds that have not ended.", whole(refunds.get("open")))
        yield _gauge(
            "oldest_refund_seconds", "Age of the oldest open refund.", number(refunds.get("oldest_seconds"))
        )
        yield _gauge(
            "unknown_outcomes", "Sends whose outcome nobody knows yet.", whole(status.get("unknown_outcomes"))
        )
        findings = GaugeMetricFamily(
            f"{PREFIX}_findings", "Open findings: what differs from PortOne.", labels=["kind"]
        )
        for kind, count in mapping(status.get("findings")).items():
            findings.add_metric([kind], whole(count) or 0)
        yield findings


def _gauge(name: str, text_: str, value: float | None) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{PREFIX}_{name}", text_, value=value or 0)
