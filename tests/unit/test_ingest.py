"""Webhooks share a call when one is under way, never wait alone, and are answered only once durable."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest

from tests.unit.support import FakeDatabase, until
from worker.db.webhooks import WebhookLog
from worker.errors import DatabaseFault, DatabaseUnavailable, Rejected, WorkerError
from worker.model import Delivery
from worker.wake import Bell
from worker.web.ingest import MOST_PER_CALL, Ingest

GONE = DatabaseUnavailable("DATABASE_NOT_REACHABLE", "database not reachable")


def delivery(number: int, size: int = 10) -> Delivery:
    """Return one delivery about its own payment."""
    return Delivery(
        webhook_id=f"msg_{number}", webhook_type="Transaction.Paid", body=b"x" * size, headers={"a": "b"},
        subject_id=f"pay{number}", subject_kind="payment",
    )  # fmt: skip


def record_all(params: Any) -> list[dict[str, Any]]:
    """Answer as the database does."""
    return [
        {
            "index": n,
            "id": n,
            "webhook_id": e["webhook_id"],
            "status": "received",
            "duplicate": False,
            "job_id": 100 + n,
        }
        for n, e in enumerate(params["webhooks"], 1)
    ]


class Bench:
    """An ingest over a scripted database."""

    def __init__(self, answer: Any = record_all) -> None:
        self.database = FakeDatabase(record_webhooks=answer)
        self.bell = Bell()
        self.ingest = Ingest(WebhookLog(self.database), self.bell)  # type: ignore[arg-type]

    async def record(self, *deliveries: Delivery) -> list[Any]:
        """Record all at the same time; exceptions are returned."""
        async with asyncio.timeout(10):
            return await asyncio.gather(*map(self.ingest.record, deliveries), return_exceptions=True)

    def batches(self) -> list[list[str]]:
        """Return the webhook ids of every call."""
        return [
            [e["webhook_id"] for e in call["webhooks"]] for call in self.database.named("record_webhooks")
        ]


async def test_alone_a_webhook_is_written_at_once() -> None:
    bench = Bench()
    (answer,) = await bench.record(delivery(1))
    assert (answer.status, answer.job_id) == ("received", 101)
    assert bench.batches() == [["msg_1"]]
    assert await bench.bell.wait(0.01)


async def test_those_that_arrive_during_a_call_share_the_next() -> None:
    release = asyncio.Event()

    async def slow(params: Any) -> Any:
        await release.wait()
        return record_all(params)

    bench = Bench(slow)
    first = asyncio.create_task(bench.ingest.record(delivery(1)))
    await until(bench.batches)
    others = [asyncio.create_task(bench.ingest.record(delivery(n))) for n in range(2, 12)]
    await asyncio.sleep(0.01)
    assert not first.done()
    release.set()
    await asyncio.gather(first, *others)
    assert [len(batch) for batch in bench.batches()] == [1, 10]


async def test_a_call_is_bounded_in_number_and_in_bytes() -> None:
    bench = Bench()
    await bench.record(*(delivery(n) for n in range(MOST_PER_CALL + 5)))
    assert [len(batch) for batch in bench.batches()] == [MOST_PER_CALL, 5]
    large = Bench()
    await large.record(*(delivery(n, size=250_000) for n in range(20)))
    assert sum(len(batch) for batch in large.batches()) == 20
    for call in large.database.named("record_webhooks"):
        assert sum(len(element["body"]) for element in call["webhooks"]) < 4 * 1024 * 1024


async def test_an_unreachable_database_is_everybodys_answer_and_the_next_try_works() -> None:
    bench = Bench(GONE)
    answers = await bench.record(delivery(1), delivery(2))
    assert all(isinstance(answer, DatabaseUnavailable) for answer in answers)
    bench.database.answers["record_webhooks"] = record_all
    (answer,) = await bench.record(delivery(3))
    assert answer.status == "received"


@pytest.mark.parametrize(
    "error", [Rejected("DATABASE_REFUSED", "no", status=400), DatabaseFault("DATABASE_FAULT", "500")]
)
async def test_a_poison_webhook_is_stored_as_bytes_and_its_neighbours_as_they_are(error: Exception) -> None:
    stored: list[dict[str, Any]] = []

    def database(params: Any) -> Any:
        if any(e["webhook_id"] == "msg_7" and e.get("subject_id") for e in params["webhooks"]):
            return error
        stored.extend(params["webhooks"])
        return record_all(params)

    bench = Bench(database)
    answers = await bench.record(*(delivery(n) for n in range(1, 21)))
    assert not any(isinstance(answer, Exception) for answer in answers)
    assert sorted(e["webhook_id"] for e in stored) == sorted(f"msg_{n}" for n in range(1, 21))
    (poison,) = [e for e in stored if e["webhook_id"] == "msg_7"]
    assert {"webhook_type", "subject_id", "subject_kind"}.isdisjoint(poison)
    assert base64.b64decode(poison["body"]) == b"x" * 10


def fault(sqlstate: str) -> DatabaseFault:
    """HTTP 500 with what PostgreSQL said."""
    return DatabaseFault("DATABASE_FAULT", "500", extra={"sqlstate": sqlstate})


@pytest.mark.parametrize("sqlstate", ["57014", "40P01", "53200", "55P03", "08006"])
async def test_a_bad_moment_makes_no_webhook_unreadable(sqlstate: str) -> None:
    """A lane was held for longer than a statement may take: stored as bytes it would be answered 200 and forgotten."""
    bench = Bench(fault(sqlstate))
    (answer,) = await bench.record(delivery(1))
    assert isinstance(answer, DatabaseUnavailable), "503: PortOne sends it again"
    assert len(bench.batches()) == 1


async def test_a_fault_that_says_nothing_is_given_a_second_try() -> None:
    answers = iter([fault("SUP")])
    bench = Bench(lambda params: next(answers, None) or record_all(params))
    (answer,) = await bench.record(delivery(1))
    assert answer.status == "received"
    assert [call["webhooks"][0]["subject_id"] for call in bench.database.named("record_webhooks")] == [
        "pay1",
        "pay1",
    ]


async def test_a_webhook_refused_even_as_bytes_is_not_answered_200() -> None:
    bench = Bench(Rejected("DATABASE_REFUSED", "no", status=400))
    answers = await bench.record(delivery(1), delivery(2))
    assert all(isinstance(answer, WorkerError) for answer in answers)


@pytest.mark.parametrize("answer", [[], [{"id": 1}] * 3, None, "nonsense"])
async def test_an_answer_that_does_not_cover_everybody_is_no_200(answer: Any) -> None:
    answers = await Bench(answer).record(delivery(1), delivery(2))
    assert all(isinstance(one, WorkerError) for one in answers)


async def test_a_bug_answers_everybody_too() -> None:
    answers = await Bench(RuntimeError("bug")).record(delivery(1), delivery(2))
    assert [getattr(answer, "code", None) for answer in answers] == ["INTERNAL_ERROR"] * 2


async def test_a_client_that_left_does_not_stop_the_others() -> None:
    release = asyncio.Event()

    async def slow(params: Any) -> Any:
        await release.wait()
        return record_all(params)

    bench = Bench(slow)
    first, second = (asyncio.create_task(bench.ingest.record(delivery(n))) for n in (1, 2))
    await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    release.set()
    assert (await second).status == "received"
    await bench.ingest.close()
