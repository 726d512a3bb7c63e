"""Decides how tests run the command line: the real commands against the running stack, in this process."""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

import structlog
from typer.testing import CliRunner

from worker.cli import app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

    from sandbox.demo.world import World


class CommandLine:
    """`portone-worker` with the settings of a stack's worker; `extra` overrides single variables."""

    def __init__(self, world: World, **extra: str) -> None:
        self._environment = {**world.stack.worker_settings(), "LOG_FILE": "", "LANG": "C.UTF-8", **extra}

    def __call__(self, *arguments: str, typed: str | None = None, **extra: str) -> Result:
        """Run one command and return its result."""
        environment = {**self._environment, **extra}
        with mock.patch.dict("os.environ", environment, clear=True), _own_logging():
            return CliRunner().invoke(app, list(arguments), input=typed)

    def json(self, *arguments: str, exit_code: int = 0) -> Any:
        """Run a command with `--json`, check its exit code and return the one object it printed."""
        result = self(*arguments, "--json")
        assert result.exit_code == exit_code, result.output
        return json.loads(result.stdout)

    def rows(self, *arguments: str) -> list[Any]:
        """Run a command with `--json` and return the objects it printed, one a line."""
        result = self(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return [json.loads(line) for line in result.stdout.splitlines()]


@contextmanager
def _own_logging() -> Iterator[None]:
    """Commands configure logging for their process; here it is given back."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    try:
        yield
    finally:
        for handler in list(root.handlers):
            root.removeHandler(handler)
        for handler in before:
            root.addHandler(handler)
        root.setLevel(level)
        structlog.reset_defaults()
