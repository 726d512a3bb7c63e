"""Decides what `make demo` does: start everything, travel, report, stop everything; the exit code is the verdict."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path

from sandbox.demo.journey import travel
from sandbox.demo.report import Outcome, Report, write_json
from sandbox.demo.world import running_world
from sandbox.setup.paths import BUILD_DIR, PROJECT_ROOT

DEMO_FILE = BUILD_DIR / "demo.json"
DEMO_LOGS = BUILD_DIR / "demo"


def main(file: Path = DEMO_FILE, logs: Path = DEMO_LOGS, picture: Path | None = None) -> int:
    """Run the journey and return 0 only when every step held; `picture` is an SVG of the terminal to write."""
    started = time.monotonic()
    file.unlink(missing_ok=True)
    shutil.rmtree(logs, ignore_errors=True)
    report = Report(recorded=picture is not None)
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
    if picture is not None:
        report.picture(picture, "make demo")
    return 0 if all(outcome.ok for outcome in outcomes) else 1


def _shown(file: Path) -> str:
    return str(file.relative_to(PROJECT_ROOT) if file.is_relative_to(PROJECT_ROOT) else file)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="make demo", description=__doc__)
    arguments.add_argument("--picture", type=Path, help="write an SVG of the terminal to this file")
    sys.exit(main(picture=arguments.parse_args().picture))
