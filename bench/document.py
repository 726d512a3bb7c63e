"""Decides how figures become `docs/performance.md`: `python -m bench.document build/bench-full.json`.

The words are in `bench/performance.md`; `{{table name}}`, `{{figure name}}` and `{{rows prefix}}` in them are replaced by what
was measured. A word that asks for something that was not measured stops the run: nothing is made up.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.plots import line_plot
from sandbox.setup.paths import PROJECT_ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

TEMPLATE = Path(__file__).with_name("performance.md")
TARGET = PROJECT_ROOT / "docs" / "performance.md"
IMAGES = PROJECT_ROOT / "docs" / "performance"
_ASKED = re.compile(r"\{\{(figure|table|rows|machine|plans) ?([\w.*]*)\}\}")


def main(arguments: list[str] | None = None) -> None:
    """Write the document and its plots. Raises `KeyError` for what was not measured."""
    parser = argparse.ArgumentParser(prog="python -m bench.document", description=__doc__)
    parser.add_argument("measured", type=Path)
    parser.add_argument("--target", type=Path, default=TARGET)
    parser.add_argument("--images", type=Path, default=IMAGES)
    given = parser.parse_args(arguments)
    measured = json.loads(given.measured.read_text())
    given.target.write_text(render(TEMPLATE.read_text(), measured))
    given.images.mkdir(parents=True, exist_ok=True)
    for name, svg in plots(measured).items():
        (given.images / f"{name}.svg").write_text(svg)


def render(template: str, measured: dict[str, Any]) -> str:
    """Return the template with every `{{…}}` replaced."""
    results = {row["name"]: row for row in measured["results"]}

    def answer(asked: re.Match[str]) -> str:
        kind, name = asked.groups()
        if kind == "machine":
            return _machine(measured["machine"])
        if kind == "figure":
            return _number(results[name]["value"])
        if kind == "rows":
            return _rows([row for row in measured["results"] if row["name"].startswith(name)])
        if kind == "plans":
            return "\n\n".join(
                f"`{line['page']}`\n\n```\n{line['plan']}\n```" for line in measured["tables"][name]
            )
        return _table(measured["tables"][name])

    return _ASKED.sub(answer, template)


def plots(measured: dict[str, Any]) -> dict[str, str]:
    """The SVGs by name; a table that was not measured gives none."""
    tables, made = measured["tables"], {}
    if growth := tables.get("growth"):
        calls = [name for name in growth[0] if name != "rows"]
        made["growth"] = line_plot(
            "Cost of a call against rows already there",
            {call: [(line["rows"], line[call]) for line in growth] for call in calls},
            x_label="rows", y_label="ms, batch of 50",
        )  # fmt: skip
    if matrix := tables.get("queue_matrix"):
        cells = [line for line in matrix if line["workers"] == 4 and line["lanes"] == "one each"]
        made["queue"] = line_plot(
            "Jobs a second against the backlog, 4 connections, a lane each",
            {
                f"batch {batch}": [(line["backlog"], line["jobs_per_s"]) for line in cells if line["batch"] == batch]
                for batch in sorted({line["batch"] for line in cells})
            },
            x_label="jobs waiting", y_label="jobs/s",
        )  # fmt: skip
    results = {row["name"]: row["value"] for row in measured["results"]}
    processes = [n for n in (1, 2, 4) if results.get(f"scaling.ack_per_s.{n}_processes")]
    if processes:
        made["scaling"] = line_plot(
            "Worker processes on one database",
            {
                "webhooks/s": [(n, results[f"scaling.ack_per_s.{n}_processes"]) for n in processes],
                "payments/s": [(n, results[f"scaling.jobs_per_s.{n}_processes"]) for n in processes],
            },
            x_label="processes", y_label="a second", log_x=False,
        )  # fmt: skip
    return made


def _machine(facts: dict[str, Any]) -> str:
    postgres = ", ".join(f"{name} {value}" for name, value in facts.get("postgres", {}).items())
    return (
        f"{facts['cpu']}, {facts['cores']} cores, {facts['memory_gb']} GB; {facts['system']}, Python {facts['python']}, "
        f"API `{facts['api']}`; PostgreSQL: {postgres}. Load average at the start {facts['load_average'][0]}; {facts['at'][:10]}."
    )


def _rows(rows: Sequence[dict[str, Any]]) -> str:
    lines = ["| figure | value | bar | | what |", "|---|---|---|---|---|"]
    for row in rows:
        sign = "≤" if row["better"] == "lower" else "≥"
        bar = "" if row["bar"] is None else f"{sign} {_number(row['bar'])}"
        mark = {True: "met", False: "**missed**", None: ""}[row["pass"]]
        value = (
            f"{_number(row['value'])} {row['unit']}" if row["value"] is not None else row.get("skipped", "-")
        )
        lines.append(f"| `{row['name']}` | {value} | {bar} | {mark} | {row['what']} |")
    return "\n".join(lines)


def _table(lines: Sequence[dict[str, Any]]) -> str:
    names = list(dict.fromkeys(name for line in lines for name in line))
    head = [f"| {' | '.join(name.replace('_', ' ') for name in names)} |", f"|{'---|' * len(names)}"]
    return "\n".join(
        head + [f"| {' | '.join(_number(line.get(name, '')) for name in names)} |" for line in lines]
    )


def _number(value: Any) -> str:
    if not isinstance(value, int | float):
        return str(value)
    if value and abs(value) < 1:
        return f"{value:.2g}"
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.1f}"


if __name__ == "__main__":
    main()
