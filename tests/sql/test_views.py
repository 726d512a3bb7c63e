"""What operators look at: right for them, empty for everybody else, and the queries that were promised as written."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

import psycopg
import pytest

from sandbox.setup.paths import PROJECT_ROOT
from tests.sql.shop import (
    Caller,
    Row,
    Shop,
    cancellation,
    claim,
    paid_payment,
    prepared_payment,
    settle,
    snapshot,
    sync,
)

if TYPE_CHECKING:
    from collections.abc import Callable

VIEWS = (
    "payment_timeline",
    "webhook_health",
    "payments_daily",
    "refunds_open",
    "jobs_overview",
    "dead_jobs",
    "is_ledger_equal",
)


def deliver(
    worker: Caller, webhook_id: str, payment_id: str, times: int = 1, kind: str = "Transaction.Paid"
) -> None:
    """PortOne sends this webhook, some times over."""
    element = {
        "webhook_id": webhook_id,
        "webhook_type": kind,
        "body": base64.b64encode(b"{}").decode(),
        "headers": {},
        "subject_kind": "payment",
        "subject_id": payment_id,
        "secret_index": 0,
    }
    for _ in range(times):
        worker.call("record_webhooks", webhooks=[element])


def bury(worker: Caller, key: str = "job-to-bury") -> Row:
    """A job that died."""
    worker.call(
        "enqueue_jobs", jobs=[{"idempotency_key": key, "job_kind": "send_letter", "payload": {"n": 1}}]
    )
    (job,) = [job for job in claim(worker) if job["kind"] == "send_letter"]
    settle(worker, job, "dead", error={"code": "NO_STAMPS", "message": "There are no stamps."})
    return job


def pin_clock(shop: Shop) -> None:
    """It is soon after the snapshots of these tests, whatever the year."""
    shop.setup.run(
        "update private.clock set clock_offset = timestamptz '2026-11-04T00:00:00Z' - clock_timestamp()"
    )


@pytest.fixture
def busy(shop: Shop, worker: Caller) -> str:
    """A shop in which every view has something to show; the id of its busiest payment."""
    pin_clock(shop)
    paid = paid_payment(shop, worker)
    deliver(worker, "wh-1", paid.payment_id, times=2)
    (job,) = claim(worker)
    settle(worker, job, snapshots=[snapshot(paid.payment_id)])
    worker.one("request_cancellation", payment_id=paid.payment_id, amount=300, reason="one was broken")
    bury(worker)
    # Known only from PortOne: a finding.
    deliver(worker, "wh-2", "console-payment-1")
    (job,) = [job for job in claim(worker) if job["kind"] == "sync_payment"]
    settle(worker, job, snapshots=[snapshot("console-payment-1")])
    return paid.payment_id


@pytest.mark.parametrize("view", VIEWS)
def test_admins_the_server_and_the_migration_role_see_and_nobody_else(
    shop: Shop, busy: str, view: str
) -> None:
    owner_of_it = str(
        shop.setup.row("select user_id::text as id from public.payments where payment_id = %s", busy)["id"]
    )
    for caller in (shop.admin(), shop.service(), shop.owner()):
        assert caller.rows(f"select * from public.{view}") != []
    for caller in (
        shop.user(owner_of_it),
        shop.user(shop.new_user()),
        shop.connect("authenticated", {"sub": owner_of_it, "user_metadata": {"role": "admin"}}),
        shop.connect("authenticated"),
    ):
        assert caller.rows(f"select * from public.{view}") == []
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        shop.anon().rows(f"select * from public.{view}")


@pytest.mark.parametrize("view", VIEWS)
def test_views_cannot_be_written_through(shop: Shop, view: str) -> None:
    for caller in (shop.admin(), shop.service()):
        with pytest.raises(psycopg.Error) as refused:
            caller.run(f"delete from public.{view}")
        assert refused.value.sqlstate in ("42501", "55000")


def test_what_stands_behind_the_queue_views_gives_strangers_nothing(shop: Shop, busy: str) -> None:
    stranger = shop.user(shop.new_user())
    assert stranger.rows("select * from private.jobs_overview()") == []
    assert stranger.rows("select * from private.dead_jobs()") == []
    assert shop.admin().rows("select * from private.dead_jobs()") != []


def test_the_timeline_tells_a_payments_story_in_order(shop: Shop, worker: Caller, busy: str) -> None:
    story = shop.admin().rows("select * from public.payment_timeline where payment_id = %s", busy)
    assert [row["at"] for row in story] == sorted(row["at"] for row in story)
    told = [(row["source"], row["what"]) for row in story]
    assert told == [
        ("operation", "prepare_payment requested"),
        ("event", "status_changed"),
        ("operation", "prepare_payment succeeded"),
        ("operation", "complete_payment requested"),
        ("event", "status_changed"),
        ("event", "order_settled"),
        ("operation", "complete_payment succeeded"),
        ("webhook", "Transaction.Paid processed"),
        ("webhook", "Transaction.Paid skipped"),
        ("operation", "cancel_payment requested"),
        ("cancellation", "refund reserved"),
    ]
    (first, repeat) = [row["detail"] for row in story if row["source"] == "webhook"]
    assert repeat["duplicate_of"] == first["webhook"]
    assert repeat["skip_reason"] == "duplicate"
    (refund,) = [row["detail"] for row in story if row["source"] == "cancellation"]
    assert (refund["amount"], refund["held_amount"], refund["reason"]) == (300, 300, "one was broken")


def test_the_timeline_has_webhooks_of_payments_nobody_knows(shop: Shop, worker: Caller) -> None:
    deliver(worker, "wh-stray", "never-heard-of")
    (job,) = claim(worker)
    settle(worker, job, not_found=True)
    (row,) = shop.admin().rows("select * from public.payment_timeline where payment_id = 'never-heard-of'")
    assert (row["source"], row["detail"]["skip_reason"]) == ("webhook", "payment_not_found")


def test_webhook_health_counts_days_in_seoul(shop: Shop, worker: Caller, owner: Caller) -> None:
    # 23:30 in Seoul, then 00:30 the next day: one day in UTC, two there.
    shop.setup.run(
        "update private.clock set clock_offset = date_trunc('day', clock_timestamp() at time zone 'UTC') + interval '1 day 14 hours 30 minutes' - clock_timestamp() at time zone 'UTC'"
    )
    first = paid_payment(shop, worker)
    deliver(worker, "wh-evening", first.payment_id, times=3)
    shop.advance(10)
    (job,) = claim(worker)
    settle(worker, job, snapshots=[snapshot(first.payment_id)])
    shop.advance(3600)
    deliver(worker, "wh-night", first.payment_id)
    deliver(worker, "wh-fails", "other-payment")
    (evening, night) = sorted(
        shop.admin().rows("select * from public.webhook_health"), key=lambda row: str(row["day"])
    )
    assert (night["day"] - evening["day"]).days == 1
    assert [evening[name] for name in ("received", "processed", "failed", "skipped", "waiting")] == [
        3,
        1,
        0,
        2,
        0,
    ]
    assert [night[name] for name in ("received", "processed", "failed", "skipped", "waiting")] == [
        2,
        0,
        0,
        0,
        2,
    ]
    assert evening["lag_p50_seconds"] == evening["lag_p95_seconds"] == evening["lag_max_seconds"] >= 10
    assert night["lag_max_seconds"] is None


def test_daily_figures_add_up_money_by_seoul_day_and_currency(shop: Shop, worker: Caller) -> None:
    pin_clock(shop)
    # 23:30 and 00:30 in Seoul: one day in UTC, two there.
    evening, night = "2026-11-02T14:30:00Z", "2026-11-02T15:30:00Z"
    first = paid_payment(shop, worker, paid_at=evening)
    paid_payment(shop, worker, total=700, paid_at=evening)
    refused = prepared_payment(shop, worker)
    later = {"updated_at": night, "status_changed_at": night}
    sync(worker, refused.payment_id, snapshot(refused.payment_id, "FAILED", **later))
    refund = cancellation("c1", 300, requested_at=night, cancelled_at=night)
    part = {"cancelled": 300, "cancellations": [refund], "paid_at": evening, **later}
    sync(worker, first.payment_id, snapshot(first.payment_id, "PARTIAL_CANCELLED", **part))
    figures = shop.admin().rows("select * from public.payments_daily order by day")
    assert [{name: str(value) for name, value in row.items()} for row in figures] == [
        {"day": "2026-11-02", "currency": "KRW", "payments": "2", "paid_amount": "1700", "refunds": "0", "refunded_amount": "0", "failed": "0"},
        {"day": "2026-11-03", "currency": "KRW", "payments": "0", "paid_amount": "0", "refunds": "1", "refunded_amount": "300", "failed": "1"},
    ]  # fmt: skip


def test_open_refunds_are_listed_until_they_end(shop: Shop, worker: Caller) -> None:
    paid = paid_payment(shop, worker)
    worker.one("request_cancellation", payment_id=paid.payment_id, amount=400, reason="r")
    shop.advance(120)
    (row,) = shop.admin().rows("select * from public.refunds_open")
    assert (row["payment_id"], row["order_id"], row["status"], row["amount"], row["held_amount"]) == (
        paid.payment_id, paid.order_id, "reserved", 400, 400,
    )  # fmt: skip
    assert row["age_seconds"] >= 120
    assert row["needs_a_person"] is False
    (job,) = claim(worker)
    worker.call("begin_attempts", attempts=[{"job_id": job["id"], "claim": job["claim"], "body": "Ym9keQ=="}])
    settle(worker, job, "dead", error={"code": "SETTLE_REJECTED", "message": "m"})
    (row,) = shop.admin().rows("select * from public.refunds_open")
    assert (row["status"], row["needs_a_person"]) == ("unknown", True)
    assert shop.admin().row("select equal, by_kind from public.is_ledger_equal") == {
        "equal": False,
        "by_kind": {"undecided_cancellation": 1},
    }
    sync(
        worker,
        paid.payment_id,
        snapshot(
            paid.payment_id,
            "PARTIAL_CANCELLED",
            cancelled=100,
            cancellations=[cancellation("c-console", 100, trigger="CONSOLE")],
        ),
    )
    assert [row["cancellation_id"] for row in shop.admin().rows("select * from public.refunds_open")] == [
        None
    ]


def test_a_refund_that_ended_is_not_open(shop: Shop, worker: Caller) -> None:
    paid = paid_payment(shop, worker)
    worker.one("request_cancellation", payment_id=paid.payment_id, amount=400, reason="r")
    (job,) = claim(worker)
    worker.call("begin_attempts", attempts=[{"job_id": job["id"], "claim": job["claim"], "body": "Ym9keQ=="}])
    settle(
        worker,
        job,
        attempt={"number": 1, "outcome": "succeeded", "cancellation_id": "c-1"},
        snapshots=[
            snapshot(
                paid.payment_id, "PARTIAL_CANCELLED", cancelled=400, cancellations=[cancellation("c-1", 400)]
            )
        ],
    )
    assert shop.admin().rows("select * from public.refunds_open") == []


def test_jobs_are_counted_by_kind_and_state(shop: Shop, worker: Caller) -> None:
    admin = shop.admin()
    assert admin.rows("select * from public.jobs_overview") == []
    prepared_payment(shop, worker)
    bury(worker)
    payment = prepared_payment(shop, worker)
    worker.one("request_completion", payment_id=payment.payment_id)
    shop.advance(30)
    rows = {(row["kind"], row["state"]): row for row in admin.rows("select * from public.jobs_overview")}
    assert {key: row["jobs"] for key, row in rows.items()} == {
        ("send_letter", "dead"): 1,
        ("sync_payment", "ready"): 1,
    }
    assert rows["sync_payment", "ready"]["oldest_seconds"] >= 30
    (dead,) = admin.rows("select * from public.dead_jobs")
    assert (dead["kind"], dead["reason"], dead["error"]["code"], dead["payload"]) == (
        "send_letter", "no_stamps", "NO_STAMPS", {"n": 1},
    )  # fmt: skip


def test_the_ledger_is_equal_until_a_difference_is_found(shop: Shop, worker: Caller) -> None:
    admin = shop.admin()
    paid_payment(shop, worker)
    row = admin.row("select * from public.is_ledger_equal")
    assert (row["equal"], row["open_findings"], row["by_kind"]) == (True, 0, {})
    deliver(worker, "wh-1", "console-payment-1")
    (job,) = claim(worker)
    settle(worker, job, snapshots=[snapshot("console-payment-1")])
    row = admin.row("select * from public.is_ledger_equal")
    assert (row["equal"], row["open_findings"], row["by_kind"]) == (False, 1, {"missing_here": 1})


def test_a_window_of_days_is_read_by_its_indexes(shop: Shop) -> None:
    """Ten million payments of other years cost the overview nothing."""
    operator = shop.owner()
    operator.run("set enable_seqscan = off")
    plan = "\n".join(
        row["QUERY PLAN"] for row in operator.rows("explain (costs off) select * from public.payments_daily")
    )
    for index in ("payments_paid_at_idx", "payments_failed_at_idx", "payment_cancellations_cancelled_at_idx"):
        assert index in plan, plan
    assert "Seq Scan on payments" not in plan


def documented(heading: str = "") -> list[str]:
    """The SQL that docs/operations.md shows, each statement once, below a heading or all of it."""
    text = (PROJECT_ROOT / "docs" / "operations.md").read_text()
    if heading:
        text = text.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    blocks = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    return [
        statement.strip()
        for block in blocks
        for statement in re.split(r";\s*(?:--[^\n]*)?\n", block)
        if statement.strip()
    ]


def test_every_query_in_the_operators_guide_runs_as_written(shop: Shop, busy: str) -> None:
    """But for those that need something undecided: tests/sql/test_decide_by_hand.py runs them."""
    statements = [statement for statement in documented() if "decide_by_hand" not in statement]
    assert len(statements) >= 12
    operator = shop.owner()
    for statement in statements:
        operator.connection.execute(statement.replace("<payment id>", busy).encode())


def test_each_view_is_in_the_operators_guide(shop: Shop) -> None:
    shown = "\n".join(documented())
    assert [view for view in VIEWS if view not in shown] == []


# The queries the project was asked to answer, word for word.
PROMISED: dict[str, Callable[[list[Row]], bool]] = {
    """select column_name, data_type, column_default from information_schema.columns
