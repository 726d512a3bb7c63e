"""A repeat sends the stored bytes under the stored key, and what may be said before the key is looked at decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.cancel_support import KEY, begun, stored
from tests.unit.card_support import card_job, operation_body
from tests.unit.support import FakeDatabase, FakePortOne, cancel_job, make_deps, problem
from worker.operations.cancel_payment import cancel_payment
from worker.operations.charge_billing_key import charge_billing_key
from worker.operations.confirm_payment import confirm_payment
from worker.operations.create_schedule import create_schedule
from worker.operations.send_stored import RefusedWhileSending

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from worker.deps import Deps
    from worker.model import Job, Outcome

Run = tuple[
    "Callable[[Deps, Job], Awaitable[Outcome | None]]", "Callable[[str], Job]", "Callable[[Deps, bytes], str]"
]

CALLS: dict[str, Run] = {
    "cancel": (cancel_payment, cancel_job, stored),
    "charge": (charge_billing_key, lambda last: card_job("charge_billing_key", last), operation_body),
    "confirmation": (confirm_payment, lambda last: card_job("confirm_payment", last), operation_body),
    "schedule": (create_schedule, lambda last: card_job("create_schedule", last), operation_body),
}
SAYS_NOTHING = {
    "IDEMPOTENCY_OUTSTANDING_REQUEST": problem(409, "IDEMPOTENCY_OUTSTANDING_REQUEST"),
    "UNAUTHORIZED": problem(401, "UNAUTHORIZED"),
    "FORBIDDEN": problem(403, "FORBIDDEN"),
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())


async def answered(call: Run, decision: str, answer: Any) -> tuple[Outcome, FakePortOne]:
    """One send of the stored bytes that gets this answer; what the worker settles, and what PortOne received."""
    operation, job, sealed = call
    portone = FakePortOne()
    portone.posts = [answer]
    database = FakeDatabase()
    deps = make_deps(database, portone)
    database.answers["begin_attempts"] = begun(decision, body=sealed(deps, b'{"stored": 1}'))
    try:
        outcome = await operation(deps, job("unknown" if decision == "resend" else "none"))
    except RefusedWhileSending as refused:
        outcome = refused.outcome
    assert outcome is not None
    return outcome, portone


@every_call
@pytest.mark.parametrize("code", SAYS_NOTHING)
async def test_a_repeat_that_was_turned_away_says_nothing_about_the_first_send(call: Run, code: str) -> None:
    outcome, portone = await answered(call, "resend", SAYS_NOTHING[code])
    assert outcome.attempt is not None
    assert (outcome.verdict, outcome.attempt.outcome, outcome.attempt.code) == ("retry", "unknown", code)
    (sent,) = [request for request in portone.requests if request.method == "POST"]
    assert (sent.content, sent.headers["idempotency-key"]) == (b'{"stored": 1}', f'"{KEY}"')


@every_call
async def test_a_first_send_that_was_turned_away_at_the_door_did_not_happen(call: Run) -> None:
    outcome, _ = await answered(call, "send", SAYS_NOTHING["UNAUTHORIZED"])
    assert outcome.attempt is not None
    assert (outcome.verdict, outcome.attempt.outcome) == ("retry", "failed")


@every_call
async def test_a_first_send_that_finds_its_key_in_use_is_not_taken_for_a_no(call: Run) -> None:
    outcome, _ = await answered(call, "send", SAYS_NOTHING["IDEMPOTENCY_OUTSTANDING_REQUEST"])
    assert outcome.attempt is not None
    assert (outcome.verdict, outcome.attempt.outcome) == ("retry", "unknown")
