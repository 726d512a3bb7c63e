"""Every role against every table, view and column, read from the catalogue and held to the list of decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.access.ask import NO_RIGHT, SCHEMAS, code_of, functions
from tests.access.calls import CALLS
from tests.access.decisions import CLIENTS, RELATIONS, ROLES, Relation

if TYPE_CHECKING:
    from tests.access.world import World
    from tests.sql.shop import Caller, Shop


def catalogue(shop: Shop) -> dict[str, list[str]]:
    """Every table and view with its columns."""
    return {
        row["name"]: row["columns"]
        for row in shop.setup.rows(
            f"""select n.nspname || '.' || c.relname as name, array_agg(a.attname::text order by a.attnum) as columns
            from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
            join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            where n.nspname in {SCHEMAS} and c.relkind in ('r', 'p', 'v', 'm', 'f') group by 1"""
        )
    }


def test_everything_in_the_catalogue_has_a_decision(shop: Shop) -> None:
    found = catalogue(shop)
    assert set(found) == set(RELATIONS), "decide about it in tests/access/decisions.py"
    for name, relation in RELATIONS.items():
        decided = relation.columns.split() + relation.hidden.split()
        assert sorted(found[name]) == sorted(decided), f"decide about every column of {name}"
    public = {row["name"] for row in functions(shop) if row["schema"] == "public"}
    assert public == {call.function for call in CALLS}


def test_the_world_has_something_in_every_table(shop: Shop, world: World) -> None:
    empty = [name for name in RELATIONS if not shop.setup.rows(f"select from {name} limit 1")]
    assert empty == []
    for name, relation in RELATIONS.items():
        if relation.own != "false":
            mine = rows_of(shop.setup, name, relation, relation.own, world)
            assert mine, f"{name} holds something of the owner"
            assert len(mine) < len(rows_of(shop.setup, name, relation, "true", world)), (
                f"{name} of others too"
            )


def rows_of(
    caller: Caller, name: str, relation: Relation, condition: str, world: World
) -> list[tuple[object, ...]]:
    """The keys of the rows this caller sees."""
    found = caller.connection.execute(
        f"select {relation.key} from {name} where {condition} order by {relation.key}", {"owner": world.owner}
    ).fetchall()
    return [tuple(row.values()) for row in found]


@pytest.mark.parametrize("role", ROLES)
def test_which_rows_are_seen(shop: Shop, world: World, callers: dict[str, Caller], role: str) -> None:
    for name, relation in RELATIONS.items():
        decided = relation.sees(role)
        if decided == "refused":
            assert code_of(callers[role], f"select from {name}") == NO_RIGHT, (role, name)
            continue
        condition = {"own": relation.own, "all": "true", "nothing": "false"}[decided]
        seen = rows_of(callers[role], name, relation, "true", world)
        assert seen == rows_of(shop.setup, name, relation, condition, world), (role, name, decided)


@pytest.mark.parametrize("role", ROLES)
def test_which_columns_are_read_and_written(callers: dict[str, Caller], role: str) -> None:
    for name, relation in RELATIONS.items():
        visible = set(relation.columns.split()) if role in relation.readers else set()
        writable = set(relation.updates.split()) if role in CLIENTS else set()
        if role == "service_role":
            visible |= set((relation.service_reads or "").split())
            writable = set(relation.service_updates.split())
        if relation.service_writes and role == "service_role":
            writable = visible
        for column in relation.columns.split() + relation.hidden.split():
            read = code_of(callers[role], f'select "{column}" from {name} limit 0')
            assert read == ("ok" if column in visible else NO_RIGHT), (role, name, column)
            updated = code_of(callers[role], f'update {name} set "{column}" = default where false')
            assert (updated == "ok") == (column in writable), (role, name, column, updated)
            if column not in writable:
                assert updated in refusals(name), (role, name, column)
            if not (relation.service_writes and role == "service_role"):
                inserted = code_of(callers[role], f'insert into {name} ("{column}") values (default)')
                if role == "service_role" and column in relation.service_inserts.split():
                    assert inserted != NO_RIGHT, (role, name, column)
                else:
                    assert inserted in refusals(name), (role, name, column)


def refusals(name: str) -> tuple[str, ...]:
    """A view that cannot be written says so (55000 or 42809) before anybody asks for rights."""
    views = {
        "payment_timeline",
        "webhook_health",
        "payments_daily",
        "refunds_open",
        "jobs_overview",
        "dead_jobs",
        "is_ledger_equal",
    }
    return (NO_RIGHT, "55000", "42809") if name.removeprefix("public.") in views else (NO_RIGHT,)


@pytest.mark.parametrize("role", ROLES)
def test_whose_rows_are_written_and_whose_are_deleted(
    shop: Shop, world: World, callers: dict[str, Caller], role: str
) -> None:
    for name, relation in RELATIONS.items():
        may_delete = relation.service_writes and role == "service_role"
        for statement in ("delete from", "truncate"):
            answer = code_of(
                callers[role],
                f"{statement} {name} where false" if "delete" in statement else f"{statement} {name}",
            )
            if statement == "delete from" and may_delete:
                assert answer == "ok", (role, name)
            else:
                assert answer in refusals(name), (role, name, statement)
        if relation.updates and role in CLIENTS:
            column = relation.updates.split()[0]
            with callers[role].connection.transaction(force_rollback=True):
                touched = callers[role].run(f"update {name} set {column} = {column}")
            condition = {"own": relation.own, "all": "true", "nothing": "false"}[relation.sees(role)]
            assert touched == len(rows_of(shop.setup, name, relation, condition, world)), (role, name)


def test_nobody_gives_their_rows_away(world: World, callers: dict[str, Caller]) -> None:
    """Writable columns never name whose row it is."""
    for name, relation in RELATIONS.items():
        assert not {"user_id", "requested_by", "id"} & set(relation.updates.split()), name


def test_pretenders_are_customers(shop: Shop, world: World) -> None:
    """Only app_metadata.role = admin, exactly, makes an admin."""
    for claims in (
        {"user_metadata": {"role": "admin"}},
        {"app_metadata": {"role": "Admin"}},
        {"app_metadata": {"roles": ["admin"]}},
        {"app_metadata": "admin"},
        {"app_metadata": {"role": ["admin"]}},
        {"role": "service_role"},
        {"role": "admin"},
        {"app_metadata": None},
    ):
        pretender = shop.connect("authenticated", {"sub": world.other} | claims)
        assert pretender.rows("select from public.payments") == [], claims
        assert code_of(pretender, "select public.read_webhook_body(%s)", world.webhook_id) == "ADMIN_REQUIRED"
        assert pretender.rows("select from public.dead_jobs") == []
        pretender.connection.close()


def test_what_an_owner_sees_of_a_refund_account_is_masked(
    shop: Shop, world: World, callers: dict[str, Caller]
) -> None:
    shown = {
        row["refund_account_masked"]
        for row in callers["owner"].rows("select * from public.payment_cancellations")
    }
    assert shown == {None, "********6789"}
    keys = [
        row["billing_key"]
        for row in shop.setup.rows(
            "select billing_key from public.billing_keys where billing_key is not null"
        )
    ]
    secrets = ["110123456789", "Hong Gildong", *keys]
    for role in CLIENTS:
        for name, relation in RELATIONS.items():
            if relation.columns:
                seen = str(callers[role].rows(f"select {', '.join(relation.columns.split())} from {name}"))
                assert not [secret for secret in secrets if secret in seen], (role, name)
