"""The job queue over plain connections: does a claim's cost depend on the backlog, and what does a job cost?"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bench import fill
from bench.drain import Drained, drain, ours
from bench.rows import Row
from bench.stats import p50, p99

if TYPE_CHECKING:
    from bench.run import Run

BATCH = 50
ROWS = [
    Row("queue.claim_p50_ratio_1m_vs_1k", "x", "lower", 2.0, "claim of 50 jobs: backlog of 1,000,000 against 1,000", True),
    Row("queue.claim_p50_ms.1k", "ms", "lower", None, "claim of 50 jobs out of 1,000"),
    Row("queue.claim_p50_ms.1m", "ms", "lower", None, "claim of 50 jobs out of 1,000,000"),
    Row("queue.settle_p50_ms.1m", "ms", "lower", None, "settle of 50 jobs, backlog 1,000,000"),
    Row("queue.sql.jobs_per_s", "jobs/s", "higher", 5000, "claim + settle, 4 connections, backlog 1,000,000, a lane each, batch 50", True),
    Row("queue.sql.jobs_per_s.1000_lanes", "jobs/s", "higher", None, "the same with 1,000 lanes, 1,000 deep"),
    Row("queue.pinned_xmin_ratio", "x", "higher", 0.5, "the same while an old transaction holds back vacuum, against without", True),
    Row("queue.wal_bytes_per_job", "bytes", "lower", 2500, "WAL of claim + settle, without page images after checkpoints"),
]  # fmt: skip


def measure(run: Run) -> None:
    """Two databases side by side, asked in turn within a round."""
    million = run.size(1_000_000, 20_000)
    waiting = run.rig.filled(f"waiting_{million}", lambda one: fill.jobs(one, million))
    with run.rig.database() as small, run.rig.database(waiting) as large:
        small_url, large_url = (run.rig.supabase.db_url(name) for name in (small, large))
        for turn in range(run.rounds + 1):
            with run.rig.connect(small) as connection:
                connection.execute("delete from queue.jobs")
                fill.jobs(connection, 1000)
            one = drain(small_url, ours(BATCH), seconds=30, workers=1)
            other = drain(large_url, ours(BATCH), seconds=run.seconds(2), workers=1)
            many = drain(large_url, ours(BATCH), seconds=run.seconds(3))
            if turn == 0:
                continue
            run.out.add(
                "queue.claim_p50_ratio_1m_vs_1k", p50(other.claims) / p50(one.claims[:-1] or one.claims)
            )
            run.out.add("queue.claim_p50_ms.1k", p50(one.claims) * 1000)
            run.out.add("queue.claim_p50_ms.1m", p50(other.claims) * 1000)
            run.out.add("queue.settle_p50_ms.1m", p50(other.settles) * 1000)
            run.out.add("queue.sql.jobs_per_s", many.per_second)
            run.out.line(
                "queue", backlog=million, lanes="one each", workers=4, batch=BATCH, jobs_per_s=round(many.per_second),
                claim_p50_ms=round(p50(many.claims) * 1000, 1), claim_p99_ms=round(p99(many.claims) * 1000, 1),
                settle_p50_ms=round(p50(many.settles) * 1000, 1),
            )  # fmt: skip
        _wal(run, large)
        _pinned(run, large)
    _shared_lanes(run)
    if run.full:
        _matrix(run)


def _wal(run: Run, database: str) -> None:
    with run.rig.connect(database) as connection:
        connection.execute("checkpoint")
        step = ours(BATCH)()
        # Page images follow the checkpoint; what a job costs shows after the first batches.
        for _ in range(10):
            step(connection, Drained())
        before = connection.execute("select wal_bytes - wal_fpi * 8192 from pg_stat_wal").fetchone()
        done = sum(step(connection, Drained()) for _ in range(5 if run.quick else 40))
        time.sleep(0.1)
        connection.execute("select pg_stat_force_next_flush()")
        after = connection.execute("select wal_bytes - wal_fpi * 8192 from pg_stat_wal").fetchone()
        if before and after and done:
            run.out.add("queue.wal_bytes_per_job", float(after[0] - before[0]) / done)


def _pinned(run: Run, database: str) -> None:
    """Alternating in one database, a tenth of a minute each: with an open snapshot, without."""
    url = run.rig.supabase.db_url(database)
    for _ in range(run.rounds):
        with run.rig.connect(database) as connection:
            connection.execute("vacuum queue.jobs")
        free = drain(url, ours(BATCH), seconds=run.seconds(3))
        with run.rig.connect(database) as connection:
            connection.execute("vacuum queue.jobs")
        with run.rig.connect(database) as holder, holder.transaction():
            holder.execute("set transaction isolation level repeatable read")
            holder.execute("select count(*) from queue.keys")
            # The dead rows have to be there before it counts.
            drain(url, ours(BATCH), seconds=run.seconds(2))
            pinned = drain(url, ours(BATCH), seconds=run.seconds(3))
        if free.jobs and pinned.jobs:
            run.out.add("queue.pinned_xmin_ratio", pinned.per_second / free.per_second)


def _shared_lanes(run: Run) -> None:
    with run.rig.database() as name:
        with run.rig.connect(name) as connection:
            fill.jobs(connection, run.size(200_000, 3000), lanes=run.size(1000, 100))
        url = run.rig.supabase.db_url(name)
        for _ in range(run.rounds):
            done = drain(url, ours(BATCH), seconds=run.seconds(3))
            if done.jobs:
                run.out.add("queue.sql.jobs_per_s.1000_lanes", done.per_second)


def _matrix(run: Run) -> None:
    """`make bench-full`: backlog x lanes x batch x workers."""
    for backlog in (1000, 20_000, 200_000, 1_000_000):
        for lanes in (None, 1000):
            for batch in (1, 10, 50, 200):
                with run.rig.database() as name:
                    with run.rig.connect(name) as connection:
                        fill.jobs(connection, run.size(backlog), lanes=lanes)
                    url = run.rig.supabase.db_url(name)
                    for workers in (1, 4):
                        done = drain(
                            url, ours(min(batch, 100) if lanes is None else batch), seconds=3, workers=workers
                        )
                        if done.jobs:
                            run.out.line(
                                "queue_matrix", backlog=backlog, lanes=lanes or "one each", batch=batch, workers=workers,
                                jobs_per_s=round(done.per_second), claim_p50_ms=round(p50(done.claims) * 1000, 2),
                                claim_p99_ms=round(p99(done.claims) * 1000, 2),
                            )  # fmt: skip
