"""Decides how a command asks before it acts, waits for an operation, and says how that ended."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from worker.cli_output import EXIT_ATTENTION, EXIT_OK, EXIT_REFUSED, print_json, printable, say
from worker.db.reading import text
from worker.errors import DatabaseUnavailable
from worker.language import Words, said
from worker.story.timeline import kind_of, why

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from worker.deps import Deps

_CONFIRM = Words("Do it?", "진행할까요?")
_YES_NEEDED = Words("Nobody can be asked here: say --yes.", "확인을 받을 수 없습니다. --yes를 붙여 주세요.")
_WAITING = Words("waiting for the worker and PortOne", "작업자와 PortOne을 기다리는 중")
_DONE = Words("{kind}: done.", "{kind}: 완료.")
_FAILED = Words("{kind}: failed: {why}", "{kind}: 실패: {why}")
_PENDING = Words(
    "{kind}: asked for, not done yet. It goes on by itself; `{look}` tells how it stands.",
    "{kind}: 요청됨, 아직 끝나지 않았습니다. 자동으로 계속됩니다. `{look}`로 확인하세요.",
)
_PAUSES = (0.1, 0.2, 0.4)
_UNANSWERED = Words(
    "No answer: it may have been asked for. Only ask again with --idempotency-key {key}: then it happens once.",
    "응답이 없습니다. 요청이 접수되었을 수 있습니다. 다시 실행할 때는 --idempotency-key {key}를 붙여야 한 번만 처리됩니다.",
)

KeyOption = Annotated[
    str | None,
    typer.Option(
        "--idempotency-key",
        help="The same key asks for the same thing: for scripts that try again.",
        show_default=False,
    ),
]


def confirmed(question: str, *, yes: bool, as_json: bool) -> bool:
    """Show what will happen and ask; ``yes`` answers beforehand. Without a terminal ``--yes`` is needed (exit code 2)."""
    if yes:
        if not as_json:
            say(question)
        return True
    if as_json or not sys.stdin.isatty():
        raise typer.BadParameter(said(_YES_NEEDED), param_hint="--yes")
    say(question)
    return typer.confirm(said(_CONFIRM))


@contextmanager
def progress(what: str, *, as_json: bool = False) -> Iterator[None]:
    """Show that something long goes on, on stderr and only where a person watches."""
    screen = Console(stderr=True)
    if as_json or not screen.is_terminal:
        yield
        return
    with screen.status(what):
        yield


async def asked_for(
    deps: Deps, function: str, arguments: Mapping[str, object], *, as_json: bool
) -> Mapping[str, object]:
    """Ask for an operation. When no reply came, a person is told the key before the error ends the command (exit code 5).

    With ``as_json`` the key is in the error: ``{"error": {…, "idempotency_key"}}``.
    """
    try:
        return await deps.operator.request(function, arguments)
    except DatabaseUnavailable as lost:
        if not as_json:
            typer.echo(printable(said(_UNANSWERED, key=lost.extra.get("idempotency_key"))), err=True)
        raise


async def finished(
    deps: Deps, operation: Mapping[str, object], *, seconds: float, as_json: bool
) -> Mapping[str, object]:
    """Wait until the operation has ended, at most so many seconds; return how it then stands."""
    deadline = time.monotonic() + seconds
    polls = 0
    with progress(said(_WAITING), as_json=as_json):
        while operation.get("status") == "pending" and time.monotonic() < deadline:
            await asyncio.sleep(_PAUSES[polls] if polls < len(_PAUSES) else 1.0)
            polls += 1
            try:
                operation = await deps.operator.operation(str(operation["id"]))
            except DatabaseUnavailable:
                continue
    return operation


def operation_exit(operation: Mapping[str, object], *, as_json: bool, look: str) -> int:
    """Say how an operation stands and return the exit code: 0 done, 1 not yet, 4 it failed."""
    status = operation.get("status")
    if as_json:
        print_json(operation)
    elif status == "pending":
        say(said(_PENDING, kind=kind_of(operation.get("kind")), look=look))
    elif status == "failed":
        sentence = said(_FAILED, kind=kind_of(operation.get("kind")), why=why(operation.get("error")))
        typer.echo(printable(sentence), err=True)
    else:
        say(said(_DONE, kind=kind_of(text(operation.get("kind")))))
    return {"succeeded": EXIT_OK, "failed": EXIT_REFUSED}.get(str(status), EXIT_ATTENTION)
