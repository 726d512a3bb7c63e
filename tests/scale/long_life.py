"""Lets days of steady traffic pass on both movable clocks and looks whether the hot tables and their indexes stay flat.

`python -m tests.scale.long_life [--hours N] [--per-hour N]` runs the whole stack: payments through the worker and the
simulator, every fourth partly refunded, an hour passing between rounds. Once an hour `vacuum` does what autovacuum would
do in a real hour. Writes `build/long_life.json` and exits 1 when something grew, waits or differs from PortOne.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from sandbox.demo.world import running_world
from sandbox.setup.paths import PROJECT_ROOT

if TYPE_CHECKING:
    from sandbox.demo.world import Purchase, World

HOT = ("queue.jobs", "queue.finished", "queue.keys")
AT_ONCE = 8
APPENDED = ("public.webhook_logs", "public.payment_events", "public.payment_operations", "public.payments")
PAGE = 8192
# The shortest retention there is: after it what goes must equal what comes.
WARM_HOURS = 26
SIZES = """
select c.oid::regclass::text, pg_relation_size(c.oid) from pg_class as c left join pg_index as i on i.indexrelid = c.oid
where coalesce(i.indrelid, c.oid) = any (%s::text[]::regclass[]) and c.relkind in ('r', 'i')
"""


def an_hour(world: World, per_hour: int) -> list[Purchase]:
    """Payments through browser, webhook and worker, several at a time; every fourth is partly refunded."""
    customers = [world.customer() for _ in range(per_hour)]

    def buy(number: int) -> Purchase:
        purchase = world.paid(customers[number], 10_000)
        if number % 4 == 0:
            reply = world.admin.cancel(purchase.payment_id, amount=1_000, reason="one came broken")
            if reply.status != 200:
                raise AssertionError(f"a refund was answered {reply.status}: {reply.body}")
        world.quiet(purchase)
        return purchase

    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(buy, range(per_hour)))
    finally:
        for customer in customers:
            customer.close()


def sizes(connection: psycopg.Connection[Any], tables: tuple[str, ...]) -> dict[str, int]:
    """Bytes of each table and index."""
    return dict(connection.execute(SIZES, [list(tables)]).fetchall())


def live(world: World, hours: int, per_hour: int) -> dict[str, Any]:
    """Return the report; `grown` and `differences` are empty when all is well."""
    seen: list[dict[str, int]] = []
    appended: list[dict[str, int]] = []
    bought: list[Purchase] = []
    with psycopg.connect(world.stack.endpoint.db_url, autocommit=True) as connection:
        connection.execute("update private.retention set finished_jobs = '1 day', idempotency_keys = '1 day'")
        for hour in range(hours):
            bought += an_hour(world, per_hour)
            world.advance(3600)
            while world.server.rpc("run_maintenance").body["more"]:
                pass
            for table in HOT:
                connection.execute(f"vacuum {table}".encode())
            seen.append(sizes(connection, HOT))
            appended.append(sizes(connection, APPENDED))
            sys.stdout.write(
                f"hour {hour + 1}: {sum(seen[-1].values()) // 1024} KiB hot, {len(bought)} payments\n"
            )
        finished = connection.execute("select count(*) from queue.finished").fetchone()
        waiting = connection.execute("select count(*) from queue.jobs where state <> 'scheduled'").fetchone()
    warm = {name: max(hour[name] for hour in seen[WARM_HOURS : WARM_HOURS + 6]) for name in seen[0]}
    late = {name: max(hour[name] for hour in seen[-6:]) for name in seen[0]}
    return {
        "hours": hours,
        "payments": len(bought),
        "hot_bytes_by_hour": [sum(hour.values()) for hour in seen],
        "grown": {name: [warm[name], late[name]] for name in warm if late[name] > warm[name] + 2 * PAGE},
        "appended_bytes_per_payment": round(
            sum(appended[-1][name] - appended[0][name] for name in appended[0])
            / max(1, len(bought) - per_hour)
        ),
        "finished_rows": finished[0] if finished else None,
        "waiting_jobs": waiting[0] if waiting else None,
        "differences": [line for one in bought for line in world.books.differences(one.payment_id)],
    }


def main() -> int:
    """Run, print, write the file. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=int, default=40, help="simulated hours, 38 or more")
    parser.add_argument("--per-hour", type=int, default=16, help="payments an hour")
    chosen = parser.parse_args()
    if chosen.hours < WARM_HOURS + 12:
        parser.error(f"below {WARM_HOURS + 12} hours nothing is thrown away long enough to compare")
    with (
        tempfile.TemporaryDirectory(prefix="portone-long-life-") as folder,
        running_world(Path(folder), worker_env={"MAINTENANCE_INTERVAL_SECONDS": "0"}) as world,
    ):
        report = live(world, chosen.hours, chosen.per_hour)
    target = PROJECT_ROOT / "build" / "long_life.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(report, indent=2) + "\n")
    sys.stdout.write(
        json.dumps({k: v for k, v in report.items() if k != "hot_bytes_by_hour"}, indent=2) + "\n"
    )
    return 1 if report["grown"] or report["differences"] or report["waiting_jobs"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
