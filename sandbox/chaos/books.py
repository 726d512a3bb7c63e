"""Decides what is read of both books when everything is quiet: PortOne's from its control API, ours from the tables."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row

if TYPE_CHECKING:
    from datetime import datetime

    from sandbox.portone.control_client import SimulatorControl

Row = dict[str, Any]


@dataclass
class Theirs:
    """What PortOne holds: bodies as its GET would print them."""

    payments: dict[str, Row] = field(default_factory=dict)
    billing_keys: dict[str, Row] = field(default_factory=dict)
    schedules: dict[str, Row] = field(default_factory=dict)


@dataclass
class Ours:
    """Rows of our tables, by the name PortOne knows them by where there is one."""

    operations: dict[str, Row] = field(default_factory=dict)
    payments: dict[str, Row] = field(default_factory=dict)
    cancellations: list[Row] = field(default_factory=list)
    billing_keys: dict[str, Row] = field(default_factory=dict)
    schedules: list[Row] = field(default_factory=list)
    orders: dict[str, Row] = field(default_factory=dict)
    settled: Counter[str] = field(default_factory=Counter)
    webhooks: Counter[tuple[str, str]] = field(default_factory=Counter)
    # (payment, type) of webhooks found missing, with whether that is still so; of those that came; of changes we know of.
    overdue: dict[tuple[str, str], bool] = field(default_factory=dict)
    arrived: set[tuple[str, str]] = field(default_factory=set)
    learned: set[tuple[str, str]] = field(default_factory=set)
    # Sentences about what is not finished, by a look at the queue and everything that may wait.
    open: list[str] = field(default_factory=list)


_OPEN = """
select format('job %s %s %s: %s', jobs.id, jobs.kind, jobs.state, jobs.last_error ->> 'code') as what
from queue.jobs as jobs where jobs.state <> 'scheduled'
union all
select format('dead job %s %s: %s, %s', dead.id, dead.kind, dead.reason, dead.error ->> 'code') from queue.dead as dead where dead.resolved_at is null
union all
select format('webhook %s is %s: %s', webhook_id, status, error ->> 'code') from public.webhook_logs where status in ('received', 'failed')
union all
-- PortOne sends nothing here that cannot be read: answered 200 and not acted on.
select format('webhook %s was put aside as %s', webhook_id, skip_reason) from public.webhook_logs where skip_reason = 'unparsable'
union all
select format('refund %s of %s is %s', id, payment_id, status) from public.payment_cancellations where status in ('reserved', 'unknown')
union all
select format('attempt %s of operation %s has no outcome', number, operation_id) from private.attempts where decided_at is null
union all
select format('schedule of %s is %s', payment_id, status) from public.payment_schedules where status in ('requested', 'started', 'pending', 'unknown')
union all
-- A webhook that never comes is a finding for good; the judge holds those against what was really withheld.
select format('finding %s about %s: %s', kind, subject, detail) from public.drift_findings where closed_at is null and kind <> 'webhook_overdue'
union all
select format('%s %s is pending', operations.kind, operations.id) from public.payment_operations as operations
where operations.status = 'pending' and not exists (
  -- PortOne has taken the refund and not carried it out: it is not ours to end.
  select from public.payment_cancellations as refunds
  where refunds.operation_id = operations.id and refunds.status = 'requested' and refunds.cancellation_id is not null
)
"""


def read_theirs(portone: SimulatorControl) -> Theirs:
    """Ask PortOne's control API for everything there is."""
    return Theirs(
        payments={name: portone.payment(name) for name in portone.state()["payments"]},
        # By issue id: the key itself is a bearer instrument and has no place in a finding.
        billing_keys={key["issueId"]: key for key in portone.billing_keys()},
        schedules={one["id"]: one for one in portone.schedules()},
    )


