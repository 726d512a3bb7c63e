"""Three projects that have things already, pushed for real after `migrations copy`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from sandbox.supabase.migrations import PushFailed
from tests.sql.shop import PREPARED, Caller, Shop, claim, settle, snapshot, sync
from worker.checks.migrations import SCHEMA_RELEASE, check_migrations, shipped_names
from worker.db.installation import AppliedMigration, Installation

if TYPE_CHECKING:
    from tests.adoption.conftest import Project
    from tests.conftest import TestDatabase

OWN_SHOP = """
create table public.orders (
  id bigint generated always as identity primary key,
  customer uuid not null references auth.users (id),
  title text not null,
  price numeric(12, 0) not null,
  paid_at timestamptz
);
comment on table public.orders is 'Orders of our shop.';
create index orders_customer_idx on public.orders (customer);
alter table public.orders enable row level security;
create policy orders_are_public on public.orders for select to anon, authenticated using (true);
grant select, insert on public.orders to authenticated;
create function public.count_orders() returns bigint language sql as 'select count(*) from public.orders';
insert into auth.users (id, email) values ('11111111-1111-4111-8111-111111111111', 'mine@example.com');
insert into public.orders (customer, title, price) values ('11111111-1111-4111-8111-111111111111', 'Lamp', 30000);
"""
# What docs/database.md tells an adopter to replace.
OWN_HOOKS = """
create or replace function private.quote_order(p_order_id text) returns private.quote
language plpgsql stable security definer set search_path = ''
as $$
declare
  quote private.quote;
begin
  if p_order_id ~ '^[0-9]{1,18}$' then
    select orders.customer, orders.title, orders.price::integer, 0, 'KRW' into quote.user_id, quote.order_name, quote.amount, quote.tax_free_amount, quote.currency
    from public.orders where orders.id = p_order_id::bigint;
  end if;
  if quote.user_id is null then
    perform private.fail('404', 'ORDER_NOT_FOUND', 'There is no such order.', 'order_id', 'Send the id of an order of this user.');
  end if;
  return quote;
end
$$;
create or replace function private.settle_order(p_order_id text, p_payment_id text) returns void
language sql security definer set search_path = ''
as $$ update public.orders set paid_at = private.now() where id = p_order_id::bigint $$;
"""
# Everything about objects that are not ours, as text.
THEIRS = """
select c.oid::regclass::text as name, c.relkind::text as kind, c.relrowsecurity as secured, c.relacl::text as grants,
  obj_description(c.oid, 'pg_class') as comment,
  (select string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || coalesce(a.attacl::text, ''), ', ' order by a.attnum)
    from pg_attribute as a where a.attrelid = c.oid and a.attnum > 0) as columns,
  (select string_agg(p.polname || ' ' || coalesce(pg_get_expr(p.polqual, p.polrelid), ''), ', ' order by p.polname) from pg_policy as p where p.polrelid = c.oid) as policies,
  (select string_agg(t.tgname, ', ' order by t.tgname) from pg_trigger as t where t.tgrelid = c.oid and not t.tgisinternal) as triggers,
  (select string_agg(pg_get_constraintdef(k.oid), ', ' order by k.conname) from pg_constraint as k where k.conrelid = c.oid) as constraints
from pg_class as c where c.relnamespace = 'public'::regnamespace and c.relname = any (%s)
order by 1
"""
TABLES = ["orders", "orders_customer_idx", "orders_id_seq", "payments", "payments_pkey"]


def state(project: Project) -> list[dict[str, Any]]:
    """Their objects and their rows."""
    found = project.rows(THEIRS, TABLES)
    for table in ("orders", "payments"):
        if project.rows("select to_regclass(%s) is not null as there", f"public.{table}")[0]["there"]:
            found += project.rows(f"select * from public.{table} order by 1")
    return found


# (a) Own orders with bigint ids, and migrations later than ours ------------------------------------------------------


@pytest.fixture
def own_shop(project: Project) -> Project:
    """A live shop whose orders have nothing in common with the example's."""
    project.migration("20240501090000_shop.sql", OWN_SHOP)
    project.migration(
        "20260701090000_later.sql", "create table public.newsletters (id bigint primary key);\n"
    )
    project.push()
    return project


