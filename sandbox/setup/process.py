"""Decides how a sandbox process is started, watched and stopped.

Every child runs in a process group of its own, writes to a log file of its own, and dies with us
(see `guardian`) unless it was started detached. When one ends on its own the error names it and
shows the tail of its log.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox.setup.guardian import Guardian, signal_group

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_TAIL_LINES = 40
_GUARDIAN = Guardian()

# No child of ours phones home.
QUIET_ENV = {"SUPABASE_TELEMETRY_DISABLED": "1", "LITE_TELEMETRY": "0", "DO_NOT_TRACK": "1"}


class ProcessDied(RuntimeError):
    """A sandbox process ended although it should run; the message has its name and last lines."""


@dataclass(frozen=True, slots=True)
class Account:
    """The operating-system account a child runs as; `None` fields everywhere else mean "us"."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Command:
    """What to start: `stop_signal` asks it to end, `env` is its whole environment."""

    name: str
    argv: Sequence[str]
    log_path: Path
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    account: Account | None = None
    stop_signal: int = signal.SIGTERM


class Child:
    """A running sandbox process."""

    def __init__(self, command: Command, *, detached: bool = False) -> None:
        """Start the command at once. `detached` children outlive us (`make up`)."""
        self.command = command
        self._detached = detached
        self._ended = False
        command.log_path.parent.mkdir(parents=True, exist_ok=True)
        account = command.account
        with command.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                list(command.argv),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(command.env),
                cwd=command.cwd,
                start_new_session=True,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )
        if not detached:
            _GUARDIAN.add(self.pid, command.stop_signal)
            atexit.register(self.stop)

    @property
    def pid(self) -> int:
        """The process id, also the id of its process group."""
        return self._process.pid

    @property
    def name(self) -> str:
        """The name used in messages and in `pids`."""
        return self.command.name

    def alive(self) -> bool:
        """Say whether the process still runs."""
        return self._process.poll() is None

    def check(self) -> None:
        """Raise `ProcessDied` with the tail of the log when the process has ended."""
        code = self._process.poll()
        if code is not None:
            raise ProcessDied(f"{self.name} ended ({_describe(code)}); its log:\n{self.log_tail()}")

    def log_tail(self, lines: int = _TAIL_LINES) -> str:
        """Return the last lines of the log, indented, after the path of the whole log."""
        text = self.command.log_path.read_text(errors="replace") if self.command.log_path.exists() else ""
        tail = text.splitlines()[-lines:] or ["(empty)"]
        return "\n".join([f"  [{self.command.log_path}]", *(f"  {line}" for line in tail)])

    def wait_until(self, ready: Callable[[], bool], *, within: float) -> None:
        """Poll `ready` until it is true.

        Raises `ProcessDied` when the process ends meanwhile and `TimeoutError`, with the log's
        tail, when it is not ready after `within` seconds.
        """
        deadline = time.monotonic() + within
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"{self.name} was not ready after {within:.0f} s; its log:\n{self.log_tail()}"
                )
            time.sleep(0.02)

    def wait_exit(self, within: float) -> int:
        """Wait until the process has ended and return its exit code (negative: the signal).

        Raises `TimeoutError` with the tail of its log when it still runs after `within` seconds.
        """
        try:
            return self._process.wait(within)
        except subprocess.TimeoutExpired:
            raise TimeoutError(
                f"{self.name} still runs after {within:.0f} s; its log:\n{self.log_tail()}"
            ) from None

    def stop(self, *, within: float = 10.0) -> None:
        """Ask the process to end, kill its group after `within` seconds; safe to call twice."""
        if self.alive():
            signal_group(self.pid, self.command.stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(within)
        self.kill()

    def kill(self) -> None:
        """SIGKILL the process group at once, reap the leader; safe to call twice."""
        if self._ended:
            return
        self._ended = True
        signal_group(self.pid, signal.SIGKILL)
        self._process.wait()
        if not self._detached:
            _GUARDIAN.remove(self.pid)
            atexit.unregister(self.stop)


def child_env(**extra: str) -> dict[str, str]:
    """Return our environment with telemetry off and `extra` on top."""
    return {**os.environ, **QUIET_ENV, **extra}


def _describe(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
