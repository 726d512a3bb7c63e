"""The worker's idea of the database is the database's: generated types are fresh, its call table is pg_proc's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from pydantic import BaseModel

from sandbox.supabase.types import wanted_files
from tests.sql.shop import Shop
from worker.db import schema
from worker.db.calls import CALLS, check_call
from worker.db.queue import Queue
from worker.db.user import UserRequests
from worker.db.vault import Vault
from worker.db.webhooks import WebhookLog
from worker.model import Delivery, Job, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import TestDatabase
    from tests.sql.shop import Caller, Row


def test_the_generated_files_are_fresh(database: TestDatabase) -> None:
    stale = [path.name for path, text in wanted_files(database.url).items() if path.read_text() != text]
    assert stale == [], "run `make types`"


def test_generating_twice_gives_the_same(database: TestDatabase, module_database: TestDatabase) -> None:
    assert wanted_files(database.url) == wanted_files(module_database.url)


@pytest.fixture(scope="module")
def owner(module_database: TestDatabase) -> Iterator[Caller]:
    """The migration role's connection: these tests only read the catalogue."""
    shop = Shop(module_database.url)
    yield shop.owner()
    shop.close()


def signature(owner: Caller, function: str) -> Row:
    """What pg_proc says: argument names with types, what comes back."""
    return owner.row(
        """select
          (select coalesce(jsonb_object_agg(a.name, format_type(a.type, null)), '{}') from unnest(p.proargnames[1:p.pronargs], p.proargtypes::oid[]) as a (name, type)) as arguments,
          p.proretset as many, t.typname as returns, t.typrelid
        from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace join pg_type as t on t.oid = p.prorettype
        where n.nspname = 'public' and p.proname = %s""",
        function,
    )


@pytest.mark.parametrize("function", CALLS)
def test_a_call_is_what_the_database_has(owner: Caller, function: str) -> None:
    call, found = CALLS[function], signature(owner, function)
    assert found["arguments"] == dict(call.arguments)
    assert (found["returns"], found["many"]) == (call.returns, call.many)
    if not found["typrelid"]:
        assert call.reads == (), "a scalar has no columns"
        return
    columns = {
        row["attname"]
        for row in owner.rows(
            "select attname from pg_attribute where attrelid = %s and attnum > 0 and not attisdropped",
            found["typrelid"],
        )
    }
    assert set(call.reads) <= columns
    generated = getattr(schema, "Public" + call.returns.title().replace("_", ""))
    assert issubclass(generated, BaseModel)
    assert set(generated.model_fields) == columns


@pytest.mark.parametrize("function", CALLS)
def test_whoever_calls_may(owner: Caller, function: str) -> None:
    service, user = "service_role", "authenticated"
    roles = {"worker": [service], "user": [user], "both": [service, user]}[CALLS[function].caller]
    assert owner.row(
        "select bool_and(has_function_privilege(role, p.oid, 'execute')) as may from pg_proc as p, unnest(%s::text[]) as role where p.pronamespace = 'public'::regnamespace and p.proname = %s",
        roles,
        function,
    )["may"]


class Read(dict[str, Any]):
    """A row that remembers which of its columns were asked for."""

    def __init__(self, **columns: Any) -> None:
        super().__init__(columns)
        self.asked: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        """Remembers, then gives."""
        self.asked.add(key)
        return super().get(key, default)


class Answering:
    """Stands for ``worker.db.client.Database``: checks the call as it does, answers one row."""

    def __init__(self, row: Read) -> None:
        self.row = row
        self.called: list[str] = []

    async def call(self, function: str, params: dict[str, Any]) -> object:
        """As the worker."""
        check_call(function, params, "worker")
        self.called.append(function)
        return [self.row]

    async def call_as_user(self, function: str, params: dict[str, Any], *, token: str) -> object:
        """As a user."""
        check_call(function, params, "user")
        self.called.append(function)
        return self.row


JOB = Job(1, 1, "sync_payment", None, 0, {}, None, None, None, None)


async def test_the_table_names_every_column_the_worker_reads() -> None:
    asked: dict[str, set[str]] = {}

    async def note(function: str, row: Read, use: Any) -> None:
        database = Answering(row)
        await use(cast("Any", database))
        assert database.called == [function]
        asked[function] = row.asked

    def queue(database: Any) -> Queue:
        return Queue(database, worker="w", lease_seconds=60)

    await note("claim_jobs", Read(id=1, claim=1, kind="k"), lambda db: queue(db).claim(1))
    await note("begin_attempts", Read(), lambda db: queue(db).begin(JOB, body=None))
    await note("settle_jobs", Read(), lambda db: queue(db).settle([Outcome(1, 1, "done")]))
    await note("extend_leases", Read(held=False), lambda db: queue(db).extend([(1, 1)]))
    await note("release_jobs", Read(), lambda db: queue(db).release([(1, 1)]))
    await note("queue_stats", Read(), lambda db: queue(db).stats())
    await note("record_webhooks", Read(), lambda db: WebhookLog(db).record([delivery()]))
    await note("list_sealed", Read(id="x", key_id="k"), lambda db: Vault(db).list_sealed(None, 1))
    await note("reseal", Read(), lambda db: Vault(db).reseal([]))
    await note("get_operation", Read(id="x"), lambda db: UserRequests(db).operation("x", token="t"))
    for function, columns in asked.items():
        wanted = set(CALLS[function].reads)
        assert columns <= wanted, function
        if function != "get_operation":  # what else of an operation is read, its waiters read
            assert columns == wanted, function


def delivery() -> Delivery:
    """Any delivery."""
    return Delivery(
        webhook_id="w", webhook_type=None, body=b"", headers={}, subject_id=None, subject_kind=None,
        provider_transaction_id=None, event_at=None, secret_index=0, skip_reason=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("function", "params", "caller"),
    [
        ("drop_everything", {}, "worker"),
        ("settle_jobs", {"outcome": []}, "worker"),
        ("settle_jobs", {"outcomes": []}, "user"),
        ("request_payment", {"order_id": "o"}, "worker"),
    ],
)
def test_a_call_that_is_not_in_the_table_is_a_mistake_of_ours(
    function: str, params: Any, caller: Any
) -> None:
    with pytest.raises(LookupError, match=function):
        check_call(function, params, caller)
