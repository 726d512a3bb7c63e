"""What the commands about jobs and webhooks share: who acts and why, times as people write them, what was not done."""

from __future__ import annotations

import getpass
import re
import socket
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from worker.cli_output import EXIT_ATTENTION, EXIT_OK, JsonOption, show_rows
from worker.cli_run import run
from worker.db.desk import Because
from worker.deps import open_deps
from worker.language import Words, said

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from worker.deps import Deps
    from worker.settings import Settings

ReasonOption = Annotated[
    str, typer.Option("--reason", "-m", help="Why; kept with who did it.", show_default=False)
]
ActorOption = Annotated[
    str | None, typer.Option("--actor", help="Who acts, if not the user of this machine.", show_default=False)
]
MostOption = Annotated[int, typer.Option("--limit", "-n", min=1, max=500, help="At most this many.")]

_AGO = re.compile(r"(\d{1,5})([smhd])")
_NO_MOMENT = Words(
    "{text!r} is no moment; write 2026-11-01, 2026-11-01T10:00+09:00, or 6h for six hours ago",
    "{text!r}은(는) 시각이 아닙니다. 2026-11-01, 2026-11-01T10:00+09:00, 또는 6h(여섯 시간 전)처럼 쓰세요",
)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

__all__ = [
    "ActorOption",
    "JsonOption",
    "MostOption",
    "ReasonOption",
    "because",
    "moment",
    "report",
    "with_deps",
]


def with_deps(use: Callable[[Deps], Coroutine[Any, Any, int]], *, as_json: bool) -> None:
    """Run ``use`` with open connections and exit with its code."""

    async def start(settings: Settings) -> int:
        async with open_deps(settings) as deps:
            return await use(deps)

    run(start, as_json=as_json)


def because(reason: str, actor: str | None) -> Because:
    """Return who acts and why; by default the user of this machine."""
    return Because(actor or _me(), reason)


def moment(text: str | None, *, now: datetime | None = None) -> str | None:
    """Return a moment as RFC 3339: ``2026-11-01``, ``2026-11-01T10:00+09:00``, or ``6h`` ago. UTC where nothing is said.

    Raises ``typer.BadParameter``.
    """
    if text is None:
        return None
    ago = _AGO.fullmatch(text.strip())
    if ago is not None:
        delta = timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        return ((now or datetime.now(UTC)) - delta).isoformat()
    try:
        read = datetime.fromisoformat(text.strip())
    except ValueError:
        raise typer.BadParameter(said(_NO_MOMENT, text=text)) from None
    return (read if read.tzinfo is not None else read.replace(tzinfo=UTC)).isoformat()


def report(answers: Sequence[Mapping[str, object]], *, as_json: bool, empty: str) -> int:
    """Print what was done to each; exit code 1 when something was not."""
    show_rows(answers, ["id", "done", "why_not", "job_id"], as_json=as_json, empty=empty)
    return EXIT_OK if all(answer.get("done") is True for answer in answers) else EXIT_ATTENTION


def _me() -> str:
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"[:100]
    except (KeyError, OSError):
        return socket.gethostname()[:100]
