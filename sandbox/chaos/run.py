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
from sandbox.chaos.report import Summary, recovery

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sandbox.chaos.arena import Arena
    from sandbox.chaos.judge import Verdict
    from sandbox.supabase.project import Supabase


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
    """One run; `printed` returns what was shown on the terminal so far, which is searched for secrets too."""

    def __init__(
        self, plan: Plan, tell: Callable[[str], None], printed: Callable[[], str] = lambda: ""
    ) -> None:
        self._plan = plan
        self._tell = tell
        self._printed = printed
        self.summary = Summary(plan.seed)

    def __call__(self, supabase: Supabase | None = None) -> Summary:
        """Run both parts; each has a stack of its own, or shares the given Supabase's database."""
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="portone-chaos-") as folder:
            if self._plan.points:
                self._matrix(Path(folder) / "matrix", supabase)
            if self._plan.operations:
                self._load(Path(folder) / "load", supabase)
        self.summary.seconds = round(time.monotonic() - started, 1)
        return self.summary

    def _matrix(self, folder: Path, supabase: Supabase | None) -> None:
        self._tell("crash matrix: starting")
        with open_arena(folder, seed=self._plan.seed, workers=1, supabase=supabase) as arena:
            total, done = len(self._plan.points), 0

            def progress(point: str) -> None:
                nonlocal done
                done += 1
                self._tell(f"crash matrix {done}/{total}: {point}")

            problems = run_matrix(arena, self._plan.points, progress)
            come_to_rest(arena)
            self._close(arena, set(), problems)

    def _load(self, folder: Path, supabase: Supabase | None) -> None:
        plan = self._plan
        self._tell("load: starting")
        with open_arena(folder, seed=plan.seed, workers=plan.workers, supabase=supabase) as arena:
            arena.fleet.start_all()
            private = verify_somebody(arena)
            crowd = Crowd(arena, plan.operations, plan.seed, at_once=plan.at_once)
            gremlins = Gremlins(arena, plan.seed, kill_every=plan.kill_every, outages=plan.outages)

            def progress(asked: int) -> None:
                gremlins.progress = asked / plan.operations
                kills = len(arena.ledger.kills)
                self._tell(
                    f"load: {asked:,}/{plan.operations:,} operations asked for, {kills} workers killed"
                )

            gremlins.start()
            try:
                crowd.shop(progress)
            finally:
                gremlins.stop()
            self._tell("load: coming to rest")
            come_to_rest(arena)
            kills = arena.ledger.kills
            self.summary.recovery_p50_ms = recovery(kills, 0.5)
            self.summary.recovery_p99_ms = recovery(kills, 0.99)
            self._close(arena, private | crowd.private, [*crowd.errors, *gremlins.errors])

    def _close(self, arena: Arena, private: set[str], errors: Sequence[str]) -> Verdict:
        """Compare the books, search the output, add it all up."""
        ours, theirs = read_ours(arena.stack.endpoint.admin_db_url), read_theirs(arena.portone)
        verdict = judge(arena.ledger.asks, arena.ledger.acknowledged, ours, theirs)
        leaked = leaks(arena, private_words(arena, private), self._printed())
        self.summary.add(arena.ledger, verdict, leaked, errors)
        return verdict
