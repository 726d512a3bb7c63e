"""Decides how copies of a program are started from a zygote, watched and killed."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sandbox.setup.guardian import Guardian, signal_group
from sandbox.setup.process import ProcessDied

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_GUARDIAN = Guardian()
_START_SECONDS = 60.0


class Fork:
    """One running copy."""

    def __init__(self, pid: int, log_path: Path, codes: dict[int, int]) -> None:
        self.pid = pid
        self.log_path = log_path
        self._codes = codes

    @property
    def code(self) -> int | None:
        """How it ended (negative: the signal), None while it runs."""
        return self._codes.get(self.pid)

    def kill(self) -> None:
        """SIGKILL it: no goodbye; one that has ended is fine."""
        self._signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self._signal(signal.SIGTERM)

    def wait_exit(self, within: float = 30.0) -> int:
        """Return how it ended. Raises ``TimeoutError`` with the tail of its log when it still runs."""
        deadline = time.monotonic() + within
        while (code := self.code) is None:
            if time.monotonic() > deadline:
                tail = "\n".join(self.log_path.read_text(errors="replace").splitlines()[-15:])
                raise TimeoutError(f"process {self.pid} still runs after {within:.0f} s; its log:\n{tail}")
            time.sleep(0.005)
        return code

    def wait_until(self, ready: Callable[[], bool], *, within: float = _START_SECONDS) -> None:
        """Poll ``ready``. Raises ``ProcessDied`` when it ended meanwhile, ``TimeoutError`` when it takes too long."""
        deadline = time.monotonic() + within
        while not ready():
            if self.code is not None:
                tail = "\n".join(self.log_path.read_text(errors="replace").splitlines()[-15:])
                raise ProcessDied(f"process {self.pid} ended with {self.code}; its log:\n{tail}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"process {self.pid} was not ready after {within:.0f} s")
            time.sleep(0.01)

    def _signal(self, number: int) -> None:
        if self.code is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


class Zygote:
    """The imported program; ``start`` forks it in a few milliseconds. Use as a context manager."""

    def __init__(self, target: str, env: Mapping[str, str], log_path: Path) -> None:
        """``target`` is ``module:function``; ``env`` must let Python find it."""
        self._codes: dict[int, int] = {}
        self._pids: queue.Queue[int] = queue.Queue()
        self._ready = threading.Event()
        self._lock = threading.Lock()
        with log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "sandbox.stack.zygote", target],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=dict(env), start_new_session=True,
            )  # fmt: skip
        _GUARDIAN.add(self._process.pid, signal.SIGKILL)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        if not self._ready.wait(_START_SECONDS):
            self.stop()
            raise ProcessDied(f"{target} could not be imported; see {log_path}")

    def __enter__(self) -> Zygote:
        """Return itself, ready."""
        return self

    def __exit__(self, *_: object) -> None:
        """Kill whatever runs."""
        self.stop()

    def start(self, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: Path) -> Fork:
        """Start one copy with this command line, whole environment, folder and log file."""
        order = {"argv": list(argv), "env": dict(env), "cwd": str(cwd), "log": str(log)}
        if self._process.stdin is None:
            raise RuntimeError("the zygote has no standard input")
        with self._lock:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
            return Fork(self._pids.get(timeout=_START_SECONDS), log, self._codes)

    def stop(self) -> None:
        """Kill every copy and the zygote; safe to call twice."""
        signal_group(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._listener.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        _GUARDIAN.remove(self._process.pid)

    def _listen(self) -> None:
        if self._process.stdout is None:
            return
        for line in self._process.stdout:
            said: dict[str, Any] = json.loads(line)
            if "pid" in said:
                self._pids.put(said["pid"])
            elif "exit" in said:
                self._codes[said["exit"]] = said["code"]
            else:
                self._ready.set()
