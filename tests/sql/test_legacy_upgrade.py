"""The upgrade of an existing shop: every legacy row carried over right, or nothing changed and the rows named."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import psycopg
import pytest

from sandbox.setup.paths import PROJECT_ROOT
from sandbox.supabase.migrations import PushFailed
from tests.sql.shop import Caller, Row, Shop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from sandbox.supabase.embedded import EmbeddedSupabase
    from tests.conftest import TestDatabase

BASELINE = "20250101000000"
ENHANCEMENTS, BACKFILL, VALIDATE = "20251226000000", "20251226000100", "20251226000200"

# status, amount, total_cancel_amount → status, paid, cancelled, cancellable
CARRIED = [
    ("ready", 1000, None, "ready", 0, 0, 0),
    ("pending", 1000, 0, "ready", 0, 0, 0),
    ("failed", 1000, 0, "failed", 0, 0, 0),
    ("virtual_account_issued", 1000, None, "virtual_account_issued", 0, 0, 0),
    ("paid", 1000, None, "paid", 1000, 0, 1000),
    ("PAID", 1000, 0, "paid", 1000, 0, 1000),
    ("paid", 1000, 400, "partial_cancelled", 1000, 400, 600),
    ("paid", 1000, 1000, "cancelled", 1000, 1000, 0),
    ("cancelled", 1000, None, "cancelled", 1000, 1000, 0),
    ("cancelled", 1000, 0, "cancelled", 1000, 1000, 0),
    ("cancelled", 1000, 1000, "cancelled", 1000, 1000, 0),
    ("partial_cancelled", 1000, 1, "partial_cancelled", 1000, 1, 999),
]
REFUSED = [
    ("paid", 1000, 1001),
    ("paid", None, 0),
    ("paid", 1000, -1),
    ("refunded-ish", 1000, 0),
    (None, 1000, 0),
    ("ready", 1000, 5),
    ("failed", 1000, 5),
    ("partial_cancelled", 1000, 0),
    ("cancelled", None, None),
]


class OldShop:
    """A database with the baseline alone, written to as the old code did."""

    def __init__(self, supabase: EmbeddedSupabase, database: TestDatabase) -> None:
        self.supabase, self.name = supabase, database.name
        self.shop = Shop(database.url)
        self.caller: Caller = self.shop.owner()

    def as_server(self) -> Caller:
        """The old code where it wrote through the API."""
        return self.shop.service()

    def push(self, *versions: str) -> None:
        """Pushes up to these files."""
        self.supabase.push(only=versions or None, database=self.name)

    def insert(self, status: str | None, amount: int | None, total: int | None) -> str:
        """What the old code wrote; the payment's id."""
        return str(
            self.caller.row(
                "insert into public.payments (payment_id, order_name, amount, currency, status, total_cancel_amount) values ('legacy-' || gen_random_uuid(), 'Old', %s, 'KRW', %s, %s) returning payment_id",
                amount,
                status,
                total,
            )["payment_id"]
        )

    def read(self, payment_id: str) -> tuple[str, int, int, int, int]:
        """Status and amounts after the upgrade: status, paid, cancelled, cancellable, total_cancel_amount."""
        row = self.caller.row("select * from public.payments where payment_id = %s", payment_id)
        return (
            row["status"],
            row["paid_amount"],
            row["cancelled_amount"],
            row["cancellable_amount"],
            row["total_cancel_amount"],
        )


@pytest.fixture(scope="module")
def baseline(supabase_database: EmbeddedSupabase) -> Iterator[str]:
    """A database with the baseline pushed, to be copied: pushing it takes the CLI two seconds of work."""
    name = "legacy_baseline"
    supabase_database.create_database(name)
    supabase_database.push(only=[BASELINE], database=name)
    yield name
    supabase_database.drop_database(name)


