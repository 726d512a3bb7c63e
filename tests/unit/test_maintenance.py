"""The worker's maintenance goes round by itself, step by step; the anchor keeps claims off what is done."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.unit.support import FakeDatabase, make_deps, make_job, script, until
from worker.errors import DatabaseUnavailable
from worker.runner.anchor import Anchor
from worker.runner.maintenance import Maintenance
from worker.runner.service import RunnerService

NOTHING = {"keys": 0, "finished": 0, "more": False, "busy": False}
MORE = {"keys": 1000, "finished": 5, "more": True, "busy": False}


async def no_pause(_seconds: float) -> None:
    """Sleep that lets others run and takes no time."""
    await asyncio.sleep(0)


def rounds(*answers: Any) -> tuple[Maintenance, FakeDatabase]:
    """Maintenance over a database that answers so."""
    database = FakeDatabase(run_maintenance=script(*answers))
    return Maintenance(make_deps(database), sleep=no_pause), database


async def test_a_round_goes_on_until_nothing_is_left() -> None:
    maintenance, database = rounds(MORE, MORE, NOTHING, NOTHING)
    await maintenance.round()
    assert len(database.named("run_maintenance")) == 3


async def test_a_round_ends_after_fifty_steps() -> None:
    database = FakeDatabase(run_maintenance=MORE)
    await Maintenance(make_deps(database), sleep=no_pause).round()
    assert len(database.named("run_maintenance")) == 50


async def test_an_outage_ends_the_round_and_not_the_schedule() -> None:
    maintenance, database = rounds(DatabaseUnavailable("DATABASE_NOT_REACHABLE", "away"), MORE, NOTHING)
    await maintenance.round()
    assert len(database.named("run_maintenance")) == 1
    await maintenance.round()
    assert len(database.named("run_maintenance")) == 3


async def test_it_goes_round_for_ever_and_never_where_it_is_switched_off() -> None:
    database = FakeDatabase(run_maintenance=NOTHING)
    task = asyncio.create_task(Maintenance(make_deps(database), sleep=no_pause).run())
    await until(lambda: len(database.named("run_maintenance")) >= 3)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    off = FakeDatabase(run_maintenance=NOTHING)
    await Maintenance(make_deps(off, maintenance_interval_seconds=0), sleep=no_pause).run()
    assert off.calls == []


async def test_a_drain_for_cron_maintains_too() -> None:
    database = FakeDatabase(claim_jobs=[], run_maintenance=NOTHING)
    await RunnerService(make_deps(database)).run(until_empty=True)
    assert len(database.named("run_maintenance")) == 1


def test_the_floor_follows_full_claims_and_falls_with_a_short_one() -> None:
    anchor = Anchor(chance=lambda: 0.5)
    assert anchor.next() == 0
    anchor.claimed([make_job(job_id=n) for n in range(9000, 9050)], 50)
    assert anchor.next() == 7000
    anchor.claimed([make_job(job_id=1500)], 1)
    assert anchor.next() == 0, "never below zero"
    anchor.claimed([make_job(job_id=n) for n in range(9000, 9050)], 50)
    anchor.claimed([make_job(job_id=9050)], 50)
    assert anchor.next() == 0, "a short claim looks at all next time"


def test_now_and_then_a_claim_looks_at_all() -> None:
    chances = iter((0.5, 0.005, 0.5))
    anchor = Anchor(chance=lambda: next(chances))
    anchor.claimed([make_job(job_id=9000)], 1)
    assert [anchor.next(), anchor.next(), anchor.next()] == [7000, 0, 7000]
