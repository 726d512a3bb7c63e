"""Decides how the real Supabase CLI is run: with the wheel's Node, against a database by its address."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.setup.node import node_script, path_with_node
from sandbox.setup.process import child_env

if TYPE_CHECKING:
    from pathlib import Path

_CLI = "supabase/dist/supabase.js"
_SECONDS = 300


@dataclass(frozen=True, slots=True)
class CliAnswer:
    """What a command said: its result, and beside it what it told people."""

    exit_code: int
    output: str
    remarks: str

    @property
    def everything(self) -> str:
        """Both, for an error message."""
        return self.remarks + self.output


def run_cli(*arguments: str, db_url: str, workdir: Path) -> CliAnswer:
    """Run one command on the database at `db_url`; `workdir` holds `supabase/` and is its home.

    Raises `RuntimeError` when the CLI is not installed, `subprocess.TimeoutExpired` after five minutes.
    """
    separator = "&" if "?" in db_url else "?"
    result = subprocess.run(
        [
            *node_script(_CLI),
            *arguments,
            f"--remote={db_url}{separator}sslmode=disable",
            "--workdir",
            str(workdir),
            "--agent",
            "no",
        ],
        env=child_env(HOME=str(workdir), PATH=path_with_node()),
        cwd=workdir,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    return CliAnswer(result.returncode, result.stdout, result.stderr)
