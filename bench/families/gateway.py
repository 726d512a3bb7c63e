"""The queue as the worker reaches it: claim and settle over HTTP, and where the time of a call goes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import uvloop

from bench import fill
from bench.families.webhook import empty
from bench.load.jobs import drain_over_http
from bench.proc import spending
from bench.rows import Row

if TYPE_CHECKING:
    from bench.run import Run

BATCH, CALLERS = 50, 4
ROWS = [
    Row("queue.gateway.jobs_per_s", "jobs/s", "higher", 2500, "claim + settle over the gateway, batch 50, 4 callers", True),
    Row("queue.gateway.cpu_us.gateway", "us", "lower", None, "processor time of the gateway for one job"),
    Row("queue.gateway.cpu_us.postgres", "us", "lower", None, "of the database for one job"),
]  # fmt: skip


def measure(run: Run) -> None:
    """Rounds over one backlog."""
    endpoint = run.rig.supabase.endpoint
    with run.rig.connect() as connection:
        fill.jobs(connection, run.size(200_000, 5000))
    for turn in range(run.rounds + 1):
        pids = run.rig.pids()
        watched = {"postgres": pids.pop("postgres")} | pids
        with spending(watched) as spent, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            jobs, seconds = runner.run(
                drain_over_http(
                    "127.0.0.1", run.rig.api_port, {"apikey": endpoint.secret_key, "user-agent": "bench"},
                    batch=BATCH, callers=CALLERS, seconds=run.seconds(4),
                )
            )  # fmt: skip
        if turn and jobs:
            run.out.add("queue.gateway.jobs_per_s", jobs / seconds)
            run.out.add("queue.gateway.cpu_us.postgres", spent.seconds.pop("postgres") / jobs * 1e6)
            run.out.add("queue.gateway.cpu_us.gateway", sum(spent.seconds.values()) / jobs * 1e6)
    empty(run.rig)
