"""Other job queues on the same server, asked in turn within a round: ordered work, a million jobs waiting, a lane each.

All over plain connections, claim and finish by their own SQL functions, no handler. What each lacks decides what its
figure means: pgmq's plain `read` keeps no order, procrastinate has neither leases nor fences. See docs/performance.md.
"""

from __future__ import annotations

import importlib.util
import time
from contextlib import ExitStack
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from bench import fill
from bench.drain import Drained, drain, ours
from bench.rows import Row

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg

    from bench.run import Run

BATCH = 50
ROWS = [
    Row("queue.vs_procrastinate_lock", "x", "higher", 100, "jobs/s against procrastinate with a lock a job, backlog 1,000,000", True),
    Row("queue.vs_pgmq_grouped", "x", "higher", 100, "jobs/s against pgmq read_grouped_head, backlog 1,000,000", True),
    Row("queue.rival.ours_jobs_per_s", "jobs/s", "higher", None, "ours in these rounds"),
    Row("queue.rival.procrastinate_lock_jobs_per_s", "jobs/s", "higher", None, "procrastinate, fetch one, a lock a job"),
    Row("queue.rival.pgmq_grouped_jobs_per_s", "jobs/s", "higher", None, "pgmq read_grouped_head, 50 at a time, a group a job"),
    Row("queue.rival.pgmq_unordered_jobs_per_s", "jobs/s", "higher", None, "pgmq plain read, 50 at a time: no order at all"),
]  # fmt: skip
_NAMES = {
    "procrastinate": ("queue.vs_procrastinate_lock", "queue.rival.procrastinate_lock_jobs_per_s"),
    "pgmq": ("queue.vs_pgmq_grouped", "queue.rival.pgmq_grouped_jobs_per_s", "queue.rival.pgmq_unordered_jobs_per_s"),
}  # fmt: skip


def measure(run: Run) -> None:
    """Each queue has a database of its own, filled alike; one after the other within a round, the first thrown away."""
    backlog = run.size(1_000_000, 20_000)
    waiting = run.rig.filled(f"waiting_{backlog}", lambda one: fill.jobs(one, backlog))
    with ExitStack() as stack:
        lanes: dict[str, tuple[str, Any]] = {}
        for package, names in _NAMES.items():
            if importlib.util.find_spec(package) is None:
                for name in names:
                    run.out.skip(name, f"the package {package} is not installed (requirements/bench.lock)")
        name = stack.enter_context(run.rig.database(waiting))
        lanes["queue.rival.ours_jobs_per_s"] = (name, ours(BATCH))
        if importlib.util.find_spec("procrastinate") is not None:
            name = stack.enter_context(run.rig.database(None))
            with run.rig.connect(name) as connection:
                _fill_procrastinate(connection, backlog)
            lanes["queue.rival.procrastinate_lock_jobs_per_s"] = (name, _procrastinate)
        if importlib.util.find_spec("pgmq") is not None:
            name = stack.enter_context(run.rig.database(None))
            with run.rig.connect(name) as connection:
                _fill_pgmq(connection, backlog)
            lanes["queue.rival.pgmq_grouped_jobs_per_s"] = (name, _pgmq("read_grouped_head", "grouped"))
            lanes["queue.rival.pgmq_unordered_jobs_per_s"] = (name, _pgmq("read", "plain"))
        for turn in range(run.rounds + 1):
            found = {
                row: drain(run.rig.supabase.admin_url(database), make, seconds=run.seconds(2)).per_second
                for row, (database, make) in lanes.items()
            }
            if turn == 0:
                continue
            for row, value in found.items():
                run.out.add(row, value)
            mine = found["queue.rival.ours_jobs_per_s"]
            for package, names in _NAMES.items():
                if package != "ours" and found.get(names[1]):
                    run.out.add(names[0], mine / found[names[1]])


def _fill_procrastinate(connection: psycopg.Connection[Any], count: int) -> None:
    connection.execute(files("procrastinate").joinpath("sql/schema.sql").read_text().encode(), prepare=False)
    # Its own triggers would only write history; what is measured is fetching.
    connection.execute("set session_replication_role = replica")
    connection.execute(
        "insert into procrastinate_jobs (queue_name, task_name, lock, args) "
        "select 'default', 'bench', 'bench:' || n, jsonb_build_object('n', n, 'note', repeat('x', 96)) "
        "from generate_series(1, %s) as n",
        [count],
    )
    connection.execute("set session_replication_role = origin")
    connection.execute("vacuum analyze procrastinate_jobs")


def _procrastinate() -> Callable[[psycopg.Connection[Any], Drained], int]:
    worker: list[Any] = []

    def step(connection: psycopg.Connection[Any], drained: Drained) -> int:
        if not worker:
            row = connection.execute("select procrastinate_register_worker_v1()").fetchone()
            worker.append(row[0] if row else None)
        started = time.perf_counter()
        row = connection.execute(
            "select id from procrastinate_fetch_job_v2(null, %s)", [worker[0]]
        ).fetchone()
        drained.claims.append(time.perf_counter() - started)
        if row is None or row[0] is None:
            return 0
        connection.execute("select procrastinate_finish_job_v1(%s, 'succeeded', false)", [row[0]])
        return 1

    return step


def _fill_pgmq(connection: psycopg.Connection[Any], count: int) -> None:
    connection.execute("create schema if not exists pgmq")
    connection.execute(files("pgmq").joinpath("sql/pgmq.sql").read_text().encode(), prepare=False)
    for queue in ("grouped", "plain"):
        connection.execute("select pgmq.create(%s)", [queue])
        connection.execute(
            f"insert into pgmq.q_{queue} (vt, message, headers) select now(), "  # noqa: S608  constants
            "jsonb_build_object('n', n, 'note', repeat('x', 96)), jsonb_build_object('x-pgmq-group', 'bench:' || n) "
            f"from generate_series(1, {count}) as n"
        )
        connection.execute(f"vacuum analyze pgmq.q_{queue}")
    # Only the grouped read uses it; it would make the plain queue dearer for nothing.
    connection.execute("select pgmq.create_fifo_index('grouped')")


def _pgmq(read: str, queue: str) -> Callable[[], Callable[[psycopg.Connection[Any], Drained], int]]:
    def make() -> Callable[[psycopg.Connection[Any], Drained], int]:
        def step(connection: psycopg.Connection[Any], drained: Drained) -> int:
            started = time.perf_counter()
            rows = connection.execute(f"select msg_id from pgmq.{read}('{queue}', 60, {BATCH})").fetchall()  # noqa: S608  constants
            drained.claims.append(time.perf_counter() - started)
            if rows:
                connection.execute("select pgmq.archive(%s, %s::bigint[])", [queue, [row[0] for row in rows]])
            return len(rows)

        return step

    return make
