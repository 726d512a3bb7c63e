"""Decides how figures become `docs/performance.md` and `docs/scaling.md`: `python -m bench.document build/bench.json`.

The words are in `bench/performance.md` and `bench/scaling.md`; `{{figure name}}`, `{{rows prefix}}`, `{{table name}}` and the like in
them are replaced by what was measured. What was not measured is called so; a name that nobody measures stops the run.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.plots import line_plot
from bench.registry import rows
from bench.sizing import instances, shops
from sandbox.setup.paths import PROJECT_ROOT

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

PAGES = ("performance", "scaling")
TEMPLATES = Path(__file__).parent
TARGET = PROJECT_ROOT / "docs"
TABLES = (
    "webhook", "e2e", "queue", "queue_matrix", "growth", "sizes", "partitions", "rls_plans", "migration", "life", "scaling_ack",
)  # fmt: skip
PLOTS = ("webhook", "queue", "growth", "scaling")
UNMEASURED = "not measured"
_ASKED = re.compile(r"\{\{(figure|table|rows|missed|machine|plans|plot|shops|instances) ?([\w.*]*)\}\}")


def main(arguments: list[str] | None = None) -> None:
    """Write the pages and their plots. Raises `KeyError` for a name nobody measures."""
    parser = argparse.ArgumentParser(prog="python -m bench.document", description=__doc__)
    parser.add_argument("measured", type=Path)
    parser.add_argument("--target", type=Path, default=TARGET, help="folder of the pages")
    given = parser.parse_args(arguments)
    measured = json.loads(given.measured.read_text())
    images = given.target / "performance"
    images.mkdir(parents=True, exist_ok=True)
    drawn = plots(measured)
    for name, svg in drawn.items():
        (images / f"{name}.svg").write_text(svg)
    for page in PAGES:
        template = (TEMPLATES / f"{page}.md").read_text()
        (given.target / f"{page}.md").write_text(render(template, measured))


def render(template: str, measured: dict[str, Any]) -> str:
    """Return the template with every `{{…}}` replaced. Raises `KeyError` for a name nobody measures."""
    results = {row["name"]: row for row in measured["results"]}
    announced = {row.name for row in rows()}
    drawn = plots(measured)

    def known(name: str, names: Collection[str]) -> None:
        if name not in names:
            raise KeyError(name)

    def answer(asked: re.Match[str]) -> str:
        kind, name = asked.groups()
        match kind:
            case "machine":
                return _machine(measured["machine"])
            case "figure":
                known(name, announced)
                value = results[name]["value"] if name in results else None
                return UNMEASURED if value is None else _number(value)
            case "rows":
                found = [row for row in measured["results"] if row["name"].startswith(name)]
                return _rows(found) if found else f"_{name.rstrip('.')}: {UNMEASURED} in this run._"
            case "missed":
                return _missed(measured["results"])
            case "plot":
                known(name, PLOTS)
                return (
                    f"![{name}](performance/{name}.svg)"
                    if name in drawn
                    else f"_Plot {name}: {UNMEASURED} in this run._"
                )
            case "shops" | "instances":
                lines = shops(measured) if kind == "shops" else instances(measured)
                return (
                    _table(lines)
                    if lines
                    else f"_{UNMEASURED.capitalize()} in this run: costs of one payment's life._"
                )
        known(name, TABLES)
        lines = measured["tables"].get(name)
        if not lines:
            return f"_Table {name}: {UNMEASURED} in this run._"
        if kind == "plans":
            return "\n\n".join(f"`{line['page']}`\n\n```\n{line['plan']}\n```" for line in lines)
        return _table(lines)

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
    if under_way := [n for n in (1, 16, 64) if results.get(f"webhook.ack_per_s.at_{n}")]:
        made["webhook"] = line_plot(
            "Webhooks acknowledged, one worker process",
            {"acks/s": [(n, results[f"webhook.ack_per_s.at_{n}"]) for n in under_way]},
            x_label="in flight", y_label="a second",
        )  # fmt: skip
    processes = [
        n
        for n in (1, 2, 4)
        if results.get(f"scaling.ack_per_s.{n}_processes")
        and results.get(f"scaling.jobs_per_s.{n}_processes")
    ]
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
    kind = "the whole matrix" if facts.get("full") else "`make bench`"
    minutes = sum(facts.get("seconds", {}).values()) / 60
    said = [
        f"{facts['cpu']}, {facts['cores']} cores, {facts['memory_gb']} GB; {facts['system']}, Python {facts['python']}, "
        f"API `{facts['api']}`; PostgreSQL: {postgres}. Load average at the start {facts['load_average'][0]}; {facts['at'][:10]}.",
        f"{kind}: {facts.get('rounds', '?')} rounds after the warm-up, {minutes:.1f} minutes in all.",
    ]
    if facts.get("measured_again"):
        said.append(f"Measured again afterwards, by themselves: {', '.join(facts['measured_again'])}.")
    if facts.get("quick"):
        said.append("A --quick run: no figure means anything.")
    if facts.get("note"):
        said.append(f"**{facts['note']}**")
    return " ".join(said)


def _rows(rows: Sequence[dict[str, Any]]) -> str:
    lines = ["| figure | median | rounds | bar | | what |", "|---|---|---|---|---|---|"]
    for row in rows:
        sign = "≤" if row["better"] == "lower" else "≥"
        bar = "" if row["bar"] is None else f"{sign} {_number(row['bar'])}"
        mark = {True: "met", False: "**missed**", None: ""}[row["pass"]]
        value = (
            f"{_number(row['value'])} {row['unit']}"
            if row["value"] is not None
            else f"{UNMEASURED}: {row['skipped']}"
            if row.get("skipped")
            else UNMEASURED
        )
        samples = (
            f"{_number(min(row['samples']))} … {_number(max(row['samples']))} ({len(row['samples'])})"
            if row["samples"]
            else ""
        )
        lines.append(f"| `{row['name']}` | {value} | {samples} | {bar} | {mark} | {row['what']} |")
    return "\n".join(lines)


def _missed(results: Sequence[dict[str, Any]]) -> str:
    """One line: how many bars are met, and which are not."""
    judged = [row for row in results if row["pass"] is not None]
    missed = [f"`{row['name']}`" for row in judged if not row["pass"]]
    silent = [f"`{row['name']}`" for row in results if row["bar"] is not None and row["pass"] is None]
    return (
        f"{len(judged) - len(missed)} of {len(judged)} bars are met. "
        f"Missed: {', '.join(missed) or 'none'}. Not judged in this run: {', '.join(silent) or 'none'}."
    )


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
