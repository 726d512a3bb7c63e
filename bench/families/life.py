"""What one payment costs in all: asked for, registered, paid, confirmed by webhook and browser, partly refunded.

Counted, not timed: calls over the API, requests to PortOne, WAL, transactions, processor time of each process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.rows import Row

if TYPE_CHECKING:
    from bench.run import Run

ROWS = [
    Row(
        "life.database_calls", "calls", "lower", None, "calls over the API by the worker, one payment's life"
    ),
    Row("life.portone_calls", "calls", "lower", None, "requests to PortOne"),
    Row("life.wal_bytes", "bytes", "lower", None, "WAL, without page images"),
    Row("life.cpu_ms.worker", "ms", "lower", None, "processor time of the worker"),
    Row("life.cpu_ms.postgres", "ms", "lower", None, "of the database"),
]


def measure(run: Run) -> None:
    """Filled in by the next commit."""
    for row in ROWS:
        run.out.skip(row.name, "not measured yet")
