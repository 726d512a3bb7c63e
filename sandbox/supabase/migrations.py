"""Decides how migrations reach a database: by the real Supabase CLI, as role postgres."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.setup.node import node_script, path_with_node
from sandbox.setup.paths import PROJECT_ROOT
from sandbox.setup.process import child_env

if TYPE_CHECKING:
    from collections.abc import Sequence

_CLI = "supabase/dist/supabase.js"
_MINIMAL_CONFIG = 'project_id = "portone-supabase"\n'
_PUSH_SECONDS = 300


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
        separator = "&" if "?" in db_url else "?"
        result = subprocess.run(
            [
                *node_script(_CLI),
                "db",
                "push",
                f"--remote={db_url}{separator}sslmode=disable",
                "--workdir",
                str(work),
                "--yes",
                "--agent",
                "no",
                *flags,
            ],
            env=child_env(HOME=folder, PATH=path_with_node()),
            cwd=work,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_PUSH_SECONDS,
            check=False,
        )
    if result.returncode != 0:
        raise PushFailed(f"supabase db push failed (exit code {result.returncode}):\n{result.stdout}")
    return result.stdout


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
