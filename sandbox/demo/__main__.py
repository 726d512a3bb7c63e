"""Decides what `make demo` does: start everything, travel, report, stop everything; the exit code is the verdict."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TYPE_CHECKING

from sandbox.demo.journey import travel
from sandbox.demo.report import Outcome, Report, write_json
from sandbox.demo.world import running_world
from sandbox.setup.paths import BUILD_DIR, PROJECT_ROOT

if TYPE_CHECKING:
    from pathlib import Path

DEMO_FILE = BUILD_DIR / "demo.json"
DEMO_LOGS = BUILD_DIR / "demo"


def main(file: Path = DEMO_FILE, logs: Path = DEMO_LOGS) -> int:
    """Run the journey and return 0 only when every step held."""
    started = time.monotonic()
    file.unlink(missing_ok=True)
    shutil.rmtree(logs, ignore_errors=True)
    report = Report()
    report.opening(
        "one order after another through PostgreSQL 17, Supabase's API, PortOne (simulated) and the worker"
    )
    outcomes: list[Outcome] = []
    problem = None
    try:
        with running_world(logs) as world:
            parts = ", ".join(child.name for child in world.stack.children())
            report.started(time.monotonic() - started, parts)
            outcomes = travel(world, report)
    except KeyboardInterrupt:
        problem = "interrupted; everything was stopped"
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
    seconds = time.monotonic() - started
    if problem is not None:
        name = "Everything stops" if outcomes else "Everything starts"
        outcomes = [*outcomes, Outcome(name, ok=False, detail=problem, seconds=seconds)]
        report.stopped_short(problem)
    write_json(file, outcomes, seconds)
    report.closing(outcomes, seconds, _shown(file))
    return 0 if all(outcome.ok for outcome in outcomes) else 1


def _shown(file: Path) -> str:
    return str(file.relative_to(PROJECT_ROOT) if file.is_relative_to(PROJECT_ROOT) else file)


if __name__ == "__main__":
    sys.exit(main())