def test_own_orders_stay_as_they_are(own_shop: Project) -> None:
    before, files = state(own_shop), own_shop.files()
    own_shop.adopt()
    own_shop.push()
    after = [row for row in state(own_shop) if row.get("name") not in ("payments", "payments_pkey")]
    assert after == before
    assert {name: text for name, text in own_shop.files().items() if name in files} == files
    assert own_shop.rows("select public.count_orders() as orders") == [{"orders": 1}]


def test_ours_are_applied_after_theirs_and_the_history_is_one(own_shop: Project) -> None:
    copies = own_shop.adopt()
    own_shop.push()
    versions = [
        row["version"]
        for row in own_shop.rows("select version from supabase_migrations.schema_migrations order by 1")
    ]
    assert versions == [name.partition("_")[0] for name in own_shop.files()]
    assert versions[:2] == ["20240501090000", "20260701090000"]
    assert len(versions) == 2 + len(copies)
    assert "up to date" in own_shop.push()
    own_shop.migration("20270101000000_next.sql", "create table public.gifts (id bigint primary key);\n")
    own_shop.push()


def test_own_orders_are_paid_with_own_ids(own_shop: Project) -> None:
    own_shop.adopt()
    own_shop.migration("20280101000000_payments_of_our_orders.sql", OWN_HOOKS)
    own_shop.push()
    shop = Shop(own_shop.database.url)
    try:
        worker, owner = shop.service(), shop.owner()
        pay(shop, worker, owner)
    finally:
        shop.close()


def pay(shop: Shop, worker: Caller, owner: Caller) -> None:
    """Order 1 from the request to its settlement."""
    customer = shop.user("11111111-1111-4111-8111-111111111111")
    operation = customer.one("request_payment", order_id="1", pay_method="CARD")
    (job,) = claim(worker)
    settle(worker, job, prepared=PREPARED)
    result = customer.one("get_operation", id=operation["id"])["result"]
    assert (result["totalAmount"], result["orderName"]) == (30000, "Lamp")
    sync(worker, result["paymentId"], snapshot(result["paymentId"], "PAID", 30000))
    assert owner.row("select paid_at is not null as paid from public.orders where id = 1") == {"paid": True}


# (b) Own payments with other columns ---------------------------------------------------------------------------------

OWN_PAYMENTS = """
create table public.payments (
  id bigint generated always as identity primary key,
  payment_id text unique,
  user_id uuid,
  order_id bigint,
  amount bigint not null,
  currency text,
  state text not null
);
insert into public.payments (payment_id, amount, state) values ('p-1', 1000, 'done');
"""


def test_own_payments_with_other_columns_are_refused_by_name_and_nothing_is_changed(project: Project) -> None:
    project.migration("20240501090000_payments.sql", OWN_PAYMENTS)
    project.push()
    before = state(project)
    objects = "select count(*) as objects from pg_class as c join pg_namespace as n on n.oid = c.relnamespace where n.nspname not in ('pg_toast', 'pg_catalog', 'information_schema')"
    count = project.rows(objects)
    project.adopt()
    with pytest.raises(PushFailed) as refused:
        project.push()
    said = str(refused.value)
    for problem in (
        "amount is bigint (expected integer)",
        "id is bigint (expected uuid)",
        "order_id is bigint (expected text)",
        "order_name is missing (expected text)",
        "status is missing (expected text)",
        "total_cancel_amount is missing (expected integer)",
    ):
        assert problem in said
    assert "currency" not in said.split("builds on:")[1].split("\n")[0]
    assert "Nothing was changed" in said
    assert state(project) == before
    assert project.rows(objects) == count
    assert [
        row["version"] for row in project.rows("select version from supabase_migrations.schema_migrations")
    ] == ["20240501090000"]


# (c) Own default privileges ------------------------------------------------------------------------------------------

