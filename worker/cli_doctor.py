"""The command ``portone-worker doctor``: every check in one list, each with what to do; for people, CI and the first day."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated, Final

import typer
from rich.table import Table
from rich.text import Text

from worker.checks.result import CheckResult, error, ok
from worker.checks.run import run_checks
from worker.cli_asking import progress
from worker.cli_output import EXIT_ATTENTION, EXIT_OK, JsonOption, console, print_json, printable, say
from worker.deps import open_deps
from worker.errors import Misconfigured, WorkerError
from worker.language import AS_TOLD, Words, said
from worker.logs import configure_logging
from worker.serve import EXIT_MISCONFIGURED
from worker.settings import Settings, load_settings

_STATES: Final[dict[str, tuple[Words, str]]] = {
    "ok": (Words("ok", "정상"), "green"),
    "warning": (Words("warning", "주의"), "yellow"),
    "error": (Words("error", "오류"), "bold red"),
}
_ASKING = Words("asking Supabase and PortOne", "Supabase와 PortOne에 확인하는 중")
_WELL = Words("All is well.", "모두 정상입니다.")
_SOME = Words("Errors: {errors}, warnings: {warnings}.", "오류 {errors}건, 주의 {warnings}건.")
_COMPLETE = Words("complete and of the right kind", "모두 있고 종류가 맞습니다")
_CORRECT = Words("correct it and run doctor again", "고친 뒤 doctor를 다시 실행하세요")
_AS_DESCRIBED = Words("set it as .env.example describes", ".env.example의 설명대로 설정하세요")
_FIX = Words("fix: {fix}", "해결: {fix}")


def doctor_command(
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 for warnings too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check settings, keys, migrations, rights, clocks, queue, webhooks and PortOne; say what to do about each problem.

    Exit codes: 0 no error, 1 errors (with --strict warnings too), 3 the settings themselves are wrong.
    """
    try:
        settings = load_settings()
    except Misconfigured as refusal:
        results = [_wrong(line) for line in refusal.message.splitlines()]
        _show(results, as_json=as_json)
        raise typer.Exit(EXIT_MISCONFIGURED) from None
    # What the checks ask for on purpose (a payment nobody has) is no news.
    configure_logging(settings.model_copy(update={"log_level": "error"}))
    with progress(said(_ASKING), as_json=as_json):
        results = [ok("settings", _COMPLETE), *asyncio.run(_checked(settings))]
    _show(results, as_json=as_json)
    bad = {"error", "warning"} if strict else {"error"}
    raise typer.Exit(EXIT_ATTENTION if any(result.state in bad for result in results) else EXIT_OK)


async def _checked(settings: Settings) -> list[CheckResult]:
    try:
        async with open_deps(settings) as deps:
            return await run_checks(deps)
    except WorkerError as failure:
        return [error("checks", AS_TOLD, _CORRECT, told=failure.told())]


def _wrong(line: str) -> CheckResult:
    variable, _, problem = line.partition(": ")
    return error(f"setting {variable}", AS_TOLD, _AS_DESCRIBED, told=problem or line)


def _show(results: list[CheckResult], *, as_json: bool) -> None:
    if as_json:
        for result in results:
            print_json(asdict(result))
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for result in results:
        word, style = _STATES[result.state]
        table.add_row(
            Text(said(word), style=style), Text(printable(result.name)), Text(printable(result.detail))
        )
        if result.fix and result.state != "ok":
            table.add_row("", "", Text(said(_FIX, fix=printable(result.fix)), style="dim"))
    console().print(table)
    errors, warnings = (sum(result.state == state for result in results) for state in ("error", "warning"))
    say(said(_SOME, errors=errors, warnings=warnings) if errors or warnings else said(_WELL))
