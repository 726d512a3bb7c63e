"""What the worker adds to PortOne's own time: a payment asked for over HTTP, its id pre-registered, answered in the same request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import fill
from bench.families.webhook import empty
from bench.load.driver import generators
from bench.rows import Row

if TYPE_CHECKING:
    from bench.run import Run

ROWS = [
    Row(
        "operation.http_p50_ms",
        "ms",
        "lower",
        100,
        "POST /payments until its answer, one at a time, PortOne at 0 ms",
        True,
    ),
    Row("operation.http_p99_ms", "ms", "lower", 400, "the slowest of a hundred", True),
    Row("operation.http_p50_ms.at_16", "ms", "lower", None, "16 in flight"),
    Row("operation.http_per_s.at_16", "1/s", "higher", None, "16 in flight"),
]


def measure(run: Run) -> None:
    """Every request is for an order of its own, as the user whose order it is."""
    user = fill.user_id(1)
    with run.rig.connect() as connection:
        fill.users(connection, 1)
    token = run.rig.supabase.mint_jwt(user)
    first = 0
    with (
        run.rig.portone() as portone,
        run.rig.worker(portone_url=portone.url) as worker,
        generators() as (generator,),
    ):
        for turn in range(run.rounds + 1):
            for in_flight, count in ((1, run.size(150, 10)), (16, run.size(200, 32))):
                with run.rig.connect() as connection:
                    connection.execute(
                        "insert into public.orders (id, user_id, order_name, total_amount) "
                        "select ('00000000-0000-4000-9000-' || lpad(n::text, 12, '0'))::uuid, %s, 'Widget', 1000 "
                        "from generate_series(%s::integer, %s::integer) as n",
                        [user, first + 100_000, first + 100_000 + count - 1],
                    )
                volley = generator.fire(
                    {
                        "kind": "calls", "host": "127.0.0.1", "port": worker.port, "path": "/payments",
                        "headers": {"authorization": f"Bearer {token}"}, "count": count, "in_flight": in_flight,
                        "first": first + 100_000,
                        "body": '{"order_id": "00000000-0000-4000-9000-000000{n}", "pay_method": "CARD"}',
                    }
                )  # fmt: skip
                first += count
                if turn == 0:
                    continue
                if in_flight == 1:
                    run.out.add("operation.http_p50_ms", volley.p50_ms)
                    run.out.add("operation.http_p99_ms", volley.p99_ms)
                else:
                    run.out.add("operation.http_p50_ms.at_16", volley.p50_ms)
                    run.out.add("operation.http_per_s.at_16", volley.per_second)
    with run.rig.connect() as connection:
        connection.execute("truncate public.payments, public.orders, public.payment_operations cascade")
    empty(run.rig)
