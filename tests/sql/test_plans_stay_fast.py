"""Plans are kept per connection: functions warmed on an empty database read no more once a hundred thousand rows are there.

Compared are pages touched and rows read by scans of whole tables, never time.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.sql.shop import PREPARED, Caller, Row, Shop, claim, snapshot
from tests.sql.test_webhook_log import delivery

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS, BATCH, WARM = 120_000, 20, 7

LOAD = (
    """insert into auth.users (id, email) values ('11111111-1111-4111-8111-111111111111', 'load@example.com')""",
    """insert into public.payments (user_id, order_id, payment_id, order_name, amount, status, origin, portone_status,
        paid_amount, cancellable_amount, total_cancel_amount, is_live, created_at)
      select '11111111-1111-4111-8111-111111111111', 'load-' || n, 'load' || n, 'w', 1000, 'paid', 'app', 'PAID', 1000, 1000, 0, true, now()
      from generate_series(1, {third}) as n""",
    """insert into public.payment_operations (kind, status, payment_id, order_id, requested_by, requester_scope, idempotency_key,
        request_hash, job_id, created_at, finished_at)
      select 'complete_payment', case when n %% 2 = 0 then 'pending' else 'succeeded' end::public.operation_status, 'load' || n, 'load-' || n,
        '11111111-1111-4111-8111-111111111111', 'service_role', 'load-key-' || n, 'x', -n, now(), case when n %% 2 = 0 then null else now() end
      from generate_series(1, {third}) as n""",
    """insert into public.payment_cancellations (payment_id, requester, amount, reason, status, cancellation_id, created_at, updated_at)
      select 'load' || n, 'portone', 1, 'r', 'succeeded', 'c', now(), now() from generate_series(1, {third}) as n""",
    """insert into public.webhook_logs (webhook_id, status, payment_id, subject_kind, subject_id, job_id, created_at)
      select 'load-' || n, case when n %% 2 = 0 then 'received' else 'processed' end::public.webhook_status, 'load' || n, 'payment', 'load' || n, -n, now()
      from generate_series(1, {third}) as n""",
    """insert into queue.jobs (kind, lane, state, payload, created_at, priority, run_at, max_failures)
      select 'noop', 'load:' || n / 3, case n %% 3 when 0 then 'ready' else 'waiting' end, '{{}}', now(), 100, null, 20
      from generate_series(3, {rows}) as n""",
    """insert into queue.keys select 'load-key-' || n, -n, 'x', now() from generate_series(1, {rows}) as n""",
    """insert into queue.finished select -n, 'noop', null, 1, 'done', null, '{{}}', null, now(), now() from generate_series(1, {third}) as n""",
)

# A queue that has been worked through and analysed then: 276 pages with one row on them, so that the planner takes a backlog
# of any size for a handful of rows until somebody analyses it again.
DRAIN = (
    "insert into queue.jobs (kind, lane, state, payload, created_at, max_failures) select 'noop', 'old:' || n, 'waiting', '{}', now(), 20 from generate_series(1, 20000) as n",
    "delete from queue.jobs where lane like 'old:%' and lane <> 'old:20000'",
    "vacuum analyze queue.jobs",
)

# A young shop that has been analysed: a handful of rows in every table that grows, nothing pending.
YOUNG = (
    "vacuum analyze public.payments, public.payment_operations, public.payment_cancellations, public.webhook_logs, queue.jobs, queue.keys, queue.finished",
)

# What this connection has touched (not yet passed on to the shared statistics, so only differences count): pages of
# each table or index, rows read by scans of whole tables.
TOUCHED = """
select c.relname as name, pg_stat_get_xact_blocks_fetched(c.oid)::bigint as pages,
  case when c.relkind = 'r' then pg_stat_get_xact_tuples_returned(c.oid) else 0 end::bigint as scanned
