"""The commands ``portone-worker webhooks``: what PortOne sent, and acting on it again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli_desk import (
    ActorOption,
    JsonOption,
    MostOption,
    ReasonOption,
    because,
    moment,
    report,
    with_deps,
)
from worker.cli_output import EXIT_OK, show_record, show_rows
from worker.db.schema import PublicWebhookStatus  # noqa: TC001  typer reads the annotations
from worker.errors import Rejected
from worker.language import Words, said

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.deps import Deps

webhooks_app = typer.Typer(
    help="Webhook deliveries: what came, what became of it, once more.", no_args_is_help=True
)

_COLUMNS = ("id", "created_at", "webhook_type", "status", "skip_reason", "payment_id", "webhook_id", "error")
_TAIL_SECONDS = 1.0
_NO_SUCH = Words("No such deliveries.", "해당하는 웹훅이 없습니다.")
_WHICH = Words(
    "say which deliveries: ids, or --since and --failed",
    "어느 웹훅인지 지정하세요: 번호, 또는 --since와 --failed",
)
SinceOption = Annotated[
    str | None, typer.Option(help="Only since: 2026-11-01, 2026-11-01T10:00+09:00, or 6h for six hours ago.")
]


@webhooks_app.command("list")
def list_command(
    status: Annotated[
        PublicWebhookStatus | None, typer.Option(help="Only deliveries of this status.")
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only those that failed.")] = False,
    since: SinceOption = None,
    payment: Annotated[str | None, typer.Option(help="Of one payment.")] = None,
    limit: MostOption = 50,
    as_json: JsonOption = False,
) -> None:
    """Deliveries, youngest first."""
    begin = moment(since)

    async def use(deps: Deps) -> int:
        found = await deps.desk.webhooks(
            status="failed" if failed else status, since=begin, payment_id=payment, most=limit
        )
        show_rows(found, _COLUMNS, as_json=as_json, empty=said(_NO_SUCH))
        return EXIT_OK

    with_deps(use, as_json=as_json)


@webhooks_app.command("show")
def show_command(
    row: Annotated[int, typer.Argument(help="Id of the row (not webhook_id).", show_default=False)],
    body: Annotated[
        bool, typer.Option("--body", help="With the raw body; bytes that are no text are replaced.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Everything about one delivery."""

    async def use(deps: Deps) -> int:
        found = await deps.desk.webhook(row)
        if found is None:
            raise Rejected("WEBHOOK_NOT_FOUND", "There is no such webhook delivery.")
        shown: Mapping[str, object] = found
        if body:
            raw = await deps.desk.body(row)
            shown = {**found, "body": None if raw is None else raw.decode("utf-8", "replace")}
        show_record(shown, as_json=as_json)
        return EXIT_OK

    with_deps(use, as_json=as_json)


@webhooks_app.command("replay")
def replay_command(
    reason: ReasonOption,
    ids: Annotated[list[int] | None, typer.Argument(help="Ids of rows.", show_default=False)] = None,
    since: SinceOption = None,
    failed: Annotated[bool, typer.Option("--failed", help="All that failed.")] = False,
    actor: ActorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read again what deliveries named, from our own log. Safe at any time: state only ever comes from PortOne."""
    if bool(ids) == (since is not None or failed):
        raise typer.BadParameter(said(_WHICH))
    begin = moment(since)

    async def use(deps: Deps) -> int:
        who = because(reason, actor)
        answers = (
            await deps.desk.replay(ids, who)
            if ids
            else await deps.desk.replay_all(since=begin, failed_only=failed, because=who)
        )
        return report(answers, as_json=as_json, empty=said(_NO_SUCH))

    with_deps(use, as_json=as_json)


@webhooks_app.command("tail")
def tail_command(
    since: SinceOption = None,
    once: Annotated[bool, typer.Option("--once", help="What is there, then end.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Deliveries as they come, oldest first, until interrupted."""
    begin = moment(since)

    async def use(deps: Deps) -> int:
        after = 0
        if begin is None and not once:
            newest = await deps.desk.webhooks(most=10)
            after = min((_id(row) for row in newest), default=1) - 1
        while True:
            page = await deps.desk.webhooks(after_id=after, since=begin, most=500)
            if page:
                show_rows(page, _COLUMNS, as_json=as_json)
                after = max(_id(row) for row in page)
            elif once:
                return EXIT_OK
            else:
                await asyncio.sleep(_TAIL_SECONDS)

    with_deps(use, as_json=as_json)


def _id(row: Mapping[str, object]) -> int:
    value = row.get("id")
    return value if isinstance(value, int) else 0
