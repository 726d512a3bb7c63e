"""What one payment costs in all: asked for, registered, paid, told by webhook and browser, partly refunded.

Counted rather than timed: calls over the API, requests to PortOne, WAL, processor time of each process. The simulator plays
PortOne, as cancellations have to be true.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from bench.proc import spending
from bench.rows import Row
from sandbox.demo.world import running_world

if TYPE_CHECKING:
    from bench.run import Run
    from sandbox.demo.world import World

ROWS = [
    Row("life.database_calls", "calls", "lower", None, "calls of SQL functions over the API for one payment's life, polls included"),
    Row("life.portone_calls", "calls", "lower", None, "requests to PortOne"),
    Row("life.webhooks", "deliveries", "lower", None, "webhooks PortOne sends meanwhile"),
    Row("life.wal_bytes", "bytes", "lower", None, "WAL, without page images"),
    Row("life.cpu_ms.worker", "ms", "lower", None, "processor time of the worker"),
    Row("life.cpu_ms.postgres", "ms", "lower", None, "of the database"),
    Row("life.cpu_ms.gateway", "ms", "lower", None, "of the API in front of it"),
]  # fmt: skip
_CALLS = "select funcname, calls from pg_stat_user_functions where schemaname = 'public'"
_WAL = "select wal_bytes - wal_fpi * 8192 from pg_stat_wal"


def measure(run: Run) -> None:
    """A stack of its own, since the demo's journey is followed; so many lives one after the other."""
    lives = 2 if run.quick else 25
    with (
        tempfile.TemporaryDirectory() as folder,
        running_world(Path(folder)) as world,
        psycopg.connect(world.stack.endpoint.admin_db_url, autocommit=True) as connection,
    ):
        connection.execute("alter system set track_functions = 'all'")
        connection.execute("select pg_reload_conf()")
        _live(world)
        names = {child.name: child.pid for child in world.stack.children()}
        pids = {"worker": names.pop("portone-worker"), "postgres": names.pop("postgres")}
        names.pop("portone-simulator", None)
        pids |= names
        after = Counter[str]()
        for _ in range(run.rounds):
            before, calls = _state(connection), Counter[str](dict(connection.execute(_CALLS).fetchall()))
            asked, told = len(world.portone.requests()), len(world.portone.webhooks())
            with spending(pids) as spent:
                for _ in range(lives):
                    _live(world)
            after = Counter[str](dict(connection.execute(_CALLS).fetchall()))
            after.subtract(calls)
            run.out.add("life.database_calls", sum(after.values()) / lives)
            run.out.add("life.wal_bytes", (_state(connection) - before) / lives)
            run.out.add("life.portone_calls", (len(world.portone.requests()) - asked) / lives)
            run.out.add("life.webhooks", (len(world.portone.webhooks()) - told) / lives)
            run.out.add("life.cpu_ms.worker", spent.seconds.pop("worker") / lives * 1000)
            run.out.add("life.cpu_ms.postgres", spent.seconds.pop("postgres") / lives * 1000)
            run.out.add("life.cpu_ms.gateway", sum(spent.seconds.values()) / lives * 1000)
        for function, count in after.most_common():
            if count > 0:
                run.out.line("life", function=function, calls_per_life=round(count / lives, 2))


def _live(world: World) -> None:
    """Prepared, paid, completed by the browser, refunded in part; nothing is left to do at its end."""
    customer = world.customer(f"life{os.urandom(4).hex()}")
    purchase = world.paid(customer, 10_000)
    customer.complete(purchase.payment_id)
    world.admin.cancel(purchase.payment_id, 3_000)
    world.quiet(purchase)
    if wrong := world.books.differences(purchase.payment_id):
        raise RuntimeError(f"the books differ: {wrong}")


def _state(connection: psycopg.Connection[tuple[int]]) -> float:
    connection.execute("select pg_stat_force_next_flush()")
    row = connection.execute(_WAL).fetchone()
    return float(row[0]) if row else 0.0
