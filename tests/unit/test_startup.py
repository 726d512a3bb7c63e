"""The worker does not start where it could do harm: one line for each reason; what is only late is waited for."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.unit.support import FakeDatabase, FakePortOne, make_deps, script
from tests.unit.test_checks import WELL, not_found, refused
from worker.checks.startup import Away, require_startable, wait_until_checked
from worker.errors import DatabaseUnavailable, Misconfigured

AWAY = DatabaseUnavailable("DATABASE_NOT_REACHABLE", "database not reachable")
NOT_OURS = httpx.Response(401, json={"type": "UNAUTHORIZED"})


def deps(described: Any, *stores: Any, **settings: Any) -> Any:
    """Dependencies over a database that describes itself so, and stores that answer so."""
    portone = FakePortOne()
    portone.gets = list(stores)
    return make_deps(
        FakeDatabase(describe_installation=described), portone, **({"startup_timeout_seconds": 0} | settings)
    )


async def reasons(made: Any, *, with_jobs: bool = True, takes_webhooks: bool = True) -> list[str]:
    """The lines of a refused start; none for one that is allowed."""
    try:
        await require_startable(made, with_jobs=with_jobs, takes_webhooks=takes_webhooks)
    except Misconfigured as refusal:
        return refusal.message.splitlines()
    return []


async def test_a_well_installation_starts() -> None:
    assert await reasons(deps(WELL, not_found, not_found)) == []


@pytest.mark.parametrize(
    ("described", "said"),
    [
        (WELL | {"migrations": WELL["migrations"][1:]}, "migrations: 1 not applied"),
        (WELL | {"release": 99}, "migrations: the database is newer than this worker"),
        (WELL | {"release": 0}, "migrations: the database is of release 0"),
        (AWAY, "database: database not reachable"),
        (Misconfigured("DATABASE_KEY_REFUSED", "SUPABASE_SECRET_KEY: renew"), "database: Supabase refused the worker; SUPABASE_SECRET_KEY: renew"),
    ],
)  # fmt: skip
async def test_what_the_database_forbids(described: Any, said: str) -> None:
    (line,) = await reasons(deps(described, not_found, not_found))
    assert line.startswith(said)


async def test_a_moved_clock_forbids_real_money_only() -> None:
    moved = WELL | {"clock_offset_seconds": 60}
    assert await reasons(deps(moved, not_found, not_found)) == []
    (line,) = await reasons(deps(moved, not_found, not_found, environment="live"))
    assert line.startswith("clock: the database's clock is moved by 60 s")


async def test_each_reason_has_its_line() -> None:
    lines = await reasons(deps(WELL | {"release": 99}, NOT_OURS, refused), takes_webhooks=False)
    assert [line.partition(":")[0].split()[0] for line in lines] == ["migrations", "portone", "portone"]


async def test_without_jobs_portone_is_not_asked() -> None:
    assert await reasons(deps(WELL, refused, refused), with_jobs=False) == []


async def test_what_does_not_answer_yet_is_asked_again() -> None:
    made = deps(script(AWAY, AWAY, WELL), refused, not_found, not_found, startup_timeout_seconds=60)
    assert await reasons(made) == []


async def test_what_answered_wrong_is_not_waited_for() -> None:
    made = deps(script(WELL | {"release": 99}, WELL), not_found, not_found, startup_timeout_seconds=60)
    assert len(await reasons(made)) == 1


async def test_with_a_spool_webhooks_are_taken_although_the_database_is_away(tmp_path: Any) -> None:
    made = deps(AWAY, not_found, not_found, webhook_spool_dir=str(tmp_path))
    assert await reasons(made) == []
    no_webhooks = deps(AWAY, not_found, not_found, webhook_spool_dir=str(tmp_path))
    assert len(await reasons(no_webhooks, takes_webhooks=False)) == 1
    wrong = deps(Misconfigured("X", "x"), not_found, not_found, webhook_spool_dir=str(tmp_path))
    assert len(await reasons(wrong)) == 1, "an answer that says no is no outage"


async def test_webhooks_are_taken_although_portone_is_away() -> None:
    """A restart while PortOne is down must not refuse the webhooks PortOne sends when it is back."""
    away = await require_startable(deps(WELL, refused, not_found), with_jobs=True, takes_webhooks=True)
    assert (away.database, len(away.stores)) == (False, 1)
    assert len(await reasons(deps(WELL, NOT_OURS, not_found))) == 1, "an answer that says no is no outage"
    assert len(await reasons(deps(WELL, refused, not_found), takes_webhooks=False)) == 1


async def pauses(made: Any, away: Any) -> list[float]:
    """How long was waited before each question."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    await wait_until_checked(made, away, sleep=sleep)
    return waited


async def test_what_was_away_is_asked_ever_more_rarely_until_it_answers() -> None:
    made = deps(WELL, *[refused] * 9, not_found, not_found)
    away = await require_startable(made, with_jobs=True, takes_webhooks=True)
    assert len(away.stores) == 2
    waited = await pauses(made, away)
    assert waited == sorted(waited)
    assert waited[-1] > waited[0]
    assert await pauses(made, Away()) == []


async def test_a_database_that_comes_back_is_checked_before_anything_is_written(tmp_path: Any) -> None:
    made = deps(script(AWAY, AWAY, WELL), not_found, not_found, webhook_spool_dir=str(tmp_path))
    away = await require_startable(made, with_jobs=True, takes_webhooks=True)
    assert (away.database, made.checked.is_set()) == (True, False)
    assert len(await pauses(made, away)) == 2
    assert made.checked.is_set()


@pytest.mark.parametrize(
    ("described", "said"),
    [
        (WELL | {"migrations": WELL["migrations"][1:]}, "migrations: 1 not applied"),
        (WELL | {"release": 99}, "migrations: the database is newer than this worker"),
    ],
)
async def test_another_database_that_comes_back_ends_the_worker(
    tmp_path: Any, described: Any, said: str
) -> None:
    made = deps(script(AWAY, described), not_found, not_found, webhook_spool_dir=str(tmp_path))
    away = await require_startable(made, with_jobs=True, takes_webhooks=True)
    with pytest.raises(Misconfigured, match=said):
        await pauses(made, away)
    assert not made.checked.is_set(), "what is spooled stays there"


async def test_a_store_that_comes_back_and_says_no_ends_the_worker() -> None:
    made = deps(WELL, refused, not_found, NOT_OURS)
    away = await require_startable(made, with_jobs=True, takes_webhooks=True)
    with pytest.raises(Misconfigured, match="portone"):
        await pauses(made, away)
