"""The command ``portone-worker migrations copy``: says what it did, one line a file; needs no settings."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  typer reads the annotations
from typing import Annotated

import typer

from worker.adoption import AdoptionRefused, plan, shipped_migrations, write
from worker.language import Words, said

_WOULD = Words(
    "{fresh} would be copied, {there} already there.", "복사할 것 {fresh}개, 이미 있는 것 {there}개."
)
_COPIED = Words("{fresh} copied, {there} already there.", "복사한 것 {fresh}개, 이미 있는 것 {there}개.")

migrations_app = typer.Typer(no_args_is_help=True, help="The database migrations this release needs.")


@migrations_app.callback()
def _group() -> None:
    """Keep `copy` a command of its own: typer would make an only command the group itself."""


@migrations_app.command("copy")
def copy_command(
    folder: Annotated[Path, typer.Argument(help="Your project's supabase/migrations.", show_default=False)],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be copied.")] = False,
    allow_collisions: Annotated[
        bool, typer.Option("--allow-collisions", help="Copy although yours create objects of the same name.")
    ] = False,
) -> None:
    """Copy the migrations into your project, stamped after your newest; those already there are left alone."""
    try:
        copies = plan(folder, source=shipped_migrations(), allow_collisions=allow_collisions)
        if not dry_run:
            write(folder, copies)
    except AdoptionRefused as refused:
        typer.echo(str(refused), err=True)
        raise typer.Exit(1) from None
    for copy in copies:
        typer.echo(f"{copy.source} -> {copy.target}" if copy.target else f"{copy.source} {copy.note}")
    fresh = sum(copy.target is not None for copy in copies)
    typer.echo(said(_WOULD if dry_run else _COPIED, fresh=fresh, there=len(copies) - fresh))
