"""The commands ``portone-worker findings``: differences from PortOne and what only a person can decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli_desk import ActorOption, JsonOption, ReasonOption, because, with_deps
from worker.cli_output import EXIT_ATTENTION, EXIT_OK, show_record, show_rows
from worker.language import Words, said

if TYPE_CHECKING:
    from worker.deps import Deps

findings_app = typer.Typer(
    help="Findings: what differs from PortOne or needs a person.", no_args_is_help=True
)

_COLUMNS = ("id", "kind", "subject", "detail", "seen", "first_seen_at", "closed_how")
_NONE = Words("No findings.", "확인 사항이 없습니다.")


@findings_app.command("list")
def list_command(
    closed: Annotated[bool, typer.Option("--closed", help="Those that are closed.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Exit with 1 when there are any.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Findings that are open, oldest first; or the last 100 that were closed."""

    async def use(deps: Deps) -> int:
        filters = (
            {"closed_at": "not.is.null", "order": "closed_at.desc", "limit": "100"}
            if closed
            else {"closed_at": "is.null", "order": "id", "limit": "500"}
        )
        found = await deps.operator.read("drift_findings", _COLUMNS, filters)
        show_rows(found, _COLUMNS, as_json=as_json, empty=said(_NONE))
        return EXIT_ATTENTION if check and found else EXIT_OK

    with_deps(use, as_json=as_json)


@findings_app.command("close")
def close_command(
    finding: Annotated[int, typer.Argument(help="Id of the finding.", show_default=False)],
    how: ReasonOption,
    actor: ActorOption = None,
    as_json: JsonOption = False,
) -> None:
    """A finding has been dealt with; how is kept with who says so. It opens again when it is found again."""

    async def use(deps: Deps) -> int:
        show_record(await deps.desk.close_finding(finding, because(how, actor)), as_json=as_json)
        return EXIT_OK

    with_deps(use, as_json=as_json)
