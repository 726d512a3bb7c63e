"""The upgrade of a shop with a million payments; `tests.scale.legacy` does it, with readers, buyers and a watch on the locks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.rows import Row
from tests.scale.legacy import ENHANCEMENT
from tests.scale.legacy import measure as upgrade

if TYPE_CHECKING:
    from bench.run import Run

ROWS = [
    Row(
        "migration.backfill_1m_s",
        "s",
        "lower",
        60,
        "the three files of the enhancement on 1,000,000 legacy payments",
        True,
    ),
    Row(
        "migration.longest_lock_s",
        "s",
        "lower",
        1.0,
        "longest ACCESS EXCLUSIVE lock on payments in any file",
        True,
    ),
    Row(
        "migration.longest_wait_s",
        "s",
        "lower",
        1.0,
        "longest wait of a reader or of a new payment in any file",
        True,
    ),
]


def measure(run: Run) -> None:
    """Once: it takes most of a minute, and what it measures is bounded by far."""
    found = upgrade(run.size(1_000_000, 2000), beforehand=True)
    run.out.add("migration.backfill_1m_s", sum(one.seconds for one in found if one.version in ENHANCEMENT))
    run.out.add("migration.longest_lock_s", max(one.access_exclusive for one in found))
    run.out.add("migration.longest_wait_s", max(max(one.reader.seconds, one.buyer.seconds) for one in found))
    for one in found:
        run.out.line(
            "migration", file=one.version, seconds=round(one.seconds, 2), access_exclusive_s=round(one.access_exclusive, 3),
            reader_longest_s=round(one.reader.seconds, 3), buyer_longest_s=round(one.buyer.seconds, 3),
        )  # fmt: skip
