"""Decides what may appear in a log line: named fields from one closed list, scrubbed; everything else is dropped.

Redaction is by construction: a field that is not in ``FIELDS`` is replaced, so forgetting to redact cannot leak.
Exceptions are logged as type and code positions, never as text, because messages can carry request bodies.
"""

from __future__ import annotations

import logging
import logging.handlers
import re
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from worker.settings import Settings

FIELDS = frozenset(
    {
        "event", "level", "timestamp", "logger",
        "job_id", "job_kind", "claim", "lane", "failures", "verdict", "operation_id", "operation_status",
        "payment_id", "payment_status", "portone_status", "cancellation_status", "attempt", "decision",
        "webhook_id", "webhook_ids", "webhook_type", "skip_reason", "subject_kind", "secret_index",
        "method", "path", "status", "code", "reason", "fix", "count", "duplicates", "bytes", "error_type", "frames",
        "seconds", "retry_in", "function", "worker", "environment", "host", "port", "jobs", "mock_payments", "version",
        "request_id", "outcome_unknown", "in_flight", "ready", "secret_name", "store_id", "step", "verb",
        "sweeps", "polls", "overdue", "different", "unlisted", "source", "answer",
    }
)  # fmt: skip

_SECRETS = re.compile(
    r"sb_secret_[\w-]+|sb_publishable_[\w-]+|whsec_[\w+/=-]+|eyJ[\w-]+\.[\w-]+\.[\w-]*|(?:PortOne|[Bb]earer) [\w.~+/=-]{16,}"
)
_LONG = 2000


def get_logger() -> structlog.stdlib.BoundLogger:
    """Return the logger; bind nothing secret, names outside ``FIELDS`` are dropped."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("worker")
    return logger


def frames(error: BaseException) -> list[str]:
    """Return ``file:line function`` for each frame of an exception, innermost last; no values, no messages."""
    return [
        f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in traceback.extract_tb(error.__traceback__)
    ][-12:]


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Processor: keep the closed list of fields, replace the values of all others, scrub what looks like a secret."""
    for name, value in list(event.items()):
        if name.startswith("_"):
            continue
        event[name] = _scrub(value) if name in FIELDS else "<redacted>"
    event.pop("exc_info", None)
    return event


def _scrub(value: object) -> object:
    if isinstance(value, str):
        return _SECRETS.sub("<secret>", value)[:_LONG]
    if isinstance(value, list | tuple):
        return [_scrub(entry) for entry in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return _SECRETS.sub("<secret>", str(value))[:_LONG]


def configure_logging(settings: Settings) -> None:
    """Send our own and third-party log lines to stderr, and to LOG_FILE where it is set (folders are created)."""
    screen = sys.stderr.isatty()
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redact,
    ]

    def formatter(*, terminal: bool) -> logging.Formatter:
        renderer = _renderer(settings.log_format, terminal=terminal)
        return structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )

    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if settings.log_file is not None:
        Path(settings.log_file).parent.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.handlers.WatchedFileHandler(settings.log_file, encoding="utf-8"))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
        if isinstance(old, logging.handlers.WatchedFileHandler):
            old.close()
    for handler in handlers:
        to_file = isinstance(handler, logging.FileHandler)
        handler.setFormatter(formatter(terminal=screen and not to_file))
        handler.addFilter(_drop_exception_text)
        root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("worker").setLevel(settings.log_level.upper())
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _renderer(log_format: str, *, terminal: bool) -> Any:
    """``auto``: lines for people in a terminal, JSON everywhere else; colours only in a terminal."""
    if log_format == "json" or (log_format == "auto" and not terminal):
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(colors=terminal, exception_formatter=structlog.dev.plain_traceback)


def _drop_exception_text(record: logging.LogRecord) -> bool:
    record.exc_info = None
    record.exc_text = None
    record.stack_info = None
    return True
