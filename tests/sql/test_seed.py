"""The seed shows a living shop: a payment in every state, every rule kept, nothing secret, nothing left to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import psycopg
import pytest

from sandbox.setup.paths import SEED_FILE
from tests.sql.shop import Caller, Shop, claim

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.supabase.project import Supabase
    from tests.conftest import TestDatabase

MINJI = "11111111-1111-4111-8111-111111111111"


@pytest.fixture(scope="module")
def seeded(supabase_database: Supabase, module_database: TestDatabase) -> Iterator[Shop]:
    """The shop after `supabase db push --include-seed`."""
    supabase_database.push(include_seed=True, database=module_database.name)
    shop = Shop(module_database.url)
    yield shop
    shop.close()


@pytest.fixture(scope="module")
def everything(seeded: Shop) -> Caller:
    """Reads everything."""
    return seeded.owner()


def test_there_is_a_payment_in_every_state(everything: Caller) -> None:
    found = {
        (row["origin"], row["status"], tuple(row["discrepancies"]))
        for row in everything.rows("select origin::text, status::text, discrepancies from public.payments")
    }
    assert found == {
        ("app", "ready", ()),
        ("app", "paid", ()),
        ("app", "partial_cancelled", ()),
        ("app", "cancelled", ()),
        ("app", "failed", ()),
        ("app", "virtual_account_issued", ()),
        ("app", "paid", ("amount",)),
        ("legacy", "partial_cancelled", ()),
        ("portone", "paid", ()),
    }
    assert [row["status"] for row in everything.rows("select status::text from public.refunds_open")] == [
        "requested"
    ]


def test_there_are_open_orders_and_people_to_pay_them(everything: Caller, seeded: Shop) -> None:
    open_orders = everything.rows(
        "select id::text as id, user_id::text as user_id from public.orders where id < 'aaaaaaaa-0000-4000-8000-000000000004' and status = 'pending'"
    )
    assert len(open_orders) == 3
    customer = seeded.user(MINJI)
    assert (
        customer.one("request_payment", order_id=open_orders[0]["id"], pay_method="CARD")["status"]
        == "pending"
    )
    everything.run("delete from queue.jobs")
    emails = {row["email"] for row in everything.rows("select email from auth.users")}
    assert {"minji@example.com", "jisoo@example.com", "admin@example.com"} <= emails


def test_no_job_is_left_that_would_ask_portone(database: TestDatabase) -> None:
    shop = Shop(database.url)
    try:
        shop.setup.connection.execute(SEED_FILE.read_bytes())
        assert claim(shop.service()) == []
        assert shop.setup.row(
            "select count(*) as jobs, (select count(*) from queue.dead) as dead from queue.jobs"
        ) == {"jobs": 0, "dead": 0}
        # Nor does a worker ask about them later, which would find nothing and call it a difference.
        later = "select private.poll_open_payments(100, private.now() + interval '1 year') as polled"
        assert shop.setup.row(later) == {"polled": 0}
    finally:
        shop.close()


def test_every_view_has_something_to_show(everything: Caller) -> None:
    days = everything.rows("select * from public.webhook_health")
    assert len(days) >= 4
    assert sum(day["skipped"] for day in days) == 2
    assert sum(day["waiting"] + day["failed"] for day in days) == 0
    assert everything.row("select by_kind from public.is_ledger_equal") == {
        "by_kind": {"discrepancy": 1, "missing_here": 1}
    }
    assert (
        everything.rows("select webhook_id from webhook_logs group by webhook_id having count(*) > 1") != []
    )
    longest = everything.row(
        "select count(*) as entries from public.payment_timeline group by payment_id order by 1 desc limit 1"
    )
    assert longest["entries"] >= 10


def test_cards_are_masked_and_each_customer_has_at_most_one_default(everything: Caller, seeded: Shop) -> None:
    mine = seeded.user(MINJI).rows("select card_number_masked, is_default from public.billing_keys")
    assert sorted(row["is_default"] for row in mine) == [False, True]
    assert everything.rows("select id from public.billing_keys where billing_key is not null") == []


def test_the_rules_hold_for_what_was_seeded(everything: Caller) -> None:
    gaps = "select payment_id from public.payment_events group by payment_id having max(sequence) <> count(*)"
    assert everything.rows(gaps) == []
    assert (
        everything.rows(
            "select payment_id from public.payments where paid_amount <> cancelled_amount + reserved_amount + cancellable_amount"
        )
        == []
    )
    settled = everything.rows("select order_id from private.order_settlements")
    paid = everything.rows("select id::text as order_id from public.orders where status = 'paid'")
    assert {row["order_id"] for row in settled} == {row["order_id"] for row in paid}
    assert everything.row("select clock_offset = '0' as real from private.clock") == {"real": True}


def test_a_second_time_changes_nothing(
    everything: Caller, seeded: Shop, supabase_database: Supabase, module_database: TestDatabase
) -> None:
    tables = ["public.orders", "public.payments", "public.payment_events", "public.webhook_logs", "public.billing_keys", "public.payment_operations", "public.payment_cancellations", "public.drift_findings", "auth.users"]  # fmt: skip
    before = [everything.rows(f"select * from {table} order by 1, 2") for table in tables]
    seeded.owner().connection.execute(SEED_FILE.read_bytes())
    supabase_database.push(include_seed=True, database=module_database.name)
    assert [everything.rows(f"select * from {table} order by 1, 2") for table in tables] == before


def test_other_peoples_jobs_are_given_back(database: TestDatabase) -> None:
    shop = Shop(database.url)
    try:
        worker = shop.service()
        worker.call("enqueue_jobs", jobs=[{"idempotency_key": "not-the-seeds", "job_kind": "send_letter"}])
        shop.setup.connection.execute(SEED_FILE.read_bytes())
        (job,) = claim(worker)
        assert (job["kind"], job["failures"]) == ("send_letter", 0)
    finally:
        shop.close()


def test_nothing_in_the_file_is_a_secret() -> None:
    text = SEED_FILE.read_text()
    assert not re.search(r"whsec_|sb_secret|service_role\.|eyJ[A-Za-z0-9_-]{10}|PRIVATE KEY|password", text)
    assert not [number for number in re.findall(r"\d{13,}", text) if not number.startswith("0000")]


def test_the_file_needs_no_more_than_the_migration_role(database: TestDatabase) -> None:
    with psycopg.connect(database.url) as connection:
        assert connection.execute("select usesuper from pg_user where usename = current_user").fetchone() == (
            False,
        )
        connection.execute(SEED_FILE.read_bytes())
