"""From a webhook to the row that says what PortOne says: worker with jobs, PortOne at 0 and at 50 ms."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import uvloop

from bench import fill
from bench.families.webhook import PATH, empty
from bench.load.e2e import journeys
from bench.load.requests import webhooks
from bench.proc import spending
from bench.provider import AMOUNT
from bench.rows import Row
from bench.stats import p50, p99

if TYPE_CHECKING:
    from bench.rig import Process
    from bench.run import Run

CELLS = [(0, 16), (0, 64), (50, 16), (50, 64)]
ROWS = [
    Row("webhook.e2e_per_s", "1/s", "higher", 400, "payments from webhook to row, PortOne at 50 ms, 64 in flight", True),
    Row("webhook.e2e_p99_ms", "ms", "lower", 600, "the slowest of a hundred, PortOne at 50 ms, 64 in flight", True),
    *(Row(f"webhook.e2e_per_s.{ms}ms_at_{n}", "1/s", "higher", None, f"PortOne at {ms} ms, {n} in flight") for ms, n in CELLS),
    *(Row(f"webhook.e2e_p99_ms.{ms}ms_at_{n}", "ms", "lower", None, f"PortOne at {ms} ms, {n} in flight") for ms, n in CELLS),
    Row("webhook.reads_per_payment", "reads", "lower", 2.0, "PortOne reads a payment, five webhooks each within 50 ms, PortOne at 50 ms"),
    Row("webhook.e2e_cpu_ms.worker", "ms", "lower", None, "processor time of the worker for one payment, PortOne at 50 ms, 64 in flight"),
    Row("webhook.e2e_cpu_ms.postgres", "ms", "lower", None, "of the database"),
    Row("webhook.e2e_cpu_ms.gateway", "ms", "lower", None, "of the gateway"),
]  # fmt: skip


def measure(run: Run) -> None:
    """Each round has its own payments; at the end every row is compared with what PortOne says."""
    with run.rig.connect() as connection:
        fill.users(connection, 100)
    for latency in sorted({ms for ms, _ in CELLS}):
        with (
            run.rig.portone(latency_ms=latency) as portone,
            run.rig.worker(portone_url=portone.url) as worker,
        ):
            for turn in range(run.rounds + 1):
                for in_flight in [n for ms, n in CELLS if ms == latency]:
                    _cell(run, worker, turn, latency, in_flight)
            if latency:
                _coalescing(run, worker, portone)
    compare(run)
    with run.rig.connect() as connection:
        connection.execute("truncate public.payments, public.orders cascade")
    empty(run.rig)


def _cell(run: Run, worker: Process, turn: int, latency: int, in_flight: int) -> None:
    count = max(2 * in_flight, run.size(1200 if in_flight > 16 else 400))
    prefix = f"e{latency}x{in_flight}x{turn}x"
    made = _prepared(run, worker, prefix, count, 1)
    pids = run.rig.pids()
    watched = {"worker": worker.pid, "postgres": pids.pop("postgres")} | pids
    with spending(watched) as spent:
        journey = _go(run, worker, made, in_flight)
    if turn == 0:
        return
    per_s = len(journey.latencies) / journey.seconds
    run.out.add(f"webhook.e2e_per_s.{latency}ms_at_{in_flight}", per_s)
    run.out.add(f"webhook.e2e_p99_ms.{latency}ms_at_{in_flight}", p99(journey.latencies) * 1000)
    if (latency, in_flight) == CELLS[-1]:
        run.out.add("webhook.e2e_per_s", per_s)
        run.out.add("webhook.e2e_p99_ms", p99(journey.latencies) * 1000)
        run.out.add("webhook.e2e_cpu_ms.worker", spent.seconds.pop("worker") / count * 1000)
        run.out.add("webhook.e2e_cpu_ms.postgres", spent.seconds.pop("postgres") / count * 1000)
        run.out.add("webhook.e2e_cpu_ms.gateway", sum(spent.seconds.values()) / count * 1000)
    run.out.line(
        "e2e", portone_ms=latency, in_flight=in_flight, per_s=round(per_s),
        p50_ms=round(p50(journey.latencies) * 1000, 1), p99_ms=round(p99(journey.latencies) * 1000, 1),
    )  # fmt: skip


def _coalescing(run: Run, worker: Process, portone: Process) -> None:
    """Five webhooks a payment, 10 ms apart."""
    for turn in range(run.rounds):
        count = run.size(200)
        made = _prepared(run, worker, f"c{turn}x", count, 5)
        before = int(httpx.get(f"{portone.url}/ready").text)
        _go(run, worker, made, 16, gap=0.01)
        after = int(httpx.get(f"{portone.url}/ready").text)
        run.out.add("webhook.reads_per_payment", (after - before) / count)


def _prepared(run: Run, worker: Process, prefix: str, count: int, each: int) -> list[tuple[str, list[bytes]]]:
    """Payments that wait for their webhook, and the signed webhooks."""
    with run.rig.connect() as connection:
        fill.payments(connection, count, of_users=100, prefix=prefix, paid=False, with_orders=True)
    requests = webhooks(
        {
            "host": "127.0.0.1", "port": worker.port, "path": PATH, "secret": run.rig.secrets.webhook_secret,
            "count": count * each, "per_payment": each, "prefix": prefix,
        }
    )  # fmt: skip
    return [(f"{prefix}{n:08d}", requests[n * each : (n + 1) * each]) for n in range(count)]


def _go(
    run: Run, worker: Process, made: list[tuple[str, list[bytes]]], in_flight: int, *, gap: float = 0.0
) -> Any:
    url = run.rig.supabase.endpoint.admin_db_url
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(journeys(url, "127.0.0.1", worker.port, made, in_flight=in_flight, gap=gap))


def compare(run: Run) -> None:
    """The figures mean something only when every row is what PortOne says, and its order is settled."""
    with run.rig.connect() as connection:
        wrong = connection.execute(
            "select count(*) from public.payments left join public.orders on orders.id::text = payments.order_id "
            "where origin = 'app' and (payments.portone_status is distinct from 'PAID' or payments.paid_amount <> %s or payments.cancelled_amount <> 0 "
            "or cardinality(payments.discrepancies) > 0 or orders.status is distinct from 'paid')",
            [AMOUNT],
        ).fetchone()
    if wrong is None or wrong[0]:
        raise RuntimeError(f"{wrong[0] if wrong else '?'} payments are not what PortOne says")