where table_name = 'payments' and column_name in ('cancelled_amount', 'cancellable_amount')""": lambda rows: (
        sorted(tuple(row.values()) for row in rows)
        == [("cancellable_amount", "integer", "0"), ("cancelled_amount", "integer", "0")]
    ),
    "select table_name from information_schema.tables where table_name in ('webhook_logs', 'billing_keys')": lambda rows: (
        sorted(row["table_name"] for row in rows) == ["billing_keys", "webhook_logs"]
    ),
    """select (select count(*) from webhook_logs) as webhook_count,
       (select count(*) from billing_keys) as billing_keys_count,
       (select count(*) from payments) as payments_count""": lambda rows: (
        rows == [{"webhook_count": 3, "billing_keys_count": 0, "payments_count": 2}]
    ),
    """select webhook_id, webhook_type, status, provider_transaction_id, created_at
from webhook_logs order by created_at desc limit 20""": lambda rows: (
        [row["webhook_id"] for row in rows] == ["wh-2", "wh-1", "wh-1"]
    ),
    """select webhook_id, count(*) as attempt_count, max(created_at) as last_attempt
from webhook_logs group by webhook_id having count(*) > 1""": lambda rows: (
        [(row["webhook_id"], row["attempt_count"]) for row in rows] == [("wh-1", 2)]
    ),
}


@pytest.mark.parametrize("query", PROMISED)
def test_the_promised_queries_work_as_written(shop: Shop, busy: str, query: str) -> None:
    assert PROMISED[query](shop.owner().rows(query))
    assert query in documented("Five queries for a quick look")


def test_counts_of_the_promised_query_are_the_operators_too(shop: Shop, busy: str) -> None:
    """`count(*)` needs no column that clients may not read."""
    assert shop.admin().row("select count(*) from webhook_logs") == {"count": 3}
    assert shop.admin().row("select count(*) from billing_keys") == {"count": 0}
