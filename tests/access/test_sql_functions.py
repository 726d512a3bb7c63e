"""Every role against every function, and against functions that an adopter lets run as postgres."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.access.ask import NO_RIGHT, code_of, functions
from tests.access.calls import CALLS, Call
from tests.access.decisions import PRIVATE_FOR_CLIENTS, PRIVATE_FOR_SERVICE, RELATIONS, ROLES

if TYPE_CHECKING:
    from tests.access.world import World
    from tests.sql.shop import Caller, Shop


@pytest.mark.parametrize("role", ROLES)
def test_which_functions_may_be_called(shop: Shop, callers: dict[str, Caller], role: str) -> None:
    """Every function of every schema, called with nulls: refused with 42501, or not for want of a right."""
    for function in functions(shop):
        may = {
            "public": any(
                call.expected(role) != NO_RIGHT for call in CALLS if call.function == function["name"]
            ),
            "private": role != "anon"
            and (
                function["name"] in PRIVATE_FOR_CLIENTS
                or (role == "service_role" and function["name"] in PRIVATE_FOR_SERVICE)
            ),
            "queue": False,
        }[function["schema"]]
        answer = code_of(callers[role], f"select {function['by_nulls']}")
        assert (answer != NO_RIGHT) == may, (role, function["by_nulls"], answer)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.function)
def test_what_a_call_answers(world: World, callers: dict[str, Caller], role: str, call: Call) -> None:
    assert code_of(
        callers[role], *as_sql(f"public.{call.function}", world.fill(call.arguments))
    ) == call.expected(role)


def as_sql(function: str, arguments: dict[str, object]) -> tuple[object, ...]:
    """A call by named arguments; empty lists are batches."""
    named = ", ".join(
        f"{name} => %s{'::jsonb[]' if isinstance(value, list) else ''}" for name, value in arguments.items()
    )
    return (f"select * from {function}({named})", *arguments.values())


DEFINED_BY_ADOPTER = """
create or replace function public.adopters_{function}({parameters}) returns jsonb
language sql security definer set search_path = ''
as $$ select to_jsonb(answer) from public.{function}({names}) as answer $$
"""


@pytest.mark.parametrize(
    "call", [call for call in CALLS if call.expected("owner") != NO_RIGHT], ids=lambda call: call.function
)
def test_a_function_of_postgres_lends_nobody_its_rights(
    shop: Shop, world: World, callers: dict[str, Caller], call: Call
) -> None:
    """An adopter's definer function runs as postgres, who may call everything; who asked stays who they are."""
    (row,) = shop.setup.rows(
        "select pg_get_function_identity_arguments(p.oid) as parameters, proargnames[1:pronargs] as names from pg_proc as p where p.pronamespace = 'public'::regnamespace and p.proname = %s",
        call.function,
    )
    names = ", ".join(f"adopters_{call.function}.{name}" for name in row["names"])
    shop.setup.run(
        DEFINED_BY_ADOPTER.format(function=call.function, parameters=row["parameters"], names=names)
    )
    shop.setup.run(
        f"grant execute on function public.adopters_{call.function}({row['parameters']}) to anon, authenticated, service_role"
    )
    try:
        for role in ROLES:
            every = dict.fromkeys(row["names"]) | world.fill(call.arguments)
            answer = code_of(callers[role], *as_sql(f"public.adopters_{call.function}", every))
            expected = "SIGN_IN_REQUIRED" if role == "anon" else call.expected(role)
            assert answer == expected, role
    finally:
        shop.setup.run(f"drop function public.adopters_{call.function}({row['parameters']})")


def test_a_view_read_by_a_function_of_postgres_stays_empty_for_customers(
    shop: Shop, world: World, callers: dict[str, Caller]
) -> None:
    views = [
        name
        for name in RELATIONS
        if name.removeprefix("public.")
        in (
            "payment_timeline",
            "dead_jobs",
            "jobs_overview",
            "refunds_open",
            "webhook_health",
            "payments_daily",
            "is_ledger_equal",
        )
    ]
    assert len(views) == 7
    for view in views:
        shop.setup.run(
            f"create or replace function public.adopters_view() returns bigint language sql security definer set search_path = '' as 'select count(*) from {view}'"
        )
        for role in ROLES:
            answered = callers[role].row("select public.adopters_view() as n")["n"]
            assert (answered > 0) == (role in ("admin", "service_role")), (role, view)
    shop.setup.run("drop function public.adopters_view()")
