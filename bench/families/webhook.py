"""Webhook intake: signed, unique, durable, deduplicated, answered 200; one worker process, no jobs run beside it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.load.driver import generators
from bench.proc import spending
from bench.rows import Row

if TYPE_CHECKING:
    from bench.load.driver import Generator
    from bench.rig import Process, Rig
    from bench.run import Run

PATH = "/webhooks/portone"
COUNTS = {1: 400, 16: 4000, 64: 10_000}
ROWS = [
    Row("webhook.ack_per_s", "1/s", "higher", 3000, "signed, unique webhooks answered 200, 64 in flight", True),
    Row("webhook.ack_p99_ms", "ms", "lower", 60, "the slowest of a hundred, 64 in flight", True),
    Row("webhook.ack_p50_ms", "ms", "lower", None, "one at a time: near one round trip"),
    Row("webhook.call_p50_ms", "ms", "lower", None, "one `record_webhooks` call straight at the gateway, one at a time: that round trip"),
    *(Row(f"webhook.ack_per_s.at_{n}", "1/s", "higher", None, f"{n} in flight") for n in COUNTS),
    *(Row(f"webhook.ack_p99_ms.at_{n}", "ms", "lower", None, f"{n} in flight") for n in COUNTS),
    Row("webhook.floor_ratio", "x", "higher", 3, "acks against single-row inserts over the same gateway, 64 in flight", True),
    Row("webhook.floor_inserts_per_s", "1/s", "higher", None, "single-row inserts over the gateway, one call each, 64 in flight"),
    Row("webhook.pgbench_inserts_per_s", "1/s", "higher", None, "pgbench: committed single-row inserts, 64 clients, no HTTP"),
    Row("webhook.duplicates_per_s", "1/s", "higher", None, "the same deliveries again, 64 in flight: every one logged as a repeat"),
    *(Row(f"webhook.cpu_us.{who}", "us", "lower", None, f"processor time of {who} for one webhook, 64 in flight")
      for who in ("worker", "gateway", "postgres")),
]  # fmt: skip
FLOOR = (
    "create table public.bench_floor (id bigint generated always as identity primary key, body text not null)"
)


def plan(
    rig: Rig, worker: Process, *, count: int, in_flight: int, prefix: str, **more: Any
) -> dict[str, Any]:
    """A volley of webhooks at a worker."""
    return {
        "kind": "webhooks", "host": "127.0.0.1", "port": worker.port, "path": PATH, "secret": rig.secrets.webhook_secret,
        "count": count, "in_flight": in_flight, "prefix": prefix, **more,
    }  # fmt: skip


def measure(run: Run) -> None:
    """Rounds of 1, 16, 64 in flight; the floor is taken in the same rounds."""
    rig = run.rig
    with rig.connect() as connection:
        connection.execute(FLOOR)
        connection.execute("alter table public.bench_floor enable row level security")
        connection.execute("grant insert on public.bench_floor to service_role")
    rig.supabase.restart_api()
    with rig.worker("serve --no-jobs") as worker, generators() as (generator,):
        for turn in range(run.rounds + 1):
            for in_flight, count in COUNTS.items():
                _acks(run, worker, generator, turn, in_flight, max(in_flight, run.size(count)))
            _floor(run, generator, turn)
            _call(run, generator, turn)
    _pgbench(run)
    empty(rig)


def _acks(run: Run, worker: Process, generator: Generator, turn: int, in_flight: int, count: int) -> None:
    prefix = f"w{turn}x{in_flight}x"
    asked = plan(run.rig, worker, count=count, in_flight=in_flight, prefix=prefix)
    pids = run.rig.pids()
    watched = {"worker": worker.pid, "postgres": pids.pop("postgres")} | pids
    generator.prepare(asked)
    with spending(watched) as spent:
        generator.go()
        volley = generator.result()
    stored = _stored(run.rig, prefix)
    if stored != count:
        raise RuntimeError(f"{count} webhooks were answered 200, {stored} are stored")
    if turn == 0:
        return
    run.out.add(f"webhook.ack_per_s.at_{in_flight}", volley.per_second)
    run.out.add(f"webhook.ack_p99_ms.at_{in_flight}", volley.p99_ms)
    if in_flight == 1:
        run.out.add("webhook.ack_p50_ms", volley.p50_ms)
    if in_flight == max(COUNTS):
        run.out.add("webhook.ack_per_s", volley.per_second)
        run.out.add("webhook.ack_p99_ms", volley.p99_ms)
        named = {"worker": spent.seconds.pop("worker"), "postgres": spent.seconds.pop("postgres")}
        named["gateway"] = sum(spent.seconds.values())
        for who, seconds in named.items():
            run.out.add(f"webhook.cpu_us.{who}", seconds / count * 1e6)
        again = generator.fire(asked)
        run.out.add("webhook.duplicates_per_s", again.per_second)
    run.out.line(
        "webhook", round=turn, in_flight=in_flight, per_s=round(volley.per_second), p50_ms=round(volley.p50_ms, 1),
        p99_ms=round(volley.p99_ms, 1), **{f"{who} us": round(s / count * 1e6) for who, s in spent.seconds.items()},
    )  # fmt: skip


def _stored(rig: Rig, prefix: str) -> int:
    with rig.connect() as connection:
        row = connection.execute(
            "select count(distinct webhook_id) from public.webhook_logs where webhook_id like %s and duplicate_of is null",
            [prefix + "%"],
        ).fetchone()
    return int(row[0]) if row else 0


def _single(run: Run, path: str, body: str, in_flight: int, count: int) -> dict[str, Any]:
    endpoint = run.rig.supabase.endpoint
    return {
        "kind": "calls", "host": "127.0.0.1", "port": run.rig.api_port, "path": path, "count": count, "in_flight": in_flight,
        "headers": {"apikey": endpoint.secret_key, "user-agent": "bench", "prefer": "return=minimal"}, "body": body,
    }  # fmt: skip


def _floor(run: Run, generator: Generator, turn: int) -> None:
    """What the gateway can do when each webhook is a call of its own: an insert of the same 200 bytes."""
    body = '{"body": "' + "x" * 200 + '{n}"}'
    count = run.size(600)
    volley = generator.fire(
        _single(run, "/rest/v1/bench_floor", body, 64, count) | {"expected": "201"}, but=frozenset({"201"})
    )
    acks = run.out.results["webhook.ack_per_s"].samples
    if turn:
        run.out.add("webhook.floor_inserts_per_s", volley.per_second)
        run.out.add("webhook.floor_ratio", acks[-1] / volley.per_second)


def _call(run: Run, generator: Generator, turn: int) -> None:
    body = (
        f'{{"webhooks": [{{"webhook_id": "direct{turn}-{{n}}", "webhook_type": "Transaction.Paid", "body": "e30=", "headers": {{}}, '
        f'"subject_kind": "payment", "subject_id": "direct{turn}-{{n}}", "secret_index": 0}}]}}'
    )
    volley = generator.fire(_single(run, "/rest/v1/rpc/record_webhooks", body, 1, run.size(300)))
    if turn:
        run.out.add("webhook.call_p50_ms", volley.p50_ms)


def empty(rig: Rig) -> None:
    """Take away what the webhooks left, so that the next family begins as small."""
    with rig.connect() as connection:
        connection.execute("truncate public.webhook_logs, queue.jobs, queue.finished, queue.keys, queue.dead")


def _pgbench(run: Run) -> None:
    """The database's own limit: 64 clients, a committed insert each, nothing in between."""
    binary = _pgbench_binary()
    name = "webhook.pgbench_inserts_per_s"
    if binary is None:
        run.out.skip(name, "no pgbench executable")
        return
    script = run.rig.workdir / "insert.sql"
    script.write_text("insert into public.bench_floor (body) values (repeat('x', 200));\n")
    for _ in range(run.rounds):
        done = subprocess.run(
            [binary, "-n", "-c", "64", "-j", "2", "-T", str(max(1, round(run.seconds(2)))), "-M", "prepared",
             "-f", str(script), run.rig.supabase.endpoint.admin_db_url],
            capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"},
        )  # fmt: skip
        found = re.search(r"tps = ([\d.]+)", done.stdout)
        if found is None:
            run.out.skip(name, f"pgbench ended with {done.returncode}: {(done.stderr or done.stdout)[-200:]}")
            return
        run.out.add(name, float(found.group(1)))


def _pgbench_binary() -> str | None:
    from sandbox.supabase.binaries import postgres_prefix

    own = Path(postgres_prefix()) / "bin" / "pgbench"
    return str(own) if own.is_file() else shutil.which("pgbench")
