"""Decides how many times become one figure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of the values lie; nearest rank. Raises ValueError for none."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered) - 1e-9) - 1)]


def p50(values: Sequence[float]) -> float:
    """The median by nearest rank."""
    return percentile(values, 0.50)


def p99(values: Sequence[float]) -> float:
    """Ninety-nine of a hundred are at most this."""
    return percentile(values, 0.99)


def quantiles(values: Sequence[float]) -> list[float]:
    """The values at 0, 0.1, … 100 %: what a volley's latencies are passed on as."""
    ordered = sorted(values)
    return [percentile(ordered, step / 1000) for step in range(1001)] if ordered else []
