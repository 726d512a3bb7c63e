"""Owns what this process counts and times: the names, labels and buckets of its Prometheus metrics.

Labels come from closed sets (our own words, PortOne's error types, job kinds), so that nobody outside can make new series.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

PREFIX: Final = "portone_worker"
_ACK_BUCKETS: Final = (0.002, 0.005, 0.01, 0.02, 0.03, 0.06, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_PORTONE_BUCKETS: Final = (0.05, 0.1, 0.2, 0.35, 0.5, 1, 2, 5, 10, 30, 65)
_HTTP_BUCKETS: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 30)


class Metrics:
    """One process's metrics, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.webhook_ack = Histogram(
            f"{PREFIX}_webhook_ack_seconds",
            "From a webhook's first byte to our 200: PortOne gives up after 30 s.",
            registry=self.registry, buckets=_ACK_BUCKETS,
        )  # fmt: skip
        self.webhooks = Counter(
            f"{PREFIX}_webhooks",
            "Webhook deliveries by what was answered: new, duplicate, spooled, not_stored, or why it was refused.",
            ["answer"], registry=self.registry,
        )  # fmt: skip
        self.http = Histogram(
            f"{PREFIX}_http_seconds", "User requests, waiting included, by status class (2xx, 4xx, 5xx).",
            ["status"], registry=self.registry, buckets=_HTTP_BUCKETS,
        )  # fmt: skip
        self.jobs = Counter(
            f"{PREFIX}_job_runs", "Runs of jobs by kind and verdict; retry is one that will run again.",
            ["kind", "verdict"], registry=self.registry,
        )  # fmt: skip
        self.portone = Histogram(
            f"{PREFIX}_portone_seconds", "Requests to PortOne by what was called, until the answer or its absence.",
            ["call"], registry=self.registry, buckets=_PORTONE_BUCKETS,
        )  # fmt: skip
        self.portone_errors = Counter(
            f"{PREFIX}_portone_errors", "Requests to PortOne that ended in an error, by call and PortOne's or our code.",
            ["call", "code"], registry=self.registry,
        )  # fmt: skip
        self.unknown = Counter(
            f"{PREFIX}_unknown_outcomes_seen", "Money calls whose outcome was not known when they ended, by verb.",
            ["verb"], registry=self.registry,
        )  # fmt: skip
        self.in_flight = Gauge(
            f"{PREFIX}_jobs_in_flight", "Jobs this process works on now.", registry=self.registry
        )
        self.claiming = Gauge(
            f"{PREFIX}_claiming", "1 while this process takes jobs; 0 when it was refused, stops, or runs none.",
            registry=self.registry,
        )  # fmt: skip

    def portone_call(self, call: str, seconds: float, code: str | None) -> None:
        """Count one request to PortOne; ``code`` is the error it ended in, None when it was well."""
        self.portone.labels(call).observe(seconds)
        if code is not None:
            self.portone_errors.labels(call, code).inc()
