"""Decides whether there are OpenTelemetry traces: with the extra ``otel`` and an endpoint in ``OTEL_EXPORTER_OTLP_ENDPOINT``.

Without either, a span is nothing and costs nothing. Attributes are ids and names, never bodies or amounts.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
_NOTHING: Final[AbstractContextManager[None]] = nullcontext()


class Tracing:
    """This process's tracer, if it has one."""

    def __init__(self) -> None:
        self._tracer: Any = None
        self._provider: Any = None

    @property
    def on(self) -> bool:
        """Whether spans are recorded."""
        return self._tracer is not None

    def start(
        self, environment: Mapping[str, str], *, version: str, exporter: Callable[[], Any] | None = None
    ) -> bool:
        """Record spans from now on, if an endpoint is set and the packages are there; return whether they are.

        OpenTelemetry reads its own variables (endpoint, headers, OTEL_SERVICE_NAME); ``exporter`` is for tests.
        """
        if exporter is None and not environment.get(ENDPOINT):
            return False
        try:
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
        except ImportError:
            return False
        name = environment.get("OTEL_SERVICE_NAME") or "portone-worker"
        provider = TracerProvider(
            resource=Resource.create({"service.name": name, "service.version": version})
        )
        if exporter is not None:
            provider.add_span_processor(SimpleSpanProcessor(exporter()))
        else:
            try:
                from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            except ImportError:
                return False
            provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._provider = provider
        self._tracer = provider.get_tracer("portone-worker", version)
        return True

    def stop(self) -> None:
        """Send what has been recorded and record no more."""
        provider, self._provider, self._tracer = self._provider, None, None
        if provider is not None:
            provider.shutdown()

    def span(self, name: str, **attributes: str | int | None) -> AbstractContextManager[Any]:
        """Return a context manager around one piece of work; what is None is left out."""
        if self._tracer is None:
            return _NOTHING
        given = {key: value for key, value in attributes.items() if value is not None}
        span: AbstractContextManager[Any] = self._tracer.start_as_current_span(
            name, attributes=given, record_exception=False
        )
        return span


# One per process, as OpenTelemetry itself has it.
TRACING: Final = Tracing()
