"""What months as partitions would change for `webhook_logs`: its own columns and indexes, once as one table, once by month."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from bench.rows import Row
from bench.stats import p50

if TYPE_CHECKING:
    import psycopg

    from bench.run import Run

MONTHS, BATCH, LOOPS = 24, 50, 200
ROWS = [
    Row("partitions.insert_ratio", "x", "lower", None, f"{BATCH} deliveries stored: months and a table of keys against one table"),
    Row("partitions.of_payment_ratio", "x", "lower", None, f"the webhooks of one payment: {MONTHS} months against one table"),
    Row("partitions.newest_ratio", "x", "lower", None, "the newest 50"),
    Row("partitions.delete_month_s", "s", "lower", None, "a month deleted from one table"),
    Row("partitions.drop_month_s", "s", "lower", None, "a month detached and dropped"),
]  # fmt: skip

COLUMNS = (
    "(id, webhook_id, webhook_type, status, payment_id, subject_kind, subject_id, job_id, request_headers, request_body, "
    "created_at, processed_at)"
)
# A delivery, two a payment; `{at}` is when it came.
DELIVERY = """select n, 'wh' || n, 'Transaction.Paid', 'processed'::public.webhook_status, 'p' || n / 2, 'payment', 'p' || n / 2, -n,
  jsonb_build_object('content-type', 'application/json'), decode(repeat('ab', 190), 'hex'), {at}, now()"""
NOW = DELIVERY.format(at="now()")
SPREAD = DELIVERY.format(
    at=f"date_trunc('month', now()) - interval '{MONTHS - 1} months' + n * (interval '{MONTHS - 1} months' / %s)"
)
TABLES = f"""
create table public.bench_one (like public.webhook_logs including defaults);
create table public.bench_months (like public.webhook_logs including defaults) partition by range (created_at);
create table public.bench_keys (webhook_id text primary key);
do $$
declare
  first_day constant timestamptz := date_trunc('month', now());
begin
  for month in 0 .. {MONTHS - 1} loop
    execute format('create table public.bench_month_%s partition of public.bench_months for values from (%L) to (%L)',
      month, first_day - make_interval(months => month), first_day - make_interval(months => month - 1));
  end loop;
end
$$
"""
FILL = "insert into public.{} " + COLUMNS + " " + SPREAD + " from generate_series(1, %s::bigint) as n"
INSERT = {
    "one": "insert into public.bench_one " + COLUMNS + " " + NOW + " from generate_series(%s::bigint, %s::bigint) as n on conflict do nothing",
    # The unique index of a partitioned table has to contain its month: who was first is kept beside it.
    "months": (
        "with fresh as (insert into public.bench_keys select 'wh' || n from generate_series(%s::bigint, %s::bigint) as n "  # noqa: S608  constants of ours
        "on conflict do nothing returning substr(webhook_id, 3)::bigint as n) "
        "insert into public.bench_months " + COLUMNS + " " + NOW + " from fresh"
    ),
}  # fmt: skip
OF_PAYMENT = "select * from public.bench_{} where payment_id = %s order by id"
NEWEST = "select * from public.bench_{} order by created_at desc limit 50"


def measure(run: Run) -> None:
    """Both tables side by side, asked in turn; a month leaves each of them at the end."""
    count = run.size(10_000_000 if run.full else 300_000, 20_000)
    with run.rig.database() as name, run.rig.connect(name) as connection:
        _make(connection, count)
        times: dict[str, list[float]] = {}
        for loop in range(5 if run.quick else LOOPS):
            first = count + loop * BATCH + 1
            for table, insert in INSERT.items():
                payment = f"p{loop * 7919 % (count // 2)}"
                _timed(connection, times, f"insert {table}", insert, [first, first + BATCH - 1])
                _timed(connection, times, f"of_payment {table}", OF_PAYMENT.format(table), [payment])
                _timed(connection, times, f"newest {table}", NEWEST.format(table), [])
        for what in ("insert", "of_payment", "newest"):
            run.out.add(f"partitions.{what}_ratio", p50(times[f"{what} months"]) / p50(times[f"{what} one"]))
        _a_month_leaves(run, connection)
        milliseconds = {
            what.replace(" ", "_"): round(p50(seconds) * 1000, 2) for what, seconds in times.items()
        }
        run.out.line("partitions", rows=count, months=MONTHS, **milliseconds)


def _make(connection: psycopg.Connection[Any], count: int) -> None:
    """Filled first and indexed then, each with all the indexes of `webhook_logs`."""
    connection.execute(TABLES.encode())
    for table in ("bench_one", "bench_months"):
        connection.execute(FILL.format(table).encode(), [count, count])
    connection.execute("insert into public.bench_keys select webhook_id from public.bench_one")
    query = "select indexdef from pg_indexes where tablename = 'webhook_logs'"
    for number, (definition,) in enumerate(connection.execute(query).fetchall()):
        _, _, columns = definition.partition(" ON public.webhook_logs ")
        unique = "unique" if definition.startswith("CREATE UNIQUE") else ""
        connection.execute(f"create {unique} index bench_one_{number} on public.bench_one {columns}".encode())
        connection.execute(f"create index bench_months_{number} on public.bench_months {columns}".encode())
    connection.execute("vacuum analyze public.bench_one, public.bench_months, public.bench_keys")


def _a_month_leaves(run: Run, connection: psycopg.Connection[Any]) -> None:
    started = time.perf_counter()
    connection.execute(
        "delete from public.bench_one where created_at >= date_trunc('month', now()) - interval '20 months' "
        "and created_at < date_trunc('month', now()) - interval '19 months'"
    )
    run.out.add("partitions.delete_month_s", time.perf_counter() - started)
    started = time.perf_counter()
    connection.execute("alter table public.bench_months detach partition public.bench_month_20")
    connection.execute("drop table public.bench_month_20")
    run.out.add("partitions.drop_month_s", time.perf_counter() - started)


def _timed(
    connection: psycopg.Connection[Any], times: dict[str, list[float]], what: str, sql: str, values: list[Any]
) -> None:
    started = time.perf_counter()
    cursor = connection.execute(sql.encode(), values)
    if cursor.description:
        cursor.fetchall()
    times.setdefault(what, []).append(time.perf_counter() - started)
