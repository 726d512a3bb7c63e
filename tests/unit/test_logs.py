"""Log lines: only known fields, no secrets, no exception text; and the greps of the manual find them."""

from __future__ import annotations

import ast
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import worker
from tests.unit.support import ENVIRONMENT, JWT, make_settings
from worker.logs import FIELDS, configure_logging, frames, get_logger, redact

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCES = sorted(Path(worker.__file__).parent.rglob("*.py"))
LEVELS = {"debug", "info", "warning", "error", "critical", "exception"}


def log_calls() -> Iterator[tuple[str, ast.Call]]:
    """Yield every call of a logger in the worker's source."""
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in LEVELS
            ):
                target = node.func.value
                if isinstance(target, ast.Call) and getattr(target.func, "id", "") == "get_logger":
                    yield source.name, node


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    """A configured log file in a folder that does not exist yet."""
    path = tmp_path / "logs" / "combined.log"
    configure_logging(make_settings(log_file=str(path)))
    return path


def lines(path: Path) -> list[dict[str, Any]]:
    """Return the parsed lines."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_every_field_the_worker_logs_is_on_the_list() -> None:
    calls = list(log_calls())
    assert len(calls) > 20
    for name, call in calls:
        for keyword in call.keywords:
            assert keyword.arg in FIELDS, f"{name}:{call.lineno} logs {keyword.arg}"


def test_every_event_is_a_literal_that_the_greps_find() -> None:
    for name, call in log_calls():
        event = call.args[0]
        assert isinstance(event, ast.Constant), f"{name}:{call.lineno}: the event must be a literal"
        assert any(word in str(event.value) for word in ("payment", "webhook", "portone")), (
            f"{name}:{call.lineno}"
        )


def test_a_field_nobody_listed_is_redacted() -> None:
    event = redact(None, "info", {"event": "x", "account_number": "110123456789", "payment_id": "p"})
    assert event == {"event": "x", "account_number": "<redacted>", "payment_id": "p"}


@pytest.mark.parametrize(
    "secret",
    [ENVIRONMENT["SUPABASE_SECRET_KEY"], ENVIRONMENT["PORTONE_WEBHOOK_SECRETS"].split(",")[0], JWT,
     "Bearer abcdefghijklmnop1234", "PortOne " + ENVIRONMENT["PORTONE_API_SECRET"]],
)  # fmt: skip
def test_secrets_are_scrubbed_from_known_fields(secret: str) -> None:
    event = redact(None, "info", {"event": f"got {secret}", "reason": secret, "jobs": [secret]})
    assert secret not in str(event)


def test_lines_reach_the_file_with_time_and_level(log_file: Path) -> None:
    get_logger().info("webhook recorded", count=1)
    get_logger().info("payment prepared: pre-register accepted by portone", payment_id="p")
    first, second = lines(log_file)
    assert (first["event"], first["count"], first["level"]) == ("webhook recorded", 1, "info")
    assert first["timestamp"].endswith("Z")
    text = log_file.read_text("utf-8").lower()
    for word in ("portone", "webhook", "payment", "prepare", "pre-register"):
        assert word in text
    assert second["payment_id"] == "p"


def test_exceptions_are_logged_without_their_text(log_file: Path) -> None:
    try:
        raise RuntimeError("account 110123456789")
    except RuntimeError as error:
        get_logger().error(
            "payment job crashed", error_type=type(error).__name__, frames=frames(error), exc_info=True
        )
        logging.getLogger("third.party").exception("it broke")
    text = log_file.read_text("utf-8")
    assert "110123456789" not in text
    assert "RuntimeError" in text
    assert "test_logs.py" in text
    assert "it broke" in text


def test_console_format_is_readable(tmp_path: Path, log_file: Path) -> None:
    path = tmp_path / "console.log"
    configure_logging(make_settings(log_file=str(path), log_format="console"))
    get_logger().info("webhook recorded", count=2)
    assert "webhook recorded" in path.read_text("utf-8")
