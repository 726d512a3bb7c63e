"""Every answer of PortOne to a sent cancel ends as what is known about it; not known stays not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from tests.unit.cancel_support import SUCCEEDED, begun, run, stored
from tests.unit.support import (
    CANCELLATION,
    FakeDatabase,
    FakePortOne,
    cancel_job,
    make_deps,
    partly_cancelled,
    payment,
    problem,
)
from worker.operations.cancel_payment import cancel_payment
from worker.operations.send_stored import RefusedWhileSending

if TYPE_CHECKING:
    from worker.model import Outcome


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (httpx.ReadTimeout("x"), "PORTONE_TIMEOUT"),
        (httpx.ReadError("x"), "PORTONE_CONNECTION_LOST"),
        (httpx.ConnectError("x"), "PORTONE_UNREACHABLE"),
        (httpx.Response(500, text="<html>"), "PORTONE_UNAVAILABLE"),
        (httpx.Response(200, text="<html>"), "PORTONE_REPLY_UNREADABLE"),
        (problem(400, "A_TYPE_OF_TOMORROW"), "PORTONE_UNAVAILABLE"),
        (problem(409, "IDEMPOTENCY_OUTSTANDING_REQUEST"), "IDEMPOTENCY_OUTSTANDING_REQUEST"),
    ],
)
async def test_an_unknown_outcome_stays_unknown(answer: httpx.Response | Exception, code: str) -> None:
    portone = FakePortOne()
    portone.posts = [answer]
    outcome = await run(FakeDatabase(begin_attempts=begun("send")), portone)
    assert outcome.verdict == "retry"
    assert outcome.attempt is not None
    assert (outcome.attempt.outcome, outcome.attempt.code) == ("unknown", code)
    assert outcome.retry_in_seconds == 2


async def test_waits_for_the_same_key_grow_and_retry_after_is_honoured() -> None:
    waits = []
    for failures in range(8):
        portone = FakePortOne()
        portone.posts = [problem(409, "IDEMPOTENCY_OUTSTANDING_REQUEST")]
        outcome = await run(FakeDatabase(begin_attempts=begun("send")), portone, failures=failures)
        waits.append(outcome.retry_in_seconds)
    assert waits == [2, 5, 10, 20, 40, 60, 60, 60]
    portone = FakePortOne()
    portone.posts = [httpx.Response(429, headers={"retry-after": "33"})]
    limited = await run(FakeDatabase(begin_attempts=begun("send")), portone)
    assert limited.retry_in_seconds == 33


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (problem(502, "PG_PROVIDER", pgCode="X1", pgMessage="no balance"), "PG_PROVIDER"),
        (problem(400, "INVALID_REQUEST"), "INVALID_REQUEST"),
        (problem(403, "FORBIDDEN"), "FORBIDDEN"),
        (problem(409, "PAYMENT_NOT_PAID"), "PAYMENT_NOT_PAID"),
        (problem(409, "PAYMENT_ALREADY_CANCELLED"), "PAYMENT_ALREADY_CANCELLED"),
        (
            problem(409, "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT"),
            "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT",
        ),
        (problem(409, "MAX_CANCEL_COUNT_REACHED"), "MAX_CANCEL_COUNT_REACHED"),
    ],
)
async def test_a_definite_no_is_final_and_brings_the_state_along(answer: httpx.Response, code: str) -> None:
    portone = FakePortOne()
    portone.posts = [answer]
    outcome = await run(FakeDatabase(begin_attempts=begun("send")), portone)
    assert (outcome.verdict, (outcome.error or {})["code"]) == ("failed", code)
    assert outcome.attempt is not None
    assert (outcome.attempt.outcome, outcome.attempt.code) == ("failed", code)
    assert len(outcome.snapshots) == 1


async def refused(answer: httpx.Response, decision: str, *reads: httpx.Response | Exception) -> Outcome:
    """The outcome of a cancel that PortOne answered like this, and of the read after it."""
    portone = FakePortOne()
    portone.posts, portone.gets = [answer], [*reads]
    database = FakeDatabase()
    deps = make_deps(database, portone)
    database.answers["begin_attempts"] = begun(decision, body=stored(deps, b"{}"))
    outcome = await cancel_payment(deps, cancel_job("unknown"))
    assert outcome is not None
    return outcome


async def test_a_definite_no_is_final_even_when_it_cannot_be_read_back() -> None:
    outcome = await refused(problem(409, "PAYMENT_NOT_PAID"), "send", httpx.ReadTimeout("x"))
    assert (outcome.verdict, outcome.snapshots) == ("failed", ())


@pytest.mark.parametrize("read", [httpx.ReadTimeout("x"), problem(404, "PAYMENT_NOT_FOUND")])
@pytest.mark.parametrize(
    ("answer", "decision"),
    [
        (problem(502, "PG_PROVIDER", pgCode="X1", pgMessage="no"), "send"),
        (problem(409, "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN"), "resend"),
        (problem(409, "PAYMENT_ALREADY_CANCELLED"), "resend"),
    ],
)
async def test_a_no_that_the_payment_may_contradict_counts_only_once_it_was_read(
    answer: httpx.Response, decision: str, read: httpx.Response | Exception
) -> None:
    """PortOne docs: idempotency (3 hours, may change), errors (after PG_PROVIDER the payment is read)."""
    unread = await refused(answer, decision, read)
    assert unread.attempt is not None
    assert (unread.verdict, unread.attempt.outcome) == ("retry", "unknown")
    again = await refused(answer, decision, httpx.Response(200, json=payment()))
    assert again.attempt is not None
    assert (again.attempt.outcome, len(again.snapshots)) == ("failed", 1)


@pytest.mark.parametrize(
    ("attempt", "verdict", "wait"),
    [(1, "retry", 0), (2, "retry", 1), (4, "retry", 30), (5, "failed", None)],
)
async def test_a_wrong_balance_is_looked_at_again_with_fresh_numbers_but_not_for_ever(
    attempt: int, verdict: str, wait: float | None
) -> None:
    """Each try is a new attempt, and each attempt gives the job more time: only counting them ends it."""
    portone = FakePortOne()
    portone.posts = [problem(409, "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN")]
    outcome = await run(FakeDatabase(begin_attempts=begun("send", attempt_number=attempt)), portone)
    assert (outcome.verdict, outcome.retry_in_seconds) == (verdict, wait)
    assert (outcome.error or {})["code"] == "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN"
    assert outcome.attempt is not None
    assert (outcome.attempt.number, outcome.attempt.outcome) == (attempt, "failed")
    assert len(outcome.snapshots) == 1


@pytest.mark.parametrize(
    ("status", "outcome_word", "verdict"),
    [("SUCCEEDED", "succeeded", "done"), ("REQUESTED", "requested", "done"), ("FAILED", "failed", "failed"),
     ("PONDERING", "requested", "done")],
)  # fmt: skip
async def test_http_200_does_not_mean_refunded(status: str, outcome_word: str, verdict: str) -> None:
    entry = CANCELLATION | {"status": status}
    portone = FakePortOne(partly_cancelled(entry))
    portone.posts = [httpx.Response(200, json={"cancellation": entry})]
    outcome = await run(FakeDatabase(begin_attempts=begun("send")), portone)
    assert outcome.attempt is not None
    assert (outcome.attempt.outcome, outcome.verdict) == (outcome_word, verdict)


async def test_an_accepted_cancel_that_cannot_be_read_back_keeps_what_is_known() -> None:
    portone = FakePortOne()
    portone.gets = [httpx.Response(200, json=payment()), httpx.Response(503)]
    portone.posts = [SUCCEEDED]
    outcome = await run(FakeDatabase(begin_attempts=begun("send")), portone)
    assert outcome.verdict == "retry"
    assert outcome.attempt is not None
    assert (outcome.attempt.outcome, outcome.attempt.cancellation_id) == ("succeeded", CANCELLATION["id"])


async def test_a_read_back_older_than_the_cancel_is_read_again() -> None:
    portone = FakePortOne(payment())
    portone.posts = [SUCCEEDED]
    outcome = await run(FakeDatabase(begin_attempts=begun("send")), portone)
    assert (outcome.verdict, (outcome.error or {})["code"]) == ("retry", "CANCELLATION_NOT_LISTED")
    assert outcome.attempt is not None
    assert outcome.attempt.outcome == "succeeded"


@pytest.mark.parametrize(("decision", "outcome_word"), [("send", "failed"), ("resend", "unknown")])
async def test_refused_credentials_stop_the_runner_and_decide_only_a_first_send(
    decision: str, outcome_word: str
) -> None:
    portone = FakePortOne()
    portone.posts = [problem(401, "UNAUTHORIZED")]
    database = FakeDatabase()
    deps = make_deps(database, portone)
    database.answers["begin_attempts"] = begun(decision, body=stored(deps, b"{}"))
    with pytest.raises(RefusedWhileSending) as caught:
        await cancel_payment(deps, cancel_job())
    outcome = caught.value.outcome
    assert (outcome.verdict, outcome.counts_as_failure) == ("retry", False)
    assert outcome.attempt is not None
    assert outcome.attempt.outcome == outcome_word


async def test_forbidden_on_a_repeat_says_nothing_about_the_first_send() -> None:
    portone = FakePortOne()
    portone.posts = [problem(403, "FORBIDDEN")]
    database = FakeDatabase()
    deps = make_deps(database, portone)
    database.answers["begin_attempts"] = begun("resend", body=stored(deps, b"{}"))
    outcome = await cancel_payment(deps, cancel_job("unknown"))
    assert outcome is not None
    assert outcome.attempt is not None
    assert (outcome.verdict, outcome.attempt.outcome) == ("retry", "unknown")
