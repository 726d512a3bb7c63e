"""Decides how a benchmark uses a load generator process: plans go in, figures come out; two can fire at once."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.setup.paths import PROJECT_ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator


class LoadFailed(RuntimeError):
    """Answers were not what they had to be: the figure would mean nothing."""


@dataclass(frozen=True, slots=True)
class Volley:
    """What one volley came to; `quantiles` are seconds at 0, 0.1, … 100 %."""

    count: int
    seconds: float
    quantiles: list[float]
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return self.count / self.seconds

    @property
    def p50_ms(self) -> float:
        """Median latency."""
        return self.quantiles[500] * 1000

    @property
    def p99_ms(self) -> float:
        """Ninety-nine of a hundred are at most this."""
        return self.quantiles[990] * 1000


class Generator:
    """A load generator process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.load"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=PROJECT_ROOT,
            text=True,
        )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def prepare(self, plan: dict[str, Any]) -> None:
        """Let it build the bytes of a plan; returns when they are ready."""
        self._say(json.dumps(plan))
        if self._read().strip() != "ready":
            raise LoadFailed("the load generator did not get ready")

    def go(self) -> None:
        """Fire what was prepared; does not wait."""
        self._say("go")

    def result(self, *, but: frozenset[str] = frozenset()) -> Volley:
        """Wait for the volley's end. Raises `LoadFailed` when an answer had a status other than 200 or those in `but`."""
        answer = json.loads(self._read())
        wrong = {status: n for status, n in answer["statuses"].items() if status not in {"200", *but}}
        if wrong:
            raise LoadFailed(f"answers with {wrong}, the first: {answer['odd']}")
        return Volley(
            sum(answer["statuses"].values()), answer["seconds"], answer["quantiles"], answer["cpu_seconds"]
        )

    def fire(self, plan: dict[str, Any], *, but: frozenset[str] = frozenset()) -> Volley:
        """Prepare, go, result."""
        self.prepare(plan)
        self.go()
        return self.result(but=but)

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _say(self, line: str) -> None:
        if self._process.stdin is None:
            raise LoadFailed("the load generator has no stdin")
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _read(self) -> str:
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line:
            raise LoadFailed("the load generator died; its message is above")
        return line


@contextmanager
def generators(count: int = 1) -> Iterator[list[Generator]]:
    """Yield so many load generators, ended afterwards."""
    made = [Generator() for _ in range(count)]
    try:
        yield made
    finally:
        for one in made:
            one.close()
