"""The commands ``portone-worker jobs``: what is in the queue, what died, and what to do about it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli_desk import ActorOption, JsonOption, MostOption, ReasonOption, because, report, with_deps
from worker.cli_output import EXIT_ATTENTION, EXIT_OK, show_record, show_rows
from worker.language import Words, said

if TYPE_CHECKING:
    from worker.deps import Deps

jobs_app = typer.Typer(help="Jobs: what is to be done, what died, what to do about it.", no_args_is_help=True)

_COLUMNS = ("id", "kind", "state", "payment_id", "failures", "run_at", "worker", "error")
_DEAD = ("id", "kind", "payment_id", "failures", "error", "ended_at")
JobState = StrEnum(
    "JobState", ["ready", "running", "waiting", "backoff", "scheduled", "dead", "done", "failed"]
)
_NO_SUCH = Words("No such jobs.", "해당하는 작업이 없습니다.")
_NONE_DEAD = Words("No dead jobs.", "중단된 작업이 없습니다.")
IdsArgument = Annotated[list[int], typer.Argument(help="Ids of jobs.", show_default=False)]


@jobs_app.command("list")
def list_command(
    state: Annotated[
        list[JobState] | None, typer.Option(help="Only jobs of this state; may be said several times.")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="Like sync_payment.")] = None,
    payment: Annotated[str | None, typer.Option(help="Of one payment.")] = None,
    limit: MostOption = 100,
    as_json: JsonOption = False,
) -> None:
    """Jobs, youngest first; without --state all that are not finished."""

    async def use(deps: Deps) -> int:
        found = await deps.desk.jobs(
            states=None if state is None else [one.value for one in state],
            kind=kind,
            payment_id=payment,
            most=limit,
        )
        show_rows(found, _COLUMNS, as_json=as_json, empty=said(_NO_SUCH))
        return EXIT_OK

    with_deps(use, as_json=as_json)


@jobs_app.command("dead")
def dead_command(
    check: Annotated[bool, typer.Option("--check", help="Exit with 1 when there are any.")] = False,
    limit: MostOption = 100,
    as_json: JsonOption = False,
) -> None:
    """Jobs that need a person."""

    async def use(deps: Deps) -> int:
        found = await deps.desk.jobs(states=["dead"], kind=None, payment_id=None, most=limit)
        show_rows(found, _DEAD, as_json=as_json, empty=said(_NONE_DEAD))
        return EXIT_ATTENTION if check and found else EXIT_OK

    with_deps(use, as_json=as_json)


@jobs_app.command("show")
def show_command(
    job_id: Annotated[int, typer.Argument(help="Id of the job.", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Everything about one job, finished or not."""

    async def use(deps: Deps) -> int:
        show_record(await deps.desk.job(job_id), as_json=as_json)
        return EXIT_OK

    with_deps(use, as_json=as_json)


@jobs_app.command("retry")
def retry_command(
    ids: IdsArgument, reason: ReasonOption, actor: ActorOption = None, as_json: JsonOption = False
) -> None:
    """Run dead jobs again, and jobs that wait for their time now. What was sent to PortOne is never sent anew by this."""

    async def use(deps: Deps) -> int:
        return report(
            await deps.desk.requeue(ids, because(reason, actor)), as_json=as_json, empty=said(_NO_SUCH)
        )

    with_deps(use, as_json=as_json)


@jobs_app.command("discard")
def discard_command(
    ids: IdsArgument, reason: ReasonOption, actor: ActorOption = None, as_json: JsonOption = False
) -> None:
    """Take dead jobs off the list: they have been dealt with."""

    async def use(deps: Deps) -> int:
        return report(
            await deps.desk.discard(ids, because(reason, actor)), as_json=as_json, empty=said(_NO_SUCH)
        )

    with_deps(use, as_json=as_json)


@jobs_app.command("cancel")
def cancel_command(
    job_id: Annotated[int, typer.Argument(help="Id of the job.", show_default=False)],
    reason: ReasonOption,
    actor: ActorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a job that has not run out of the queue; whoever asked for it is told that it failed."""

    async def use(deps: Deps) -> int:
        return report(
            [await deps.desk.cancel(job_id, because(reason, actor))], as_json=as_json, empty=said(_NO_SUCH)
        )

    with_deps(use, as_json=as_json)
