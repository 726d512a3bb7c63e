"""Runs one command: read settings, run to the end, turn a refusal into one line on stderr and an exit code."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import typer

from worker.cli_output import complain
from worker.errors import WorkerError
from worker.logs import configure_logging
from worker.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from worker.settings import Settings


def run(
    start: Callable[[Settings], Coroutine[Any, Any, int]], *, as_json: bool = False, serving: bool = False
) -> None:
    """Start ``start`` with the settings and exit with its code; errors end as :mod:`worker.cli_output` says.

    A command that answers a person is no service (``serving``): its log has warnings and errors only.
    """
    try:
        settings = load_settings()
        quiet = not serving and settings.log_level == "info"
        configure_logging(settings.model_copy(update={"log_level": "warning"}) if quiet else settings)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            code = runner.run(start(settings))
    except WorkerError as error:
        code = complain(error, as_json=as_json)
    except KeyboardInterrupt:
        code = 130
    raise typer.Exit(code)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's factory where it exists: ``asyncio.Runner`` would not pick it by itself."""
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop
