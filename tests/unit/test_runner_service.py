"""The runner as a whole: it claims, settles, beats, drains, and stops without losing or repeating work."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.support import FakeDatabase, make_deps, settle_all, until
from worker.errors import DatabaseUnavailable, Misconfigured
from worker.operations.outcomes import done
from worker.runner.claimer import COMPANY_SECONDS
from worker.runner.leases import Heartbeat
from worker.runner.service import RunnerService
from worker.state import RunnerState

if TYPE_CHECKING:
    from worker.model import Outcome

GONE = DatabaseUnavailable("DATABASE_NOT_REACHABLE", "database not reachable")


def rows(*job_ids: int, kind: str = "sync_payment") -> list[dict[str, Any]]:
    """Return claimed rows."""
    return [
        {"id": n, "claim": 1, "kind": kind, "payload": {"payment_id": f"p{n}"}, "context": {}}
        for n in job_ids
    ]


class Jobs:
    """A queue of job ids that is given out as asked for."""

    def __init__(self, *job_ids: int) -> None:
        self.left = list(job_ids)
        self.asked: list[int] = []

    def __call__(self, params: Any) -> list[dict[str, Any]]:
        self.asked.append(params["max"])
        taken, self.left = self.left[: params["max"]], self.left[params["max"] :]
        return rows(*taken)


async def quick(_deps: Any, job: Any) -> Outcome:
    """A handler that is done at once."""
    return done(job)


def settled_ids(database: FakeDatabase) -> list[int]:
    """Return the ids settled, in order of settling."""
    return [element["job_id"] for call in database.named("settle_jobs") for element in call["outcomes"]]


async def run(service: RunnerService, **options: Any) -> None:
    """Run the service with a bound."""
    async with asyncio.timeout(20):
        await service.run(**options)


async def test_drain_runs_everything_in_bounded_claims_and_ends() -> None:
    jobs = Jobs(*range(1, 24))
    database = FakeDatabase(claim_jobs=jobs, settle_jobs=settle_all)
    service = RunnerService(make_deps(database, worker_concurrency=10), handlers={"sync_payment": quick})
    await run(service, until_empty=True)
    assert sorted(settled_ids(database)) == list(range(1, 24))
    assert max(jobs.asked) <= 10
    assert service.state.leased() == []


async def test_never_more_in_flight_than_allowed() -> None:
    running = peak = 0

    async def slow(_deps: Any, job: Any) -> Outcome:
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        await asyncio.sleep(0.01)
        running -= 1
        return done(job)

    database = FakeDatabase(claim_jobs=Jobs(*range(1, 31)), settle_jobs=settle_all)
    await run(
        RunnerService(make_deps(database, worker_concurrency=4), handlers={"sync_payment": slow}),
        until_empty=True,
    )
    assert 1 < peak <= 4
    assert len(settled_ids(database)) == 30


async def test_a_job_that_waits_to_be_settled_keeps_no_other_from_running_but_only_as_many_wait_as_run() -> (
    None
):
    jobs, settle = Jobs(1, 2, 3), asyncio.Event()

    async def slow_settle(params: Any) -> list[dict[str, Any]]:
        await settle.wait()
        return settle_all(params)

    ran: list[int] = []

    async def noted(_deps: Any, job: Any) -> Outcome:
        ran.append(job.id)
        return done(job)

    database = FakeDatabase(claim_jobs=jobs, settle_jobs=slow_settle)
    service = RunnerService(make_deps(database, worker_concurrency=1), handlers={"sync_payment": noted})
    running = asyncio.create_task(run(service, until_empty=True))
    await until(lambda: ran == [1, 2])
    await asyncio.sleep(3 * COMPANY_SECONDS)
    assert (ran, jobs.left, len(service.state.leased())) == ([1, 2], [3], 2)
    settle.set()
    await running
    assert settled_ids(database) == [1, 2, 3]


async def test_stop_lets_running_jobs_finish_and_settles_them() -> None:
    started, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_deps: Any, job: Any) -> Outcome:
        started.set()
        await go_on.wait()
        return done(job)

    jobs = Jobs(1)
    database = FakeDatabase(claim_jobs=jobs, settle_jobs=settle_all)
    service = RunnerService(make_deps(database), handlers={"sync_payment": slow})
    running = asyncio.create_task(run(service))
    await started.wait()
    service.stop()
    jobs.left = [2, 3]
    await asyncio.sleep(0.05)
    go_on.set()
    await running
    assert settled_ids(database) == [1]
    assert jobs.left == [2, 3]


async def test_what_does_not_finish_within_the_grace_is_released() -> None:
    started = asyncio.Event()

    async def stuck(_deps: Any, _job: Any) -> Outcome:
        started.set()
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    database = FakeDatabase(claim_jobs=Jobs(1), settle_jobs=settle_all, release_jobs=[])
    service = RunnerService(make_deps(database, shutdown_grace_seconds=0), handlers={"sync_payment": stuck})
    running = asyncio.create_task(run(service))
    await started.wait()
    service.stop()
    await running
    assert database.named("release_jobs") == [{"jobs": [{"job_id": 1, "claim": 1}]}]
    assert settled_ids(database) == []


async def test_one_job_that_explodes_takes_nobody_with_it() -> None:
    async def handler(_deps: Any, job: Any) -> Outcome:
        if job.id == 2:
            raise RuntimeError("bug")
        return done(job)

    database = FakeDatabase(claim_jobs=Jobs(1, 2, 3), settle_jobs=settle_all)
    await run(RunnerService(make_deps(database), handlers={"sync_payment": handler}), until_empty=True)
    verdicts = {e["job_id"]: e["verdict"] for call in database.named("settle_jobs") for e in call["outcomes"]}
    assert verdicts == {1: "done", 2: "retry", 3: "done"}


async def test_an_unreachable_database_is_asked_again_and_drain_says_so() -> None:
    database = FakeDatabase(claim_jobs=GONE)
    service = RunnerService(make_deps(database), handlers={})
    for _ in range(4):
        service.state.failed_claims += 1
    await run(service, until_empty=True)
    assert service.state.failed_claims >= 5


async def test_bells_right_after_a_claim_share_the_next_one() -> None:
    times: list[float] = []

    def claim(_params: Any) -> list[dict[str, Any]]:
        times.append(asyncio.get_running_loop().time())
        return []

    deps = make_deps(FakeDatabase(claim_jobs=claim))
    service = RunnerService(deps)
    running = asyncio.create_task(service.run())
    while len(times) < 6:
        deps.bell.ring()
        await asyncio.sleep(0)
    service.stop()
    await running
    assert all(later - sooner >= COMPANY_SECONDS * 0.9 for sooner, later in pairwise(times))


async def test_the_bell_wakes_an_idle_claimer() -> None:
    jobs = Jobs()
    database = FakeDatabase(claim_jobs=jobs, settle_jobs=settle_all)
    deps = make_deps(database)
    service = RunnerService(deps, handlers={"sync_payment": quick})
    running = asyncio.create_task(run(service))
    await until(lambda: len(jobs.asked) >= 2)
    jobs.left = [1]
    deps.bell.ring()
    await until(lambda: settled_ids(database))
    service.stop()
    await running
    assert settled_ids(database) == [1]


async def test_after_refused_credentials_the_process_stays_and_another_worker_gets_the_job() -> None:
    async def refused(_deps: Any, _job: Any) -> Outcome:
        raise Misconfigured("UNAUTHORIZED", "PORTONE_API_SECRET: renew it")

    jobs = Jobs(1)

    def take_back(params: Any) -> list[Any]:
        jobs.left += [job["job_id"] for job in params["jobs"]]
        return []

    database = FakeDatabase(claim_jobs=jobs, settle_jobs=settle_all, release_jobs=take_back)
    broken = RunnerService(make_deps(database), handlers={"sync_payment": refused})
    running = asyncio.create_task(run(broken))
    await until(lambda: broken.state.portone_refusal is not None and jobs.left)
    asked = len(jobs.asked)
    broken.state.freed.set()
    await asyncio.sleep(0.05)
    assert not running.done()
    assert len(jobs.asked) == asked
    broken.stop()
    await running
    await run(RunnerService(make_deps(database), handlers={"sync_payment": quick}), until_empty=True)
    assert settled_ids(database) == [1]


async def test_heartbeats_extend_everything_and_remember_what_was_lost() -> None:
    database = FakeDatabase(extend_leases=[{"job_id": 1, "held": False}, {"job_id": 2, "held": True}])
    state = RunnerState()
    state.settling |= {(1, 1), (2, 1)}
    await Heartbeat(make_deps(database), state).beat()
    assert state.lost == {(1, 1)}
    assert {lease["job_id"] for lease in database.named("extend_leases")[0]["leases"]} == {1, 2}


async def test_a_heartbeat_that_fails_loses_nothing() -> None:
    database = FakeDatabase(extend_leases=GONE)
    state = RunnerState()
    await Heartbeat(make_deps(database), state).beat()
    assert database.calls == []
    state.settling.add((1, 1))
    await Heartbeat(make_deps(database), state).beat()
    assert state.lost == set()


async def test_beats_come_three_times_a_lease() -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) > 2:
            raise asyncio.CancelledError

    heartbeat = Heartbeat(make_deps(FakeDatabase(), lease_seconds=60), RunnerState(), sleep=sleep)
    await asyncio.gather(heartbeat.run(), return_exceptions=True)
    assert pauses == [20, 20, 20]


async def test_a_part_that_dies_of_a_bug_takes_the_runner_down() -> None:
    def broken(_params: Any) -> Any:
        raise ZeroDivisionError

    database = FakeDatabase(claim_jobs=Jobs(1), settle_jobs=broken)
    service = RunnerService(make_deps(database), handlers={"sync_payment": quick})
    with pytest.raises(ZeroDivisionError):
        await run(service)
    assert service.state.stopping.is_set()
