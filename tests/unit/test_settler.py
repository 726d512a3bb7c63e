"""Outcomes are written once, together, again until answered; one that is refused never takes its neighbours down."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.support import OPERATION, FakeDatabase, make_deps, make_job, script, settle_all
from worker.errors import DatabaseFault, DatabaseUnavailable, Misconfigured, Rejected
from worker.model import Outcome
from worker.runner.settler import BATCH, Settler
from worker.state import RunnerState

if TYPE_CHECKING:
    from worker.deps import Deps

GONE = DatabaseUnavailable("DATABASE_NOT_REACHABLE", "database not reachable")
FAULT = DatabaseFault("DATABASE_FAULT", "HTTP 500")
REFUSED = Rejected("DATABASE_REFUSED", "no", status=400)


class Bench:
    """A settler over a scripted database; ``pauses`` are the waits it asked for."""

    def __init__(self, database: FakeDatabase) -> None:
        self.database = database
        self.deps: Deps = make_deps(database)
        self.state = RunnerState()
        self.pauses: list[float] = []
        self.settler = Settler(self.deps, self.state, sleep=self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0)

    async def settle(self, *job_ids: int) -> None:
        """Submit these jobs' outcomes and let the settler finish."""
        for job_id in job_ids:
            self.settler.submit(Outcome(job_id, 1, "done"))
        self.settler.close()
        async with asyncio.timeout(10):
            await self.settler.run()

    def batches(self) -> list[list[int]]:
        """Return the job ids of every settle call."""
        return [[e["job_id"] for e in call["outcomes"]] for call in self.database.named("settle_jobs")]


async def test_everything_waiting_goes_in_one_call() -> None:
    bench = Bench(FakeDatabase(settle_jobs=settle_all))
    await bench.settle(1, 2, 3)
    assert bench.batches() == [[1, 2, 3]]
    assert bench.state.leased() == []


async def test_a_batch_is_bounded() -> None:
    bench = Bench(FakeDatabase(settle_jobs=settle_all))
    await bench.settle(*range(1, BATCH + 2))
    assert [len(batch) for batch in bench.batches()] == [BATCH, 1]


async def test_a_claim_stays_leased_until_the_database_has_answered() -> None:
    seen: list[Any] = []
    bench = Bench(FakeDatabase())

    def look(params: Any) -> Any:
        seen.append(bench.state.leased())
        return settle_all(params)

    bench.database.answers["settle_jobs"] = look
    await bench.settle(1)
    assert seen == [[(1, 1)]]
    assert bench.state.leased() == []


@pytest.mark.parametrize("lost", [GONE, Misconfigured("DATABASE_KEY_REFUSED", "m")])
async def test_a_lost_reply_repeats_the_same_call(lost: Exception) -> None:
    bench = Bench(FakeDatabase(settle_jobs=script(lost, lost, lost, settle_all)))
    await bench.settle(1, 2)
    calls = bench.database.named("settle_jobs")
    assert len(calls) == 4
    assert calls.count(calls[0]) == 4
    assert bench.pauses == sorted(bench.pauses)


async def test_an_outage_never_gives_up_and_waits_at_most_five_seconds() -> None:
    bench = Bench(FakeDatabase(settle_jobs=script(*[GONE] * 40, settle_all)))
    await bench.settle(1)
    assert len(bench.pauses) == 40
    assert max(bench.pauses) == 5


@pytest.mark.parametrize("answer", [REFUSED, FAULT])
async def test_a_poison_outcome_ends_dead_and_its_neighbours_settle(answer: Exception) -> None:
    settled: list[int] = []
    dead: list[Any] = []

    def database(params: Any) -> Any:
        poisoned = any(e["job_id"] == 13 and e["verdict"] == "done" for e in params["outcomes"])
        if poisoned:
            return answer
        settled.extend(e["job_id"] for e in params["outcomes"] if e["verdict"] == "done")
        dead.extend(e for e in params["outcomes"] if e["verdict"] == "dead")
        return settle_all(params)

    bench = Bench(FakeDatabase(settle_jobs=database))
    await bench.settle(*range(1, 31))
    assert sorted(settled) == [n for n in range(1, 31) if n != 13]
    assert [(e["job_id"], e["claim"], e["error"]["code"]) for e in dead] == [(13, 1, "SETTLE_REJECTED")]
    assert dead[0]["snapshots"] == []
    assert bench.state.leased() == []


async def test_a_fault_is_tried_again_before_anybody_is_blamed() -> None:
    bench = Bench(FakeDatabase(settle_jobs=script(FAULT, FAULT, settle_all)))
    await bench.settle(1, 2)
    assert bench.batches() == [[1, 2]] * 3


async def test_a_bad_moment_buries_no_job_and_isolates_the_lane_that_is_stuck() -> None:
    """Somebody holds a lock for longer than a statement may take: the job runs again, and finds what was sent."""
    stuck = DatabaseFault("DATABASE_FAULT", "HTTP 500", extra={"sqlstate": "57014"})

    def database(params: Any) -> Any:
        return stuck if any(e["job_id"] == 2 for e in params["outcomes"]) else settle_all(params)

    bench = Bench(FakeDatabase(settle_jobs=database))
    await bench.settle(1, 2, 3)
    calls = bench.database.named("settle_jobs")
    assert {e["verdict"] for call in calls for e in call["outcomes"]} == {"done"}
    assert [e["job_id"] for call in calls for e in call["outcomes"] if len(call["outcomes"]) == 1][-1] == 3
    assert bench.state.leased() == []


async def test_an_outcome_refused_even_as_dead_is_dropped_so_that_its_lease_ends() -> None:
    bench = Bench(FakeDatabase(settle_jobs=REFUSED))
    await bench.settle(1)
    assert len(bench.batches()) == 2
    assert bench.state.leased() == []


async def test_a_lost_lease_silences_the_outcome() -> None:
    bench = Bench(FakeDatabase(settle_jobs=settle_all))
    bench.state.lost.add((1, 1))
    await bench.settle(1, 2)
    assert bench.batches() == [[2]]
    assert bench.state.lost == set()


async def test_a_lease_lost_during_an_outage_ends_the_repeating() -> None:
    bench = Bench(FakeDatabase())

    def outage(_params: Any) -> Exception:
        bench.state.lost.add((1, 1))
        return GONE

    bench.database.answers["settle_jobs"] = outage
    await bench.settle(1)
    assert len(bench.batches()) == 1
    assert bench.state.leased() == []


async def test_every_waiter_of_the_job_is_woken_and_the_claimer_rung() -> None:
    row = {"job_id": 1, "accepted": True, "operation_id": OPERATION, "operation_ids": [OPERATION, "another"]}
    bench = Bench(FakeDatabase(settle_jobs=[row]))
    with bench.deps.waiters.waiting(OPERATION) as first, bench.deps.waiters.waiting("another") as second:
        await bench.settle(1)
        assert first.is_set()
        assert second.is_set()
    assert await bench.deps.bell.wait(30)


async def test_jobs_given_back_are_released_in_one_call() -> None:
    bench = Bench(FakeDatabase(release_jobs=[]))
    for job_id in (1, 2):
        job = make_job(job_id=job_id)
        bench.state.running[(job.id, job.claim)] = job
        bench.settler.give_back((job.id, job.claim))
    await bench.settle()
    assert bench.database.named("release_jobs") == [
        {"jobs": [{"job_id": 1, "claim": 1}, {"job_id": 2, "claim": 1}]}
    ]
    assert bench.state.leased() == []