@pytest.fixture
def old_shop(
    supabase_database: EmbeddedSupabase,
    baseline: str,
    copied_database: Callable[[str], AbstractContextManager[TestDatabase]],
) -> Iterator[OldShop]:
    """A shop from before PortOne V2."""
    with copied_database(baseline) as database:
        opened = OldShop(supabase_database, database)
        yield opened
        opened.shop.close()


def test_every_legacy_row_is_carried_over_and_all_columns_agree(old_shop: OldShop) -> None:
    ids = [old_shop.insert(*row[:3]) for row in CARRIED]
    old_shop.push()
    assert [old_shop.read(payment_id) for payment_id in ids] == [(*row[3:], row[5]) for row in CARRIED]
    origins = old_shop.caller.rows("select distinct origin::text as origin from public.payments")
    assert origins == [{"origin": "legacy"}]


def test_rows_that_make_no_sense_stop_the_upgrade_by_name_and_nothing_is_changed(old_shop: OldShop) -> None:
    good = old_shop.insert("paid", 1000, 400)
    bad = [old_shop.insert(*row) for row in REFUSED]
    old_shop.push(BASELINE, ENHANCEMENTS)
    before = old_shop.caller.rows("select * from public.payments order by payment_id")
    with pytest.raises(PushFailed) as refused:
        old_shop.push()
    assert f"{len(bad)} legacy payments" in str(refused.value)
    assert [payment_id for payment_id in bad if payment_id not in str(refused.value)] == []
    assert good not in str(refused.value)
    assert old_shop.caller.rows("select * from public.payments order by payment_id") == before
    old_shop.caller.run("delete from public.payments where payment_id = any(%s)", bad)
    old_shop.push()
    assert old_shop.read(good) == ("partial_cancelled", 1000, 400, 600, 400)


STAGES: list[Callable[[OldShop], None]] = [
    lambda shop: shop.push(BASELINE, ENHANCEMENTS),
    lambda shop: shop.push(BASELINE, ENHANCEMENTS, BACKFILL),
    lambda shop: shop.push(BASELINE, ENHANCEMENTS, BACKFILL, VALIDATE),
    lambda shop: shop.push(),
]


@pytest.mark.parametrize(
    "stage", STAGES, ids=["after enhancements", "after backfill", "after validate", "after everything"]
)
def test_old_code_goes_on_writing_between_the_halves_of_a_deploy(
    old_shop: OldShop, stage: Callable[[OldShop], None]
) -> None:
    early = old_shop.insert("paid", 1000, 0)
    stage(old_shop)
    late = [
        old_shop.insert(status, 1000, total)
        for status, total in (("ready", 0), ("paid", 0), ("cancelled", 1000))
    ]
    old_shop.caller.run("update public.payments set total_cancel_amount = 300 where payment_id = %s", early)
    old_shop.caller.run("update public.payments set status = 'paid' where payment_id = %s", late[0])
    old_shop.caller.run(
        "update public.payments set status = 'cancelled', total_cancel_amount = 1000 where payment_id = %s",
        late[1],
    )
    old_shop.push()
    assert old_shop.read(early)[:4] == ("partial_cancelled", 1000, 300, 700)
    assert [old_shop.read(payment_id)[:4] for payment_id in late] == [
        ("paid", 1000, 0, 1000),
        ("cancelled", 1000, 1000, 0),
        ("cancelled", 1000, 1000, 0),
    ]


def test_pushing_twice_changes_nothing(old_shop: OldShop) -> None:
    old_shop.insert("paid", 1000, 400)
    old_shop.push()
    before = old_shop.caller.rows("select * from public.payments")
    history = old_shop.caller.rows(
        "select version from supabase_migrations.schema_migrations order by version"
    )
    old_shop.push()
    assert old_shop.caller.rows("select * from public.payments") == before
    assert (
        old_shop.caller.rows("select version from supabase_migrations.schema_migrations order by version")
        == history
    )


