"""The command ``portone-worker status``: the whole on one screen, once or over and over."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer
from rich.live import Live
from rich.table import Table
from rich.text import Text

from worker.cli_output import EXIT_ATTENTION, EXIT_OK, JsonOption, console, print_json, printable
from worker.cli_run import run
from worker.deps import open_deps
from worker.errors import Transient
from worker.language import Words, said
from worker.story.figures import clock
from worker.story.standing import standing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.deps import Deps
    from worker.settings import Settings

_TITLE = Words("{project}, {mode}, {at}", "{project}, {mode}, {at}")
_LOST = Words("no answer from the database: {why}", "데이터베이스 응답 없음: {why}")


def status_command(
    watch: Annotated[bool, typer.Option("--watch", help="Go on until stopped with Ctrl-C.")] = False,
    every: Annotated[float, typer.Option(min=0.5, max=3600, help="Seconds between two looks.")] = 2.0,
    as_json: JsonOption = False,
) -> None:
    """Show throughput, lag, the oldest job, dead jobs, open refunds and findings. Exit code 1 when a person should look."""

    async def start(settings: Settings) -> int:
        async with open_deps(settings) as deps:
            if watch:
                return await (_stream(deps, every) if as_json else _watch(deps, settings, every))
            status = await deps.operator.status()
        figures = standing(status)
        if as_json:
            print_json(status)
        else:
            console().print(_screen(status, settings))
        return EXIT_ATTENTION if any(figure.trouble for figure in figures) else EXIT_OK

    run(start, as_json=as_json)


async def _stream(deps: Deps, every: float) -> int:
    while True:
        print_json(await deps.operator.status())
        await asyncio.sleep(every)


async def _watch(deps: Deps, settings: Settings, every: float) -> int:
    """Keep the screen fresh; a database that is away for a while is said, and does not end it."""
    with Live(console=console(), auto_refresh=False, screen=True) as live:
        while True:
            try:
                live.update(_screen(await deps.operator.status(), settings), refresh=True)
            except Transient as error:
                live.update(Text(said(_LOST, why=error.told()), style="bold red"), refresh=True)
            await asyncio.sleep(every)


def _screen(status: Mapping[str, object], settings: Settings) -> Table:
    mode = "mock" if settings.mock_payments else settings.environment
    project = settings.supabase_url.partition("://")[2]
    table = Table(
        title=said(_TITLE, project=project, mode=mode, at=clock(status.get("now"))),
        title_justify="left", box=None, show_header=False, pad_edge=False,
    )  # fmt: skip
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for figure in standing(status):
        mark = "! " if figure.trouble else "  "
        table.add_row(
            Text(mark + figure.title),
            Text(printable(figure.value), style="bold red" if figure.trouble else ""),
        )
    return table
