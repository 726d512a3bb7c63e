"""Who sees what: owners their own, admins everything, nobody else anything; nobody writes a table."""

from __future__ import annotations

import psycopg
import pytest

from tests.sql.shop import Caller, Shop, claim, paid_payment, settle, snapshot
from tests.sql.test_webhook_log import delivery

OWNED = ("orders", "payments", "payment_cancellations", "payment_events", "payment_operations")
ADMINS = ("webhook_logs", "drift_findings")
ALL = (*OWNED, *ADMINS, "billing_keys")


@pytest.fixture
def lived_in(shop: Shop, worker: Caller) -> str:
    """A shop with something in every table; the customer's id."""
    paid = paid_payment(shop, worker)
    worker.one("request_cancellation", payment_id=paid.payment_id, amount=100, reason="r")
    worker.call("record_webhooks", webhooks=[delivery("wh-1", "payconsole")])
    (job,) = [job for job in claim(worker) if job["kind"] == "sync_payment"]
    settle(worker, job, snapshots=[snapshot("payconsole")])
    shop.setup.run(
        "insert into public.billing_keys (user_id, issue_id, billing_key, card_number_masked, is_default, created_at, updated_at) values (%s, 'issue-1', 'secret-key', '433012******1234', true, now(), now())",
        paid.user_id,
    )
    return paid.user_id


def count(caller: Caller, table: str) -> int:
    """How many rows of a table this caller sees."""
    return int(caller.row(f"select count(*) as n from public.{table}")["n"])


def test_owners_see_their_own_and_others_see_nothing(shop: Shop, lived_in: str) -> None:
    mine, other = shop.user(lived_in), shop.user(shop.new_user())
    assert {table: count(mine, table) for table in OWNED} == {
        "orders": 1,
        "payments": 1,
        "payment_cancellations": 1,
        "payment_events": 3,
        "payment_operations": 1,
    }
    assert {count(other, table) for table in ALL} == {0}
    assert {count(mine, table) for table in ADMINS} == {0}


def test_admins_see_everything(shop: Shop, lived_in: str, owner: Caller) -> None:
    admin = shop.admin()
    for table in ALL:
        assert count(admin, table) == count(owner, table) > 0, table


def test_a_user_cannot_make_themselves_an_admin(shop: Shop, lived_in: str) -> None:
    pretender = shop.connect(
        "authenticated",
        {"sub": shop.new_user(), "user_metadata": {"role": "admin"}, "app_metadata": {"role": "Admin"}},
    )
    assert {count(pretender, table) for table in ALL} == {0}


@pytest.mark.parametrize("table", ALL)
def test_anon_is_refused_everywhere(shop: Shop, lived_in: str, table: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        count(shop.anon(), table)


@pytest.mark.parametrize("table", [table for table in ALL if table != "billing_keys"])
@pytest.mark.parametrize("who", ["owner", "admin", "worker"])
def test_nobody_writes_a_table(shop: Shop, lived_in: str, table: str, who: str) -> None:
    if who == "worker" and table in ("orders", "payments"):
        return  # the shop's own server makes orders, and for one release writes payments from before V2
    caller = {"owner": lambda: shop.user(lived_in), "admin": shop.admin, "worker": shop.service}[who]()
    column = {"drift_findings": "subject", "webhook_logs": "webhook_id", "orders": "order_name"}.get(
        table, "payment_id"
    )
    for statement in (
        f"insert into public.{table} default values",
        f"update public.{table} set {column} = {column}",
        f"delete from public.{table}",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            caller.run(statement)


@pytest.mark.parametrize(
    "schema_table",
    [
        "private.attempts",
        "private.refund_accounts",
        "private.clock",
        "private.order_settlements",
        "queue.jobs",
        "queue.finished",
        "queue.dead",
        "queue.keys",
    ],
)
def test_internals_are_nobodys(shop: Shop, lived_in: str, schema_table: str) -> None:
    for caller in (shop.anon(), shop.user(lived_in), shop.admin(), shop.service()):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            caller.rows(f"select * from {schema_table}")


def test_owners_choose_their_default_card_and_nothing_else(shop: Shop, lived_in: str) -> None:
    mine = shop.user(lived_in)
    assert mine.run("update public.billing_keys set nickname = 'My card'") == 1
    assert shop.user(shop.new_user()).run("update public.billing_keys set nickname = 'Mine now'") == 0
    for statement in (
        "update public.billing_keys set billing_key = 'x'",
        "update public.billing_keys set card_number_masked = '*'",
        "delete from public.billing_keys",
        "insert into public.billing_keys (issue_id) values ('x')",
        "select billing_key from public.billing_keys",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            mine.run(statement)


def test_history_is_append_only_even_for_the_migration_role(shop: Shop, lived_in: str, owner: Caller) -> None:
    for statement in ("update public.payment_events set source = 'x'", "delete from public.payment_events"):
        with pytest.raises(psycopg.Error) as refused:
            owner.run(statement)
        assert refused.value.sqlstate == "PT403"
        assert '"APPEND_ONLY"' in (refused.value.diag.message_detail or "")
