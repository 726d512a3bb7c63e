"""Decides the command `python -m bench`: which families, how many rounds, how large; writes build/bench.json.

Exits 1 when a figure misses its bar, 2 when something could not be measured.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import traceback
from pathlib import Path

from bench.machine import machine
from bench.registry import FAMILIES, rows
from bench.rig import MIGRATED, Rig
from bench.rows import Recorder
from bench.run import Run
from sandbox.setup.paths import PROJECT_ROOT
from sandbox.supabase.open import embedded_supabase

TARGET = PROJECT_ROOT / "build" / "bench.json"


def main(arguments: list[str] | None = None) -> int:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(FAMILIES), help="a family; again for more")
    parser.add_argument("--rounds", type=int, default=3, help="rounds after the warm-up (default 3)")
    parser.add_argument("--quick", action="store_true", help="tiny: shows that it runs, bars are not judged")
    parser.add_argument("--full", action="store_true", help="the whole matrix, for docs/performance.md")
    parser.add_argument("--output", type=Path, default=TARGET)
    given = parser.parse_args(arguments)
    names = given.only or list(FAMILIES)
    out = Recorder(rows(names))
    problems: dict[str, str] = {}
    took: dict[str, float] = {}
    with (
        tempfile.TemporaryDirectory(prefix="portone-bench-") as folder,
        embedded_supabase(Path(folder)) as supabase,
    ):
        supabase.start_database()
        supabase.push()
        supabase.create_database(MIGRATED, template="postgres")
        supabase.start_api()
        run = Run(Rig(supabase, Path(folder)), out, given.rounds, quick=given.quick, full=given.full)
        facts: dict[str, object] = machine(supabase.endpoint.admin_db_url) | {
            "quick": given.quick, "full": given.full, "rounds": given.rounds,
        }  # fmt: skip
        for name in names:
            run.rig.settle()
            started = time.monotonic()
            try:
                FAMILIES[name].measure(run)
            except Exception as error:  # one family must not take the others' figures with it
                traceback.print_exc()
                problems[name] = f"{type(error).__name__}: {error}".splitlines()[0]
                for row in FAMILIES[name].ROWS:
                    if not out.results[row.name].samples:
                        out.skip(row.name, problems[name])
            took[name] = round(time.monotonic() - started, 1)
            sys.stderr.write(f"{name}: {took[name]:.0f} s\n")
            # After every family: a run that is ended early leaves what it has measured.
            _write(given.output, facts | {"seconds": took}, out)
    return _say(out, quick=given.quick, problems=problems)


def _write(target: Path, facts: dict[str, object], out: Recorder) -> None:
    quick = bool(facts["quick"])
    target.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "machine": facts,
        "results": [result.to_json(quick=quick) for result in out.results.values()],
        "tables": out.tables,
    }
    target.write_text(json.dumps(content, indent=1) + "\n")


def _say(out: Recorder, *, quick: bool, problems: dict[str, str]) -> int:
    missed = 0
    for result in out.results.values():
        passed = result.passed(quick=quick)
        missed += passed is False
        mark = {True: "ok", False: "MISSED", None: ""}[passed]
        value = f"{result.value:,.2f}" if result.value is not None else "-"
        bar = (
            ""
            if result.row.bar is None
            else f"{'<=' if result.row.better == 'lower' else '>='} {result.row.bar:,g}"
        )
        print(
            f"{result.row.name:44} {value:>12} {result.row.unit:7} {bar:>10} {mark:7} {result.skipped or ''}"
        )
    return 2 if problems else int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
