"""Decides what a figure is: its name, unit, bar and direction, and the samples behind its median."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import Any, Literal

Better = Literal["lower", "higher"]


@dataclass(frozen=True, slots=True)
class Row:
    """One figure as announced: `bar` is what it must reach, None where it only informs."""

    name: str
    unit: str
    better: Better
    bar: float | None
    what: str
    # A bar that only means something at full size is not judged in a --quick run.
    full_size: bool = False


@dataclass(slots=True)
class Result:
    """A figure as measured: one sample a round; `skipped` says why there is none."""

    row: Row
    samples: list[float] = field(default_factory=list)
    skipped: str | None = None

    @property
    def value(self) -> float | None:
        """The median of the rounds."""
        return median(self.samples) if self.samples else None

    def passed(self, *, quick: bool = False) -> bool | None:
        """Whether the bar is met; None where there is no bar, no sample, or the run was too small to say."""
        if self.row.bar is None or self.value is None or (quick and self.row.full_size):
            return None
        return self.value <= self.row.bar if self.row.better == "lower" else self.value >= self.row.bar

    def to_json(self, *, quick: bool = False) -> dict[str, Any]:
        """The shape of `build/bench.json`."""
        value = self.value
        return {
            "name": self.row.name,
            "value": None if value is None else round(value, 4),
            "unit": self.row.unit,
            "bar": self.row.bar,
            "better": self.row.better,
            "pass": self.passed(quick=quick),
            "samples": [round(one, 4) for one in self.samples],
            "what": self.row.what,
            **({"skipped": self.skipped} if self.skipped else {}),
        }


class Recorder:
    """Takes samples of announced rows; a name nobody announced is a mistake."""

    def __init__(self, rows: list[Row]) -> None:
        self.results = {row.name: Result(row) for row in rows}
        self.tables: dict[str, list[dict[str, Any]]] = {}

    def add(self, name: str, value: float) -> None:
        """One more sample. Raises `KeyError` for an unknown name."""
        self.results[name].samples.append(float(value))

    def skip(self, name: str, reason: str) -> None:
        """There will be no sample, because of `reason`."""
        self.results[name].skipped = reason

    def line(self, table: str, **cells: Any) -> None:
        """A line of one of the tables of `docs/performance.md`."""
        self.tables.setdefault(table, []).append(cells)