def read_ours(admin_db_url: str) -> Ours:
    """Read our tables as a superuser."""
    with psycopg.connect(admin_db_url, autocommit=True, row_factory=dict_row) as connection:

        def rows(sql: str) -> list[Row]:
            return connection.execute(sql.encode()).fetchall()

        return Ours(
            operations={
                str(row["id"]): row
                for row in rows(
                    "select id, kind::text, status::text, error, order_id from public.payment_operations"
                )
            },
            payments={
                row["payment_id"]: row
                for row in rows(
                    "select *, status::text as status from public.payments where origin <> 'legacy'"
                )
            },
            cancellations=rows("select *, status::text as status from public.payment_cancellations"),
            billing_keys={
                row["issue_id"]: row
                for row in rows("select * from public.billing_keys where issued_at is not null")
            },
            schedules=rows("select *, status::text as status from public.payment_schedules"),
            orders={
                str(row["id"]): row for row in rows("select id, order_name, status::text from public.orders")
            },
            settled=Counter(
                {
                    row["order_id"]: row["n"]
                    for row in rows(
                        "select payments.order_id, count(*) as n from public.payment_events as events "
                        "join public.payments on payments.payment_id = events.payment_id "
                        "where events.event_type = 'order_settled' group by 1"
                    )
                }
            ),
            webhooks=Counter(
                {
                    (row["webhook_id"], row["digest"]): row["n"]
                    for row in rows(
                        "select webhook_id, encode(sha256(request_body), 'hex') as digest, count(*) as n "
                        "from public.webhook_logs group by 1, 2"
                    )
                }
            ),
            overdue={
                (row["subject"], row["expected"]): row["still"]
                for row in rows(
                    "select subject, missing ->> 'expected' as expected, bool_or(closed_at is null) as still "
                    "from public.drift_findings, jsonb_array_elements(detail -> 'missing') as missing "
                    "where kind = 'webhook_overdue' group by 1, 2"
                )
            },
            arrived={
                (row["subject_id"], row["webhook_type"])
                for row in rows(
                    "select subject_id, webhook_type from public.webhook_logs where subject_kind = 'payment'"
                )
            },
            learned={
                (row["payment_id"], row["webhook_type"])
                for row in rows(
                    "select payment_id, private.expected_webhook(from_status, to_status) as webhook_type "
                    "from public.payment_events where event_type = 'status_changed' and snapshot ? 'transaction_id'"
                )
            },
            open=[str(row["what"]) for row in rows(_OPEN)],
        )


def read_open(admin_db_url: str) -> list[str]:
    """Return what is not finished; empty when everything rests."""
    with psycopg.connect(admin_db_url, autocommit=True, row_factory=dict_row) as connection:
        return [str(row["what"]) for row in connection.execute(_OPEN.encode()).fetchall()]


# Nobody has a job in hand or could take one: how long until the first that waits for its time (at least a second, so
# that the clocks do move).
_WAIT = """
select greatest(1, extract(epoch from (select min(jobs.run_at) from queue.jobs where jobs.run_at is not null) - private.now()) + 0.1)::float8
where not exists (select from queue.jobs where jobs.state in ('ready', 'running'))
"""


def read_wait(admin_db_url: str) -> float | None:
    """Return the seconds until the next planned or put-off job is due; None while one is ready or in work."""
    with psycopg.connect(admin_db_url, autocommit=True) as connection:
        row = connection.execute(_WAIT.encode()).fetchone()
        return None if row is None else float(row[0])


def read_now(admin_db_url: str) -> datetime:
    """Return the database's moment."""
    with psycopg.connect(admin_db_url, autocommit=True) as connection:
        row = connection.execute("select private.now()").fetchone()
        if row is None:
            raise AssertionError("the database told no time")
        now: datetime = row[0]
        return now


def read_watched(admin_db_url: str, moment: datetime) -> bool:
    """Say whether reconciliation has looked around since a moment of the database's: it then knows all up to its patience."""
    with psycopg.connect(admin_db_url, autocommit=True) as connection:
        row = connection.execute(
            "select exists (select from private.watch_marks where at >= %s - private.webhook_patience())",
            (moment,),
        ).fetchone()
        return bool(row and row[0])