from pg_class as c
where c.relkind in ('r', 'i') and c.relnamespace in ('public'::regnamespace, 'queue'::regnamespace, 'private'::regnamespace)
"""


@dataclass
class Cost:
    """What a call has touched, by table or index."""

    pages: Counter[str]
    scanned: Counter[str]


def touched(caller: Caller) -> Cost:
    """What this connection has touched."""
    rows = caller.rows(TOUCHED)
    return Cost(
        Counter({row["name"]: row["pages"] for row in rows}),
        Counter({row["name"]: row["scanned"] for row in rows}),
    )


@contextmanager
def measuring(caller: Caller) -> Iterator[Cost]:
    """The cost of what is done inside."""
    cost = Cost(Counter(), Counter())
    with caller.connection.transaction():
        before = touched(caller)
        yield cost
        after = touched(caller)
    cost.pages = after.pages - before.pages
    cost.scanned = after.scanned - before.scanned


class Measured:
    """A worker and a customer, each on one connection for good, and what their calls cost."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.worker, self.user_id = shop, shop.service(), shop.new_user()
        self.customer = shop.user(self.user_id)
        self.numbers = 0
        self.cost: dict[str, Cost] = {}

    def call(self, caller: Caller, function: str, **arguments: object) -> list[Row]:
        """Calls in a transaction of its own and notes what it cost."""
        with measuring(caller) as cost:
            made = caller.call(function, **arguments)
        self.cost[function] = cost
        return made

    def number(self) -> int:
        """A number nobody has used."""
        self.numbers += 1
        return self.numbers

    def round(self) -> dict[str, Cost]:
        """Calls every function once in the life of a payment; the cost of each."""
        worker, customer = self.worker, self.customer
        n = self.number()
        jobs = [
            {"job_kind": "noop", "idempotency_key": f"plan-{n}-{i:04}", "lane": f"plan:{n}-{i}"}
            for i in range(BATCH)
        ]
        self.call(worker, "enqueue_jobs", jobs=jobs)
        self.call(
            worker, "record_webhooks", webhooks=[delivery(f"wh-{n}-{i}", f"pay{n}x{i}") for i in range(BATCH)]
        )
        claimed = self.call(worker, "claim_jobs", worker="w", max=2 * BATCH, lease_seconds=60)
        assert len(claimed) == 2 * BATCH
        names = [{"job_id": job["id"], "claim": job["claim"]} for job in claimed]
        self.call(worker, "extend_leases", leases=[name | {"lease_seconds": 60} for name in names])
        self.call(worker, "settle_jobs", outcomes=[read_back(job) for job in claimed])

        order_id = self.shop.new_order(self.user_id)
        asked = self.call(customer, "request_payment", order_id=order_id, pay_method="CARD")[0]
        self.run(prepared=PREPARED)
        payment_id = self.call(customer, "get_operation", id=asked["id"])[0]["result"]["paymentId"]
        self.call(customer, "request_completion", payment_id=payment_id)
        self.run(snapshots=[snapshot(payment_id)])
        self.call(worker, "request_cancellation", payment_id=payment_id, amount=1, reason="r")
        (job,) = claim(worker, most=1)
        name = {"job_id": job["id"], "claim": job["claim"]}
        self.call(
            worker, "begin_attempts", attempts=[name | {"body": "AAAA", "snapshots": [snapshot(payment_id)]}]
        )
        self.call(worker, "release_jobs", jobs=[name])
        self.run(attempt={"number": 1, "outcome": "failed"}, verdict="failed")
        return dict(self.cost)

    def run(self, verdict: str = "done", **outcome: object) -> None:
        """Runs the one job that is ready before all others."""
        (job,) = claim(self.worker, most=1)
        (answer,) = self.worker.call(
            "settle_jobs",
            outcomes=[{"job_id": job["id"], "claim": job["claim"], "verdict": verdict, **outcome}],
        )
        assert answer["accepted"], answer


def read_back(job: Row) -> Row:
    """The outcome of a job: a snapshot where it is a payment's."""
    made: Row = {"job_id": job["id"], "claim": job["claim"], "verdict": "done"}
    if job["kind"] == "sync_payment":
        made["snapshots"] = [snapshot(job["payload"]["payment_id"], total=900 + job["id"] % 50)]
    return made


@pytest.fixture
def measured(shop: Shop) -> Measured:
    """Callers whose connections have planned everything on empty tables."""
    made = Measured(shop)
    for _ in range(WARM):
        made.round()
    return made


@pytest.mark.parametrize(
    "before", [(), DRAIN, YOUNG], ids=["never analysed", "analysed while drained", "analysed while young"]
)
def test_functions_warmed_on_an_empty_database_stay_cheap(
    shop: Shop, measured: Measured, before: tuple[str, ...]
) -> None:
    small = measured.round()
    assert len(small) == 11
    with psycopg.connect(shop.url, autocommit=True) as connection:
        for statement in before:
            connection.execute(statement)
    for statement in LOAD:
        shop.setup.run(statement.format(rows=ROWS, third=ROWS // 3))
    assert shop.setup.row("select count(*) as n from queue.jobs")["n"] > ROWS - 10
    large = measured.round()
    for name, cost in large.items():
        told = f"{name}: {small[name]} before, {cost} after"
        assert cost.scanned.total() <= small[name].scanned.total() + 10, told
        # three times: the trees are two or three levels higher
        assert cost.pages.total() <= 3 * small[name].pages.total() + 100, told


def test_a_scan_would_be_noticed(shop: Shop, measured: Measured) -> None:
    """The measure itself: a full scan shows in pages and in rows."""
    with measuring(measured.worker) as cost:
        measured.worker.rows("select count(*) from public.payments")
    there = shop.setup.row("select count(*) as n from public.payments")["n"]
    assert cost.pages["payments"] > 0
    assert cost.scanned == {"payments": there}
