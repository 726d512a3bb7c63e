"""Decides how migrations reach a database: by the real Supabase CLI, as role postgres."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.setup.paths import PROJECT_ROOT
from sandbox.supabase.cli import run_cli

if TYPE_CHECKING:
    from collections.abc import Sequence

_MINIMAL_CONFIG = 'project_id = "portone-supabase"\n'


class PushFailed(RuntimeError):
    """`supabase db push` refused; the message has everything it printed."""


def push(
    db_url: str,
    *,
    only: Sequence[str] | None = None,
    include_seed: bool = False,
    project: Path = PROJECT_ROOT,
) -> str:
    """Apply the project's migrations to `db_url` and return what the CLI printed.

    `only` names versions (the 14 digits a file name starts with); the CLI then sees a work folder
    with just these files. Source: `supabase db push` applies each pending file in one transaction
    and records it; files already recorded are left alone. Raises `PushFailed`, and `ValueError`
    for a version no file has.
    """
    with tempfile.TemporaryDirectory(prefix="portone-push-") as folder:
        work = Path(folder)
        _fill(work / "supabase", project / "supabase", only)
        flags = ["--include-seed"] if include_seed else []
        answer = run_cli("db", "push", "--yes", *flags, db_url=db_url, workdir=work)
    if answer.exit_code != 0:
        raise PushFailed(f"supabase db push failed (exit code {answer.exit_code}):\n{answer.everything}")
    return answer.everything


def listed(db_url: str, *, project: Path = PROJECT_ROOT) -> list[tuple[str, str]]:
    """Return what `supabase migration list` shows: the version in the files and in the database, row by row.

    The side that lacks a version is empty. Raises `PushFailed` when the CLI cannot tell.
    """
    with tempfile.TemporaryDirectory(prefix="portone-list-") as folder:
        work = Path(folder)
        _fill(work / "supabase", project / "supabase", None)
        answer = run_cli("migration", "list", db_url=db_url, workdir=work)
    if answer.exit_code != 0:
        raise PushFailed(f"supabase migration list failed:\n{answer.everything}")
    rows = [[cell.strip(" `") for cell in line.split("|")] for line in answer.output.splitlines()]
    return [(row[0], row[1]) for row in rows if len(row) == 3 and (row[0] + row[1]).isdigit()]


def migration_versions(project: Path = PROJECT_ROOT) -> list[str]:
    """Return the versions of the project's migrations in the order they apply."""
    return sorted(path.name.partition("_")[0] for path in _files(project / "supabase"))


def _files(source: Path) -> list[Path]:
    return sorted((source / "migrations").glob("*.sql"))


def _fill(target: Path, source: Path, only: Sequence[str] | None) -> None:
    """Copy config, seed and the wanted migration files into the CLI's work folder."""
    (target / "migrations").mkdir(parents=True)
    config = source / "config.toml"
    (target / "config.toml").write_text(config.read_text() if config.exists() else _MINIMAL_CONFIG)
    if (source / "seed.sql").exists():
        shutil.copy(source / "seed.sql", target / "seed.sql")
    wanted = None if only is None else set(only)
    for path in _files(source):
        version = path.name.partition("_")[0]
        if wanted is None or version in wanted:
            shutil.copy(path, target / "migrations" / path.name)
            if wanted is not None:
                wanted.discard(version)
    if wanted:
        raise ValueError(f"no migration file has version {', '.join(sorted(wanted))}")
