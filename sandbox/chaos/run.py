"""Decides the two parts of a chaos run: the crash matrix, and customers shopping while everything breaks."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.chaos.arena import open_arena
from sandbox.chaos.books import read_ours, read_theirs
from sandbox.chaos.crowd import Crowd
from sandbox.chaos.gremlins import Gremlins
from sandbox.chaos.judge import judge
from sandbox.chaos.leaks import leaks, private_words, verify_somebody
from sandbox.chaos.matrix import run_matrix
from sandbox.chaos.recovery import come_to_rest
from sandbox.chaos.remains import keep
from sandbox.chaos.report import Summary, recovery

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sandbox.chaos.arena import Arena


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run. `kill_every` is in seconds, over all workers."""

    seed: int = 7
    operations: int = 2_000
    workers: int = 3
    at_once: int = 80
    kill_every: float = 0.5
    outages: bool = True
    points: Sequence[tuple[str, str]] = ()


class Run:
    """One run; `printed` returns what was shown on the terminal so far, which is searched for secrets too.

    A run that found something leaves logs and tables in the folder `remains`.
    """

    def __init__(
        self,
        plan: Plan,
        tell: Callable[[str], None],
        printed: Callable[[], str] = lambda: "",
        remains: Path | None = None,
    ) -> None:
        self._plan = plan
        self._tell = tell
        self._printed = printed
        self._remains = remains
        self.summary = Summary(plan.seed)

    def __call__(self) -> Summary:
        """Run both parts over one stack, then compare the books of both and search the output."""
        started = time.monotonic()
        plan = self._plan
        self._tell("starting PostgreSQL, migrations, API, PortOne and workers")
        with (
            tempfile.TemporaryDirectory(prefix="portone-chaos-") as folder,
            open_arena(Path(folder), seed=plan.seed, workers=plan.workers) as arena,
        ):
            problems = self._matrix(arena) if plan.points else []
            private = self._load(arena, problems) if plan.operations else set()
            self._tell("coming to rest")
            come_to_rest(arena)
            self._close(arena, private, problems)
        self.summary.seconds = round(time.monotonic() - started, 1)
        return self.summary

    def _matrix(self, arena: Arena) -> list[str]:
        total, done = len(self._plan.points), 0

        def progress(point: str) -> None:
            nonlocal done
            done += 1
            self._tell(f"crash matrix {done}/{total}: {point}")

        return run_matrix(arena, self._plan.points, progress)

    def _load(self, arena: Arena, problems: list[str]) -> set[str]:
        """Let customers shop; returns what was private about them, adds what went wrong with the run itself."""
        plan, before = self._plan, len(arena.ledger.asks)
        arena.fleet.start_all()
        private = verify_somebody(arena)
        crowd = Crowd(arena, plan.operations, plan.seed, at_once=plan.at_once)
        gremlins = Gremlins(
            arena, plan.seed, operations=plan.operations, kill_every=plan.kill_every, outages=plan.outages
        )

        def progress(asked: int) -> None:
            gremlins.progress = (asked - before) / plan.operations
            kills = len(arena.ledger.kills)
            self._tell(
                f"load: {asked - before:,}/{plan.operations:,} operations asked for, {kills} workers killed"
            )

        gremlins.start()
        try:
            crowd.shop(progress)
        finally:
            gremlins.stop()
        self.summary.recovery_p50_ms = recovery(arena.ledger.kills, 0.5)
        self.summary.recovery_p99_ms = recovery(arena.ledger.kills, 0.99)
        problems += [*crowd.errors, *gremlins.errors]
        return private | crowd.private

    def _close(self, arena: Arena, private: set[str], problems: Sequence[str]) -> None:
        """Compare the books, search the output, add it all up."""
        ours, theirs = read_ours(arena.stack.endpoint.admin_db_url), read_theirs(arena.portone)
        withheld = arena.ledger.withheld.values()
        verdict = judge(arena.ledger.asks, arena.ledger.acknowledged, ours, theirs, withheld)
        leaked = leaks(arena, private_words(arena, private), self._printed())
        self.summary.add(arena.ledger, verdict, leaked, problems)
        if self._remains is not None and not self.summary.good:
            keep(arena, self._remains)
