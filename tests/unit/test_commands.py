"""The command line: its commands, its exit codes, one line per wrong setting; and the crash points are real."""

from __future__ import annotations

import os
import subprocess
import sys

from typer.testing import CliRunner

from tests.unit.support import ENVIRONMENT
from worker import __version__
from worker.cli import app
from worker.crash import crash_point


def test_the_commands() -> None:
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    for command in ("serve", "work", "drain"):
        assert command in result.output
    assert CliRunner().invoke(app, ["version"]).output.strip() == __version__


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the worker as a process with nothing but these variables."""
    base = {"PATH": os.environ.get("PATH", "")}
    return subprocess.run(
        [sys.executable, *arguments],
        env=base | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_wrong_settings_are_lines_on_stderr_and_exit_3() -> None:
    result = run("-m", "worker", "drain", **(ENVIRONMENT | {"PORTONE_STORE_ID": "imp1"}))
    assert result.returncode == 3
    assert (
        result.stderr.strip() == "PORTONE_STORE_ID: is a V1 merchant code; put the V2 store id here (store-…)"
    )


def test_an_armed_crash_point_kills_without_a_word() -> None:
    code = "from worker.crash import crash_point\ncrash_point('settle.after')\nprint('still here', flush=True)\ncrash_point('settle.before')\nprint('never')"
    result = run("-c", code, PORTONE_WORKER_CRASH_AT="settle.before")
    assert (result.returncode, result.stdout) == (-9, "still here\n")


def test_an_unarmed_crash_point_does_nothing() -> None:
    crash_point("cancel.after_reply")
