"""What a worker costs when nothing happens, how fast it is there, and what it needs under load."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bench.families.webhook import empty, plan
from bench.load.driver import generators
from bench.proc import cpu_seconds, rss_mb
from bench.rows import Row

if TYPE_CHECKING:
    from bench.run import Run

ROWS = [
    Row(
        "idle.cpu_percent",
        "%",
        "lower",
        1.0,
        "processor time of a worker with jobs that has nothing to do, of one core",
        True,
    ),
    Row("idle.rss_mb", "MB", "lower", 120, "its memory"),
    Row("startup.s", "s", "lower", 10, "from the command to the first 200 of /health/live"),
    Row("busy.rss_mb", "MB", "lower", 200, "memory after a flood of webhooks and their jobs"),
]


def measure(run: Run) -> None:
    """A worker is started and left alone, then flooded."""
    with run.rig.portone() as portone:
        for _ in range(max(2, run.rounds - 1)):
            # What the last round's flood left undone would keep this one busy.
            empty(run.rig)
            started = time.perf_counter()
            with run.rig.worker(portone_url=portone.url) as worker:
                run.out.add("startup.s", time.perf_counter() - started)
                # Polling slows down over the first seconds.
                time.sleep(0.5 if run.quick else 6)
                window = 0.5 if run.quick else 10
                before = cpu_seconds(worker.pid)
                time.sleep(window)
                run.out.add("idle.cpu_percent", (cpu_seconds(worker.pid) - before) / window * 100)
                run.out.add("idle.rss_mb", rss_mb(worker.pid))
                with generators() as (generator,):
                    generator.fire(
                        plan(
                            run.rig, worker, count=run.size(5000), in_flight=64, prefix=f"i{time.time_ns()}x"
                        )
                    )
                run.out.add("busy.rss_mb", rss_mb(worker.pid))
    empty(run.rig)