def test_a_payments_table_with_other_columns_is_named_and_left_alone(
    supabase_database: EmbeddedSupabase, empty_database: TestDatabase
) -> None:
    with psycopg.connect(empty_database.url, autocommit=True) as connection:
        connection.execute(
            "create table public.payments (id uuid primary key, amount bigint, payment_id text)"
        )
    with pytest.raises(PushFailed) as refused:
        supabase_database.push(only=[BASELINE], database=empty_database.name)
    for problem in (
        "amount is bigint (expected integer)",
        "total_cancel_amount is missing (expected integer)",
        "status is missing (expected text)",
    ):
        assert problem in str(refused.value)


def test_verification_queries_of_the_upgrade_print_what_was_promised(old_shop: OldShop) -> None:
    for number in range(157):
        old_shop.insert(*CARRIED[number % len(CARRIED)][:3])
    old_shop.push()
    columns: list[Row] = old_shop.caller.rows(
        "select column_name, data_type, column_default from information_schema.columns where table_name = 'payments' and column_name in ('cancelled_amount', 'cancellable_amount') order by 1 desc"
    )
    assert [tuple(row.values()) for row in columns] == [
        ("cancelled_amount", "integer", "0"),
        ("cancellable_amount", "integer", "0"),
    ]
    tables = old_shop.caller.rows(
        "select table_name from information_schema.tables where table_name in ('webhook_logs', 'billing_keys') order by 1"
    )
    assert [row["table_name"] for row in tables] == ["billing_keys", "webhook_logs"]
    counts = old_shop.caller.row(
        "select (select count(*) from webhook_logs) as webhook_count, (select count(*) from billing_keys) as billing_keys_count, (select count(*) from payments) as payments_count"
    )
    assert counts == {"webhook_count": 0, "billing_keys_count": 0, "payments_count": 157}


def test_the_documented_query_finds_just_the_rows_that_would_stop_the_upgrade(old_shop: OldShop) -> None:
    documented = re.search(
        r"```sql\n(select id, payment_id.*?);\n```",
        (PROJECT_ROOT / "docs" / "database.md").read_text(),
        re.DOTALL,
    )
    assert documented
    for row in CARRIED:
        old_shop.insert(*row[:3])
    bad = {old_shop.insert(*row) for row in REFUSED}
    assert {row["payment_id"] for row in old_shop.caller.rows(documented.group(1))} == bad


def test_a_server_that_writes_as_service_role_goes_on_too_and_only_with_old_payments(
    old_shop: OldShop,
) -> None:
    old_shop.push()
    server = old_shop.as_server()
    server.run(
        "insert into public.payments (payment_id, order_name, amount, currency, status, total_cancel_amount) values ('old-1', 'Old', 1000, 'KRW', 'paid', 0)"
    )
    assert old_shop.read("old-1")[:4] == ("paid", 1000, 0, 1000)
    server.run("update public.payments set total_cancel_amount = 400 where payment_id = 'old-1'")
    assert old_shop.read("old-1")[:4] == ("partial_cancelled", 1000, 400, 600)
    for statement in (
        "update public.payments set cancellable_amount = 1000, cancelled_amount = 0 where payment_id = 'old-1'",
        "update public.payments set origin = 'app' where payment_id = 'old-1'",
        "delete from public.payments where payment_id = 'old-1'",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            server.run(statement)
    old_shop.caller.run(
        "insert into public.payments (payment_id, order_name, amount, currency, status, origin, total_cancel_amount) values ('new-1', 'New', 1000, 'KRW', 'ready', 'app', 0)"
    )
    old_shop.caller.run("update public.payments set portone_status = 'PAID' where payment_id = 'old-1'")
    for payment_id in ("new-1", "old-1"):
        with pytest.raises(psycopg.Error) as refused:
            server.run("update public.payments set status = 'paid' where payment_id = %s", payment_id)
        assert '"PAYMENT_NOT_LEGACY"' in (refused.value.diag.message_detail or "")
