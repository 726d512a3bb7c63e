"""More than one worker: processes beside each other, some behind a network delay, one killed; the queue is all they share."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from bench import fill
from bench.families.e2e import compare
from bench.families.webhook import empty, plan
from bench.load.driver import generators
from bench.proc import spending
from bench.rig import wait_for
from bench.rows import Row

if TYPE_CHECKING:
    from bench.rig import Rig
    from bench.run import Run

PROCESSES = (1, 2, 4)
ROWS = [
    *(Row(f"scaling.ack_per_s.{n}_processes", "1/s", "higher", None, f"webhooks acknowledged, 64 in flight over {n} worker processes") for n in PROCESSES),
    *(Row(f"scaling.jobs_per_s.{n}_processes", "jobs/s", "higher", None, f"payments read back and settled by {n} processes, PortOne at 50 ms") for n in PROCESSES),
    Row("scaling.lost_after_kill", "jobs", "lower", 0, "4 processes, two behind 50 ms, one killed: payments that are not what PortOne says"),
    Row("scaling.delayed_jobs_per_s", "jobs/s", "higher", None, "those 4 processes until the last payment, the killed one's leases included"),
]  # fmt: skip


def measure(run: Run) -> None:
    """Acks, then jobs, then the accident."""
    for count in PROCESSES:
        _acks(run, count)
        # The webhooks' own jobs are nobody's work here.
        empty(run.rig)
        _jobs(run, count)
    _accident(run)
    empty(run.rig)


def _acks(run: Run, processes: int) -> None:
    with ExitStack() as stack:
        workers = [stack.enter_context(run.rig.worker("serve --no-jobs")) for _ in range(processes)]
        made = stack.enter_context(generators(processes))
        count = run.size(2400, 128) // processes
        for turn in range(run.rounds + 1):
            for number, (generator, worker) in enumerate(zip(made, workers, strict=True)):
                prefix = f"s{processes}x{turn}x{number}x{time.time_ns()}x"
                generator.prepare(
                    plan(run.rig, worker, count=count, in_flight=max(1, 64 // processes), prefix=prefix)
                )
            started = time.perf_counter()
            pids = {f"worker{n}": worker.pid for n, worker in enumerate(workers)} | run.rig.pids()
            with spending(pids) as spent:
                for generator in made:
                    generator.go()
                fired = [generator.result() for generator in made]
                seconds = time.perf_counter() - started
            if not turn:
                continue
            run.out.add(f"scaling.ack_per_s.{processes}_processes", count * processes / seconds)
            postgres = spent.seconds.pop("postgres")
            own = sum(spent.seconds.pop(f"worker{n}") for n in range(processes))
            run.out.line(
                "scaling_ack", processes=processes, per_s=round(count * processes / seconds),
                worker_cores=round(own / seconds, 2), postgres_cores=round(postgres / seconds, 2),
                gateway_cores=round(sum(spent.seconds.values()) / seconds, 2),
                load_generator_cores=round(sum(one.cpu_seconds for one in fired) / seconds, 2),
            )  # fmt: skip


def _waiting(run: Run, prefix: str, count: int) -> None:
    """Payments PortOne knows as paid and nobody has read back yet, a job each."""
    with run.rig.connect() as connection:
        fill.users(connection, 100)
        fill.payments(connection, count, of_users=100, prefix=prefix, paid=False, with_orders=True)
        connection.execute(
            "insert into queue.jobs (kind, lane, state, max_failures, payload, created_at) select 'sync_payment', "
            "'payment:' || payment_id, 'ready', 60, jsonb_build_object('payment_id', payment_id), now() "
            "from public.payments where payment_id like %s",
            [prefix + "%"],
        )
        connection.execute("vacuum analyze queue.jobs, public.payments")


def _left(rig: Rig) -> int:
    with rig.connect() as connection:
        row = connection.execute("select count(*) from queue.jobs").fetchone()
    return int(row[0]) if row else 0


def _jobs(run: Run, processes: int) -> None:
    count = run.size(1200, 200)
    with run.rig.portone(latency_ms=50) as portone, ExitStack() as stack:
        for _ in range(processes):
            stack.enter_context(run.rig.worker("work", portone_url=portone.url))
        for turn in range(run.rounds + 1):
            _waiting(run, f"j{processes}x{time.time_ns()}x", count)
            # The first round is for starting: the clock runs from the first job that is gone.
            wait_for(lambda: _left(run.rig) < count, within=60, what="a first job is done")
            started, first = time.perf_counter(), _left(run.rig)
            wait_for(lambda: _left(run.rig) == 0, within=120, what="all jobs are done")
            if first and turn:
                run.out.add(
                    f"scaling.jobs_per_s.{processes}_processes", first / (time.perf_counter() - started)
                )


def _accident(run: Run) -> None:
    count = run.size(1500, 60)
    _waiting(run, f"k{time.time_ns()}x", count)
    with run.rig.portone(latency_ms=50) as portone, run.rig.delayed(delay_ms=25) as far, ExitStack() as stack:
        near = [
            stack.enter_context(run.rig.worker("work", portone_url=portone.url, env={"LEASE_SECONDS": "10"}))
            for _ in range(2)
        ]
        for _ in range(2):
            stack.enter_context(
                run.rig.worker("work", portone_url=portone.url, api_url=far.url, env={"LEASE_SECONDS": "10"})
            )
        wait_for(lambda: _left(run.rig) < count * 0.9, within=60, what="a tenth is done")
        started, first = time.perf_counter(), _left(run.rig)
        near[0].kill()
        wait_for(lambda: _left(run.rig) == 0, within=120, what="all jobs are done", every=0.05)
        run.out.add("scaling.delayed_jobs_per_s", first / (time.perf_counter() - started))
        with run.rig.connect() as connection:
            dead = connection.execute("select count(*) from queue.dead").fetchone()
        compare(run)
        run.out.add("scaling.lost_after_kill", float(dead[0] if dead else 0))
    with run.rig.connect() as connection:
        connection.execute("truncate public.payments, public.orders cascade")
