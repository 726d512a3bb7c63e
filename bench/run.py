"""Decides what a family of figures is given: where to measure, where to write, how often and how large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.rig import Rig
    from bench.rows import Recorder


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the benchmarks."""

    rig: Rig
    out: Recorder
    rounds: int = 3
    quick: bool = False
    full: bool = False

    def size(self, rows: int, quick: int | None = None) -> int:
        """How many rows: `rows`, or in a --quick run `quick` (default a thousandth, at least 100)."""
        return max(100, rows // 1000) if self.quick and quick is None else quick if self.quick else rows  # type: ignore[return-value]

    def seconds(self, normal: float) -> float:
        """How long one cell is measured."""
        return min(normal, 0.3) if self.quick else normal * (3 if self.full else 1)
