"""describe_installation says what is there and what stands open; the worker's checks read it as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.support import make_settings
from worker.checks.access import check_access
from worker.checks.clock import check_clock
from worker.checks.migrations import check_migrations, shipped_names
from worker.checks.queue import check_queue
from worker.db.installation import Installation, Installations
from worker.db.relations import OUR_RELATIONS

if TYPE_CHECKING:
    from tests.sql.shop import Caller


class Through:
    """The worker's call, made as the service role."""

    def __init__(self, worker: Caller) -> None:
        self._worker = worker

    async def call(self, function: str, params: dict[str, Any]) -> object:
        """As ``Database.call`` for a function without arguments."""
        assert params == {}
        return self._worker.row(f"select public.{function}() as answer")["answer"]


async def described(worker: Caller) -> Installation:
    """What the worker reads."""
    through: Any = Through(worker)
    return await Installations(through).describe()


async def test_a_fresh_installation_passes_every_check(worker: Caller) -> None:
    installation = await described(worker)
    settings = make_settings()
    results = [
        check_migrations(installation, shipped_names()),
        check_access(installation),
        check_clock(installation, settings),
        check_queue(installation),
    ]
    assert [result.line for result in results if result.state != "ok"] == []
    assert len(shipped_names()) == len(installation.migrations) > 40


def test_our_relations_are_listed(owner: Caller) -> None:
    listed = owner.rows(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'v')"
    )
    assert {row["relname"] for row in listed} == OUR_RELATIONS


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("alter table public.payments disable row level security", "public.payments has no row level security"),
        ("alter table queue.jobs disable row level security", "queue.jobs has no row level security"),
        ("grant update on public.payments to authenticated", "authenticated may UPDATE public.payments"),
        ("grant select on public.payment_events to anon", "anon may SELECT public.payment_events"),
        ("grant select on private.attempts to authenticated", "authenticated may SELECT private.attempts"),
        ("grant execute on function public.claim_jobs to authenticated", "authenticated may execute public.claim_jobs"),
        ("grant execute on function public.get_operation to public", "anon may execute public.get_operation"),
    ],
)  # fmt: skip
async def test_what_somebody_opened_by_hand_is_found(
    owner: Caller, worker: Caller, statement: str, said: str
) -> None:
    owner.run(statement)
    result = check_access(await described(worker))
    assert (result.state, result.detail) == ("error", said)


async def test_a_projects_own_objects_are_its_own_business(owner: Caller, worker: Caller) -> None:
    owner.run("create table public.products (id int)")
    owner.run("grant all on public.products to anon, authenticated")
    owner.run("create function public.greet() returns text language sql return 'hello'")
    assert check_access(await described(worker)).state == "ok"


async def test_the_histories_of_migrations(owner: Caller, worker: Caller) -> None:
    owner.run(
        "insert into supabase_migrations.schema_migrations (version, name) values ('20300101000000', 'theirs')"
    )
    assert check_migrations(await described(worker), shipped_names()).state == "ok"
    owner.run(
        "update supabase_migrations.schema_migrations set version = '20300202000000' where name = 'create_clock'"
    )
    assert check_migrations(await described(worker), shipped_names()).state == "ok", (
        "copied under another version"
    )
    owner.run("delete from supabase_migrations.schema_migrations where name = 'create_clock'")
    missing = check_migrations(await described(worker), shipped_names())
    assert (missing.state, missing.detail) == ("error", "1 not applied (20251227000000_create_clock.sql)")
    owner.run(
        """insert into supabase_migrations.schema_migrations (version, name, statements) values ('20300303000000', 'renamed',
        array[E'-- portone-supabase: 20990101000000_of_tomorrow.sql sha256:0000000000000000000000000000000000000000000000000000000000000000\nselect 1'])"""
    )
    newer = check_migrations(await described(worker), shipped_names())
    assert newer.state == "error"
    assert newer.detail == "the database is newer than this worker (20990101000000_of_tomorrow.sql)"


async def test_another_release_is_refused_both_ways(owner: Caller, worker: Caller) -> None:
    for release, said in ((0, "this worker needs 1"), (2, "newer than this worker")):
        owner.run(
            f"create or replace function private.schema_release() returns integer language sql immutable set search_path = '' return {release}"
        )
        result = check_migrations(await described(worker), shipped_names())
        assert result.state == "error"
        assert said in result.detail


async def test_a_moved_clock_is_wrong_only_where_money_is_real(owner: Caller, worker: Caller) -> None:
    owner.run("update private.clock set clock_offset = '1 hour'")
    installation = await described(worker)
    assert check_clock(installation, make_settings()).state == "warning"
    live = check_clock(installation, make_settings(environment="live"))
    assert (live.state, live.detail) == ("error", "the database's clock is moved by 3600 s")


async def test_old_work_and_dead_work_are_seen(owner: Caller, worker: Caller) -> None:
    worker.call(
        "enqueue_jobs",
        jobs=[
            {
                "job_kind": "noop",
                "idempotency_key": "a-key-of-mine",
            }
        ],
    )
    owner.run("update private.clock set clock_offset = '2 minutes'")
    waiting = check_queue(await described(worker))
    assert waiting.state == "warning"
    assert "ready for 120 s" in waiting.detail
    owner.run("delete from queue.jobs")
    owner.run(
        "insert into queue.dead (id, kind, claim, reason, failures, payload, created_at, died_at) values (1, 'sync_payment', 1, 'r', 1, '{}', now(), now())"
    )
    dead = check_queue(await described(worker))
    assert (dead.state, dead.detail) == ("warning", "dead jobs that need a person: 1")
