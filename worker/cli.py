"""The commands of ``portone-worker``: read settings, start a process, turn refusals into one line on stderr."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from worker import __version__
from worker.cli_migrations import migrations_app
from worker.errors import WorkerError
from worker.logs import configure_logging
from worker.serve import EXIT_MISCONFIGURED, serve, work
from worker.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from worker.settings import Settings

app = typer.Typer(
    name="portone-worker",
    help="Payment worker for PortOne V2 on Supabase. Settings come from the environment, see .env.example.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(migrations_app, name="migrations")


@app.command("serve")
def serve_command(
    no_jobs: Annotated[
        bool, typer.Option("--no-jobs", help="Only HTTP; another process runs the jobs.")
    ] = False,
) -> None:
    """Receive PortOne's webhooks and users' requests, and run payment jobs."""
    _run(lambda settings: serve(settings, with_jobs=not no_jobs))


@app.command("work")
def work_command() -> None:
    """Run payment jobs only, until stopped."""
    _run(lambda settings: work(settings, until_empty=False))


@app.command("drain")
def drain_command() -> None:
    """Run payment jobs until none is left, then exit; for cron and serverless."""
    _run(lambda settings: work(settings, until_empty=True))


@app.command("version")
def version_command() -> None:
    """Print the version."""
    typer.echo(__version__)


def main() -> None:
    """Console script entry point."""
    app()


def _run(start: Callable[[Settings], Coroutine[Any, Any, int]]) -> None:
    try:
        settings = load_settings()
        configure_logging(settings)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            code = runner.run(start(settings))
    except WorkerError as error:
        typer.echo(error.message, err=True)
        raise typer.Exit(EXIT_MISCONFIGURED) from None
    except KeyboardInterrupt:
        code = 130
    raise typer.Exit(code)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's factory where it exists: ``asyncio.Runner`` would not pick it by itself."""
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop
