"""The same decisions over HTTP: real keys, real tokens, every table and view that the API shows, every function."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from tests.access.calls import CALLS, Call
from tests.access.decisions import CLIENTS, RELATIONS, ROLES

if TYPE_CHECKING:
    from tests.access.api import Answer, Client
    from tests.access.world import World
    from tests.sql.shop import Shop

PUBLIC = {
    name.removeprefix("public."): decided for name, decided in RELATIONS.items() if name.startswith("public.")
}
INTERNAL = [name.split(".") for name in RELATIONS if not name.startswith("public.")]
STATUS_OF_CODE = {
    "NOT_FOUND": 404,
    "NOT_ALLOWED": 403,
    "ADMIN_REQUIRED": 403,
    "SIGN_IN_REQUIRED": 403,
    "NOT_CONFIRMABLE": 409,
    "NOT_PENDING": 409,
    "OPEN_PAYMENT": 409,
    "NOT_USABLE": 409,
}


def is_refusal(answer: Answer, role: str) -> bool:
    """No right: 401 for nobody in particular, 403 for everybody else."""
    return (answer.status, answer.code) == (401 if role == "anon" else 403, "42501")


def is_view(shop: Shop, name: str) -> bool:
    """Whether it is a view, which is not written whoever asks."""
    return bool(
        shop.setup.row(
            "select relkind = 'v' as yes from pg_class where oid = %s::regclass", f"public.{name}"
        )["yes"]
    )


@pytest.mark.parametrize("role", ROLES)
def test_which_rows_are_read(api_shop: Shop, api_world: World, clients: dict[str, Client], role: str) -> None:
    for name, relation in PUBLIC.items():
        columns = [column.strip() for column in relation.key.split(",")]
        answer = clients[role].send("GET", f"/{name}?select={','.join(columns)}&order={','.join(columns)}")
        if relation.sees(role) == "refused":
            assert is_refusal(answer, role), (role, name, answer)
            continue
        condition = {"own": relation.own, "all": "true", "nothing": "false"}[relation.sees(role)]
        rows = api_shop.setup.connection.execute(
            f"select {relation.key} from public.{name} where {condition}", {"owner": api_world.owner}
        ).fetchall()
        seen = sorted(tuple(str(row[column]) for column in columns) for row in answer.body)
        assert seen == sorted(tuple(str(value) for value in row.values()) for row in rows), (role, name)


@pytest.mark.parametrize("role", ROLES)
def test_which_columns_are_read(clients: dict[str, Client], role: str) -> None:
    for name, relation in PUBLIC.items():
        for column in relation.hidden.split():
            answer = clients[role].send("GET", f"/{name}?select={column}&limit=1")
            if role == "service_role" and column in (relation.service_reads or "").split():
                assert answer.status == 200
            else:
                assert is_refusal(answer, role), (role, name, column)
        if role != "anon":
            shown = ",".join(relation.columns.split())
            assert clients[role].send("GET", f"/{name}?select={shown}&limit=1").status == 200, (role, name)


@pytest.mark.parametrize("role", ROLES)
def test_what_is_written(api_shop: Shop, api_world: World, clients: dict[str, Client], role: str) -> None:
    before = {name: count(api_shop, name) for name in PUBLIC}
    for name, relation in PUBLIC.items():
        if relation.service_writes and role == "service_role":
            continue
        column = relation.columns.split()[-1]  # never an identity
        none = f"/{name}?{column}=is.null"
        for answer in (
            clients[role].send("POST", f"/{name}", {column: None}),
            clients[role].send("PATCH", none, {column: None}),
            clients[role].send("DELETE", none),
        ):
            if is_view(api_shop, name):
                assert answer.status >= 400, (role, name, answer)
            else:
                assert is_refusal(answer, role), (role, name, answer)
        # column by column for one customer; the rest is done in SQL, where it costs less
        for writable in (relation.columns + " " + relation.hidden).split() if role == "owner" else ():
            if writable not in relation.updates.split() and not is_view(api_shop, name):
                answer = clients[role].send("PATCH", none, {writable: None})
                # an identity column is refused before anybody asks for rights
                assert is_refusal(answer, role) or answer.code == "428C9", (role, name, writable, answer)
    assert {name: count(api_shop, name) for name in PUBLIC} == before


def count(shop: Shop, name: str) -> int:
    """How many rows there are."""
    return int(shop.setup.row(f"select count(*) as n from public.{name}")["n"])


@pytest.mark.parametrize("role", CLIENTS)
def test_whose_cards_are_renamed(
    api_shop: Shop, api_world: World, clients: dict[str, Client], role: str
) -> None:
    changed = clients[role].send(
        "PATCH",
        "/billing_keys?id=not.is.null&select=id,nickname",
        {"nickname": f"by {role}"},
        prefer="return=representation",
    )
    mine = {"owner": "user_id = %s", "other": "user_id = %s", "admin": "%s::uuid is not null"}[role]
    expected = api_shop.setup.row(
        f"select count(*) as n from public.billing_keys where deleted_at is null and {mine}",
        getattr(api_world, role),
    )["n"]
    assert (changed.status, len(changed.body)) == (200, expected)
    stolen = clients[role].send(
        "PATCH", "/billing_keys?id=not.is.null", {"user_id": getattr(api_world, role)}
    )
    assert is_refusal(stolen, role)


def test_the_shops_server_keeps_orders(api_world: World, clients: dict[str, Client]) -> None:
    server = clients["service_role"]
    made = server.send(
        "POST",
        "/orders?select=id",
        {"user_id": api_world.other, "order_name": "Lamp", "total_amount": 5},
        prefer="return=representation",
    )
    order = f"/orders?id=eq.{made.body[0]['id']}"
    assert server.send("PATCH", order, {"total_amount": 6}).code == "ok"
    assert clients["other"].send("GET", order).body[0]["total_amount"] == 6
    assert clients["owner"].send("GET", order).body == []
    assert server.send("DELETE", order).code == "ok"
    assert clients["other"].send("GET", order).body == []


@pytest.mark.parametrize("schema", ["private", "queue", "auth", "supabase_migrations"])
def test_internal_schemas_are_not_shown(clients: dict[str, Client], schema: str) -> None:
    tables = [table for internal, table in INTERNAL if internal == schema] or ["users"]
    for role in ROLES:
        for table in tables:
            assert clients[role].send("GET", f"/{table}", **{"accept-profile": schema}).status == 406, (
                role,
                table,
            )
            assert clients[role].send("GET", f"/{table}").status == 404, (role, table)
        assert clients[role].send("POST", "/rpc/now", {}, **{"content-profile": schema}).status == 406
        assert clients[role].rpc("apply_snapshot", p_snapshot={}).status == 404


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.function)
def test_what_a_call_answers(api_world: World, clients: dict[str, Client], role: str, call: Call) -> None:
    arguments = api_world.fill(call.arguments)
    if call.arguments.get("id") == "$ready_job_id":
        # Each role's own: what one has taken off the queue is not there for the next.
        job = {"idempotency_key": f"matrix-{role}", "job_kind": "send_letter", "run_at": "2999-01-01"}
        arguments["id"] = clients["service_role"].rpc("enqueue_jobs", jobs=[job]).body[0]["job_id"]
    answer = clients[role].rpc(call.function, **arguments)
    expected = call.expected(role)
    assert answer.code == expected, answer
    if expected == "42501":
        assert is_refusal(answer, role)
    elif expected != "ok":
        (status,) = [status for ending, status in STATUS_OF_CODE.items() if expected.endswith(ending)]
        assert answer.status == status
        assert answer.body["hint"]
        assert answer.body["message"].endswith(".")


def test_an_operation_is_answered_whole_and_tells_no_payment_before_its_time(
    api_world: World, clients: dict[str, Client]
) -> None:
    operation = clients["owner"].rpc("get_operation", id=api_world.operation_id).body
    assert sorted(operation) == sorted(PUBLIC["payment_operations"].columns.split())
    assert (operation["status"], operation["payment_id"], operation["result"]) == ("pending", None, None)


def test_ids_tell_nothing_about_others(clients: dict[str, Client], api_world: World) -> None:
    """Somebody else's and nobody's look the same, to the letter."""
    for function, argument, theirs, nobodys in (
        ("request_completion", "payment_id", api_world.payment_id, "pay" + uuid.uuid4().hex),
        ("request_cancellation", "payment_id", api_world.payment_id, "pay" + uuid.uuid4().hex),
        ("get_operation", "id", api_world.operation_id, str(uuid.uuid4())),
        ("set_default_billing_key", "id", api_world.billing_key_id, str(uuid.uuid4())),
    ):
        answers = [clients["other"].rpc(function, **{argument: value}) for value in (theirs, nobodys)]
        assert answers[0] == answers[1], function


def test_every_relation_is_held_to_one_list(api_world: World, clients: dict[str, Client]) -> None:
    """What the API shows at all is what has been decided about."""
    shown = clients["service_role"].send("GET", "/").body
    if not isinstance(shown, dict) or "definitions" not in shown:
        pytest.skip("this API front does not describe itself")
    assert set(shown["definitions"]) <= set(PUBLIC)
