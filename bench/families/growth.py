"""Does cost grow with what is already there? The same calls with 10 k, 100 k, 1 M (full: 10 M webhooks, 5 M jobs) rows behind them."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from bench import fill
from bench.load.requests import webhook_body
from bench.provider import snapshot
from bench.rows import Row
from bench.stats import p50

if TYPE_CHECKING:
    import psycopg

    from bench.run import Run

SIZES = (10_000, 100_000, 1_000_000)
BATCH, LOOPS = 50, 30
CALLS = ("record_webhooks", "claim_jobs", "settle_jobs", "own_page")
ROWS = [
    Row(f"growth.{call}_ratio", "x", "lower", 2.0, f"{call}: cost with 1,000,000 rows against 10,000, medians", True)
    for call in CALLS
]  # fmt: skip


def measure(run: Run) -> None:
    """A shop of each size; the same calls on a connection of their own."""
    steps = [(size, size, size) for size in SIZES]
    if run.full:
        steps.append((10_000_000, 5_000_000, 1_000_000))
    found: dict[int, dict[str, float]] = {}
    for number, (logs, done, paid) in enumerate(steps):
        payments = run.size(paid)
        with run.rig.database(_shop(run, payments)) as name:
            with run.rig.connect(name) as connection:
                fill.webhooks(connection, run.size(logs))
                fill.finished(connection, run.size(done))
                connection.execute("vacuum analyze public.webhook_logs, queue.finished")
                if logs == SIZES[-1]:
                    _sizes(connection, run)
            with run.rig.connect(name) as connection:
                found[logs] = _costs(connection, run, number, payments // 10)
        run.out.line("growth", rows=logs, **{call: round(ms, 2) for call, ms in found[logs].items()})
    for call in CALLS:
        run.out.add(f"growth.{call}_ratio", found[SIZES[2]][call] / found[SIZES[0]][call])


def _shop(run: Run, payments: int) -> str:
    return run.rig.filled(f"shop_{payments}", lambda connection: fill.shop(connection, payments))


def _sizes(connection: psycopg.Connection[Any], run: Run) -> None:
    """What a row takes on disk, indexes included."""
    for table in ("public.payments", "public.payment_events", "public.webhook_logs", "queue.finished"):
        row = connection.execute(
            "select pg_table_size(%(table)s::regclass), pg_indexes_size(%(table)s::regclass), "
            "(select reltuples from pg_class where oid = %(table)s::regclass)",
            {"table": table},
        ).fetchone()
        if row and row[2] > 0:
            run.out.line(
                "sizes", of=table, rows=round(row[2]), bytes_a_row=round(row[0] / row[2]),
                bytes_of_indexes=round(row[1] / row[2]),
            )  # fmt: skip


def _costs(connection: psycopg.Connection[Any], run: Run, number: int, users: int) -> dict[str, float]:
    """Milliseconds of each call, medians: 50 new payments get their webhook, their jobs are claimed and settled."""
    times: dict[str, list[float]] = {call: [] for call in CALLS}
    for loop in range(3 if run.quick else LOOPS):
        prefix = f"n{number}x{loop}x"
        fill.payments(connection, BATCH, of_users=users, prefix=prefix, paid=False, with_orders=True)
        ids = [f"{prefix}{n:08d}" for n in range(BATCH)]
        deliveries = [
            {
                "webhook_id": f"wh-{one}", "webhook_type": "Transaction.Paid", "body": base64.b64encode(webhook_body(one)).decode(),
                "headers": {"content-type": "application/json"}, "subject_kind": "payment", "subject_id": one, "secret_index": 0,
            }
            for one in ids
        ]  # fmt: skip
        _timed(
            connection,
            times["record_webhooks"],
            "select count(*) from public.record_webhooks(%s::jsonb[])",
            [_json(deliveries)],
        )
        jobs = _timed(
            connection,
            times["claim_jobs"],
            "select id, claim, payload ->> 'payment_id' from public.claim_jobs('bench', 50, 60)",
            [],
        )
        outcomes = [
            {"job_id": job, "claim": claim, "verdict": "done", "snapshots": [snapshot(payment)]}
            for job, claim, payment in jobs
        ]
        _timed(
            connection,
            times["settle_jobs"],
            "select count(*) from public.settle_jobs(%s::jsonb[])",
            [_json(outcomes)],
        )
        _timed(
            connection, times["own_page"],
            "select * from public.payments where user_id = %s order by created_at desc limit 20", [fill.user_id(1 + loop % users)],
        )  # fmt: skip
    return {call: p50(seconds) * 1000 for call, seconds in times.items()}


def _json(values: list[dict[str, Any]]) -> list[Jsonb]:
    return [Jsonb(value) for value in values]


def _timed(connection: psycopg.Connection[Any], times: list[float], sql: str, values: list[Any]) -> list[Any]:
    started = time.perf_counter()
    rows = connection.execute(sql.encode(), values).fetchall()
    times.append(time.perf_counter() - started)
    return rows
