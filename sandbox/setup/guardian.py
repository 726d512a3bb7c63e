"""Decides what happens to our children when we die without saying goodbye: they are stopped.

A guardian is a small process in a session of its own. It reads lines `add <pid> <signal>` and
`remove <pid>` from its standard input. When that pipe closes (we ended, in whatever way, SIGKILL
included), it signals every group still on its list, and kills what is left five seconds later.

Linux' parent-death signal would do the same with less, but it follows the *thread* that started
the child, is lost when the child changes its user, and exists nowhere else.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from typing import IO

_GRACE_SECONDS = 5.0


class Guardian:
    """Keeps one guardian process for the life of this Python process; started on first use."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._pipe: IO[str] | None = None
        self._lock = threading.Lock()

    def add(self, pid: int, stop_signal: int) -> None:
        """Have the process group `pid` sent `stop_signal` should we die."""
        self._write(f"add {pid} {int(stop_signal)}")

    def remove(self, pid: int) -> None:
        """Forget a group that has ended."""
        self._write(f"remove {pid}")

    def _write(self, line: str) -> None:
        with self._lock:
            if self._pipe is None:
                self._pipe = self._start()
            self._pipe.write(line + "\n")
            self._pipe.flush()

    def _start(self) -> IO[str]:
        read_end, write_end = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-I", __file__],
            stdin=read_end,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
        )
        os.close(read_end)
        atexit.register(self._close)
        return os.fdopen(write_end, "w")

    def _close(self) -> None:
        with self._lock:
            if self._pipe is not None and self._process is not None:
                self._pipe.close()
                self._process.wait()


def watch(commands: IO[str]) -> None:
    """Read commands until the pipe closes, then end what is still on the list."""
    wanted: dict[int, int] = {}
    for line in commands:
        word, *numbers = line.split()
        if word == "add":
            wanted[int(numbers[0])] = int(numbers[1])
        else:
            wanted.pop(int(numbers[0]), None)
    for pid, stop_signal in wanted.items():
        signal_group(pid, stop_signal)
    deadline = time.monotonic() + _GRACE_SECONDS
    while any(group_alive(pid) for pid in wanted) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in wanted:
        signal_group(pid, signal.SIGKILL)


def signal_group(pid: int, number: int) -> None:
    """Send a signal to a process group; a group that is gone is fine."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def group_alive(pid: int) -> bool:
    """Say whether a process group still has a member (a zombie counts until it is reaped)."""
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    watch(sys.stdin)