GENEROUS = """
alter default privileges grant all on tables to anon, authenticated, service_role;
alter default privileges grant all on functions to anon, authenticated, service_role;
alter default privileges grant all on sequences to anon, authenticated, service_role;
alter default privileges grant all on schemas to anon, authenticated, service_role;
"""
STRICT = """
alter default privileges in schema public revoke all on tables from postgres, anon, authenticated, service_role;
alter default privileges in schema public revoke all on functions from postgres, anon, authenticated, service_role;
alter default privileges in schema public revoke all on sequences from postgres, anon, authenticated, service_role;
alter default privileges revoke execute on functions from public;
"""
# What each role of the API may do with every object of ours.
GRANTS = """
with ours as (select oid, nspname from pg_namespace where nspname in ('public', 'private', 'queue')),
roles as (select unnest(array['anon', 'authenticated', 'service_role']) as role)
select 'schema ' || ours.nspname as object, role, has_schema_privilege(role, ours.oid, 'usage') || '/' || has_schema_privilege(role, ours.oid, 'create') as may
from ours, roles
union all
select c.oid::regclass::text, role, string_agg(privilege, ',' order by privilege) filter (where has_table_privilege(role, c.oid, privilege))
from pg_class as c join ours on ours.oid = c.relnamespace, roles, unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger']) as privilege
where c.relkind in ('r', 'v', 'p') group by 1, 2
union all
select c.oid::regclass || '.' || a.attname, role, string_agg(privilege, ',' order by privilege) filter (where has_column_privilege(role, c.oid, a.attnum, privilege))
from pg_class as c join ours on ours.oid = c.relnamespace join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped,
  roles, unnest(array['select', 'insert', 'update']) as privilege
where c.relkind in ('r', 'v', 'p') group by 1, 2
union all
select c.oid::regclass::text, role, string_agg(privilege, ',' order by privilege) filter (where has_sequence_privilege(role, c.oid, privilege))
from pg_class as c join ours on ours.oid = c.relnamespace, roles, unnest(array['usage', 'select', 'update']) as privilege
where c.relkind = 'S' group by 1, 2
union all
select p.oid::regprocedure::text, role, has_function_privilege(role, p.oid, 'execute')::text
from pg_proc as p join ours on ours.oid = p.pronamespace, roles
order by 1, 2
"""


@pytest.mark.parametrize(
    "privileges", [GENEROUS, STRICT], ids=["everything to everybody", "nothing to anybody"]
)
def test_default_privileges_make_no_difference_and_are_kept(
    project: Project, database: TestDatabase, privileges: str
) -> None:
    defaults = "select pg_get_userbyid(defaclrole) as role, defaclnamespace::regnamespace::text as schema, defaclobjtype::text as kind, defaclacl::text as grants from pg_default_acl order by 1, 2, 3"
    project.migration("20240501090000_privileges.sql", privileges)
    project.push()
    before = project.rows(defaults)
    project.adopt()
    project.push()
    assert project.rows(defaults) == before
    with psycopg.connect(database.url) as plain:
        expected = plain.execute(GRANTS).fetchall()
    found = [tuple(row.values()) for row in project.rows(GRANTS)]
    assert len(found) > 500
    assert set(found) ^ set(expected) == set()


def test_the_worker_knows_its_migrations_in_a_project(project: Project) -> None:
    project.migration("20990101000000_theirs.sql", "create table public.shop_things (id int primary key);")
    project.adopt()
    project.push()
    (row,) = project.rows("select private.applied_migrations() as applied")
    history = tuple(
        AppliedMigration(one["version"], one["name"], one.get("copy_of")) for one in row["applied"]
    )
    copies = {one.copy_of for one in history if one.copy_of is not None}
    assert copies == shipped_names(), "each copy names its original although it has another version"
    result = check_migrations(installation_with(history), shipped_names())
    assert result.state == "ok"
    without = tuple(one for one in history if one.copy_of != min(copies))
    assert check_migrations(installation_with(without), shipped_names()).state == "error"


def installation_with(history: tuple[AppliedMigration, ...]) -> Installation:
    """An installation of which only the history matters."""
    empty: frozenset[Any] = frozenset()
    return Installation(SCHEMA_RELEASE, history, 0.0, "17", empty, empty, empty, None, None, 0, None)
