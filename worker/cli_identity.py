"""The commands about personal data: forget identity checks, bring sealed values under the newest key."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID  # noqa: TC003  typer reads the annotations

import typer

from worker.cli_output import EXIT_ATTENTION, EXIT_OK, say
from worker.cli_run import run
from worker.deps import open_deps
from worker.language import Words, said
from worker.rotation import erase_identities, reseal_identities

if TYPE_CHECKING:
    from worker.settings import Settings

_WHAT = Words(
    "say what to erase: --before, --user or both", "지울 대상을 지정하세요: --before, --user 또는 둘 다"
)
_SURE = Words("This cannot be undone. Erase?", "되돌릴 수 없습니다. 지울까요?")
_ERASED = Words("{count} identity checks erased", "본인인증 {count}건을 지웠습니다")
_RESEALED = Words(
    "{count} sealed again under {key!r}, {current} were already",
    "{count}건을 {key!r} 키로 다시 암호화했습니다. 이미 되어 있던 것은 {current}건입니다",
)
_UNREADABLE = Words(
    "{count} cannot be opened and were left as they are", "{count}건은 복호화할 수 없어 그대로 두었습니다"
)

identity_app = typer.Typer(help="Identity checks: retention and erasure.", no_args_is_help=True)
keys_app = typer.Typer(help="DATA_ENCRYPTION_KEY: rotation.", no_args_is_help=True)


@identity_app.callback()
def _identity() -> None:
    """Keep `erase` a sub-command although it is the only one."""


@keys_app.callback()
def _keys() -> None:
    """Keep `rotate` a sub-command although it is the only one."""


@identity_app.command("erase")
def erase_command(
    before: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%z"], help="Checks begun before this day (UTC) or moment."
        ),
    ] = None,
    user: Annotated[UUID | None, typer.Option(help="Checks of this user only.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Forget names, phone numbers, birth dates, CI and DI of identity checks; what is left says when, not who."""
    if before is None and user is None:
        raise typer.BadParameter(said(_WHAT))
    moment = None if before is None else (before if before.tzinfo is not None else before.replace(tzinfo=UTC))
    if not yes:
        typer.confirm(said(_SURE), abort=True)

    async def start(settings: Settings) -> int:
        async with open_deps(settings) as deps:
            erased = await erase_identities(
                deps.vault, before=moment.isoformat() if moment else None, user_id=str(user) if user else None
            )
        say(said(_ERASED, count=erased))
        return EXIT_OK

    run(start)


@keys_app.command("rotate")
def rotate_command() -> None:
    """Seal CI and DI again under the first DATA_ENCRYPTION_KEY; afterwards the older keys can be removed.

    Request bodies of undecided payments are sealed too, but for three hours at most: remove an old key a day later.
    """

    async def start(settings: Settings) -> int:
        async with open_deps(settings) as deps:
            result = await reseal_identities(deps.vault, deps.sealer)
        say(said(_RESEALED, count=result.resealed, key=deps.sealer.key_id, current=result.current))
        if not result.unreadable:
            return EXIT_OK
        typer.echo(said(_UNREADABLE, count=result.unreadable), err=True)
        return EXIT_ATTENTION

    run(start)
