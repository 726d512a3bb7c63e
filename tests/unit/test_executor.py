"""However a handler ends, the job ends as an outcome or is given back; credentials refused stop the claiming."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.support import FakeDatabase, make_deps, make_job, settle_all
from worker.errors import Conflict, Misconfigured, Rejected, Transient
from worker.operations.outcomes import done, retry
from worker.operations.send_stored import RefusedWhileSending
from worker.runner.executor import Executor
from worker.runner.settler import Settler
from worker.state import RunnerState, held

if TYPE_CHECKING:
    from worker.model import Outcome


class Bench:
    """One executor with one handler, its settler closed right away."""

    def __init__(self, handler: Any) -> None:
        self.database = FakeDatabase(settle_jobs=settle_all, release_jobs=[])
        self.deps = make_deps(self.database)
        self.state = RunnerState()
        self.settler = Settler(self.deps, self.state)
        self.executor = Executor(self.deps, self.state, self.settler, {"sync_payment": handler})

    async def run(self, **job: Any) -> list[dict[str, Any]]:
        """Run one job and return what was settled."""
        claimed = make_job(**job)
        self.state.running[held(claimed)] = claimed
        await self.executor.run(claimed)
        self.settler.close()
        async with asyncio.timeout(5):
            await self.settler.run()
        assert self.state.leased() == []
        return [element for call in self.database.named("settle_jobs") for element in call["outcomes"]]


def raising(error: Exception) -> Any:
    """Return a handler that raises."""

    async def handler(_deps: Any, _job: Any) -> Outcome:
        raise error

    return handler


@pytest.mark.parametrize(
    ("error", "verdict", "code", "retry_in"),
    [
        (Transient("PORTONE_TIMEOUT", "m"), "retry", "PORTONE_TIMEOUT", None),
        (Transient("PORTONE_RATE_LIMITED", "m", retry_in=9), "retry", "PORTONE_RATE_LIMITED", 9),
        (Conflict("ALREADY_PAID", "m"), "retry", "ALREADY_PAID", 0),
        (Rejected("PG_PROVIDER", "m"), "failed", "PG_PROVIDER", None),
        (KeyError("a bug with a secret in it"), "retry", "INTERNAL_ERROR", None),
    ],
)
async def test_each_way_to_end_is_an_outcome(
    error: Exception, verdict: str, code: str, retry_in: float | None
) -> None:
    (settled,) = await Bench(raising(error)).run()
    assert (settled["verdict"], settled["error"]["code"], settled["retry_in_seconds"]) == (
        verdict,
        code,
        retry_in,
    )
    assert "secret" not in str(settled)


async def test_an_unknown_kind_goes_to_a_person() -> None:
    (settled,) = await Bench(raising(KeyError())).run(kind="time_travel")
    assert (settled["verdict"], settled["error"]["code"]) == ("dead", "JOB_KIND_UNKNOWN")


async def test_a_lost_claim_settles_nothing() -> None:
    async def lost(_deps: Any, _job: Any) -> None:
        return None

    assert await Bench(lost).run() == []


async def test_refused_credentials_give_the_job_back_unharmed_and_stop_the_claiming() -> None:
    bench = Bench(raising(Misconfigured("UNAUTHORIZED", "PORTONE_API_SECRET: renew it")))
    assert await bench.run() == []
    assert bench.database.named("release_jobs") == [{"jobs": [{"job_id": 1, "claim": 1}]}]
    assert bench.state.may_claim is False
    assert bench.state.portone_refusal is not None
    assert bench.state.portone_refusal.message == "PORTONE_API_SECRET: renew it"


async def test_refused_while_sending_settles_what_is_known_and_stops_the_claiming() -> None:
    job = make_job()
    outcome = retry(job, Misconfigured("UNAUTHORIZED", "m"), counts=False)
    bench = Bench(raising(RefusedWhileSending(Misconfigured("UNAUTHORIZED", "m"), outcome)))
    (settled,) = await bench.run()
    assert (settled["verdict"], settled["counts_as_failure"]) == ("retry", False)
    assert bench.state.may_claim is False
    assert bench.database.named("release_jobs") == []


async def test_a_done_job_is_settled_with_its_claim() -> None:
    async def good(_deps: Any, job: Any) -> Outcome:
        return done(job)

    (settled,) = await Bench(good).run(claim=7)
    assert (settled["job_id"], settled["claim"], settled["verdict"]) == (1, 7, "done")
