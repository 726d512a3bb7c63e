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
from typing import Any

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
    parser.add_argument(
        "--keep", action="store_true", help="with --only: the other families' figures stay in the file"
    )
    parser.add_argument("--note", help="what else the machine did meanwhile: stands in the page")
    parser.add_argument("--output", type=Path, default=TARGET)
    given = parser.parse_args(arguments)
    names = given.only or list(FAMILIES)
    out = Recorder(rows(names))
    kept = json.loads(given.output.read_text()) if given.keep and given.output.exists() else None
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
        facts: dict[str, Any] = machine(supabase.endpoint.admin_db_url) | {
            "quick": given.quick, "full": given.full, "rounds": given.rounds, "note": given.note,
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
            _write(given.output, facts | {"seconds": took}, out, kept)
    return _say(out, quick=given.quick, problems=problems)


def _write(target: Path, facts: dict[str, Any], out: Recorder, kept: dict[str, Any] | None) -> None:
    """Write what is measured so far; of `kept` what this run does not measure, under the machine of that run."""
    quick = bool(facts["quick"])
    results = [result.to_json(quick=quick) for result in out.results.values()]
    tables = dict(out.tables)
    if kept is not None:
        mine = {row["name"]: row for row in results if row["samples"] or "skipped" in row}
        results = [mine.pop(row["name"], row) for row in kept["results"]] + list(mine.values())
        tables = kept["tables"] | tables
        seconds = kept["machine"]["seconds"] | facts["seconds"]
        facts = kept["machine"] | {
            "note": facts["note"] or kept["machine"].get("note"),
            "seconds": seconds,
            "measured_again": [*kept["machine"].get("measured_again", ()), *facts["seconds"]],
        }
    target.parent.mkdir(parents=True, exist_ok=True)
    content = {"machine": facts, "results": results, "tables": tables}
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
