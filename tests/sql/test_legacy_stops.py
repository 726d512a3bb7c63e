"""The upgrade stopped between any two files: what the old code wrote before, between and after is carried over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from sandbox.supabase.migrations import migration_versions
from tests.scale.legacy import BASELINE, apply
from tests.sql.shop import Caller, Shop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import TestDatabase

VALIDATE = "20251226000200"
INDEXES = {
    "20251227000320": "create index payments_user_id_idx on public.payments (user_id, created_at desc)",
    "20251227000330": "create index payments_order_id_idx on public.payments (order_id) where order_id is not null",
}


@pytest.fixture
def old_code(empty_database: TestDatabase) -> Iterator[Caller]:
    """The old shop's own connection, to a database with the baseline alone."""
    apply(empty_database.url, BASELINE)
    opened = Shop(empty_database.url)
    # A statement prepared while status was text keeps that type: pools of such connections must be renewed after the swap.
    opened.setup.connection.prepare_threshold = None
    yield opened.setup
    opened.close()


def insert(old_code: Caller, status: str, total: int | None) -> str:
    """What the old code wrote; the payment's id."""
    return str(
        old_code.row(
            "insert into public.payments (payment_id, order_name, amount, currency, status, total_cancel_amount) values ('old-' || gen_random_uuid(), 'Old', 1000, 'KRW', %s, %s) returning payment_id",
            status,
            total,
        )["payment_id"]
    )


def life(old_code: Caller, payment_id: str, step: int) -> None:
    """The next thing that happens to a payment of the old code."""
    change = (
        "status = 'paid', paid_at = now()",
        "total_cancel_amount = 300",
        "status = 'cancelled', total_cancel_amount = 1000",
    )[step]
    assert old_code.run(f"update public.payments set {change} where payment_id = %s", payment_id) == 1


LIVES = {
    0: ("ready", 0, 0, 0),
    1: ("paid", 1000, 0, 1000),
    2: ("partial_cancelled", 1000, 300, 700),
    3: ("cancelled", 1000, 1000, 0),
}


def test_old_code_writes_at_every_stop(empty_database: TestDatabase, old_code: Caller) -> None:
    """A payment is begun at every stop, and each goes on by one step at each of the next stops."""
    steps: dict[str, int] = {}
    versions = [version for version in migration_versions() if version != BASELINE]
    assert len(versions) > 20
    for version in [None, *versions]:
        if version:
            apply(empty_database.url, version)
        for payment_id, step in steps.items():
            if step < 3:
                life(old_code, payment_id, step)
                steps[payment_id] = step + 1
        for status in ("ready", "paid"):
            steps[insert(old_code, status, 0)] = 1 if status == "paid" else 0
    for payment_id, step in steps.items():
        row = old_code.row("select * from public.payments where payment_id = %s", payment_id)
        found = (row["status"], row["paid_amount"], row["cancelled_amount"], row["cancellable_amount"])
        assert found == LIVES[step], (payment_id, step)
        assert row["total_cancel_amount"] == row["cancelled_amount"]
        assert row["origin"] == "legacy"


@pytest.mark.parametrize("version", INDEXES)
def test_an_index_built_beforehand_is_taken_over(
    empty_database: TestDatabase, old_code: Caller, version: str
) -> None:
    old_code.run(INDEXES[version].replace("create index", "create index concurrently"))
    before = old_code.rows("select indexrelid from pg_index where indrelid = 'public.payments'::regclass")
    for each in migration_versions():
        if BASELINE < each <= version:
            apply(empty_database.url, each)
    name = INDEXES[version].split()[2]
    now = old_code.row(
        "select to_regclass(%s)::oid as id, obj_description(to_regclass(%s)) as comment", name, name
    )
    assert now["id"] in {row["indexrelid"] for row in before}
    assert now["comment"]


@pytest.mark.parametrize("version", INDEXES)
def test_another_index_of_that_name_stops_the_file(
    empty_database: TestDatabase, old_code: Caller, version: str
) -> None:
    name = INDEXES[version].split()[2]
    old_code.run(f"create index {name} on public.payments (created_at)")
    for each in migration_versions():
        if BASELINE < each < version:
            apply(empty_database.url, each)
    with pytest.raises(psycopg.errors.DuplicateTable, match=name):
        apply(empty_database.url, version)


def test_words_of_the_old_code_that_end_with_the_third_file(
    empty_database: TestDatabase, old_code: Caller
) -> None:
    """Documented: from then on `pending` and capitals are refused, loudly, and nothing is stored."""
    for version in migration_versions():
        if BASELINE < version <= VALIDATE:
            apply(empty_database.url, version)
    for word in ("pending", "PAID"):
        with pytest.raises(psycopg.errors.InvalidTextRepresentation):
            insert(old_code, word, 0)
    assert old_code.rows("select from public.payments") == []
