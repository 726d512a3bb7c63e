"""A command that moves money and gets no reply: whoever runs it again can do so under the same key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.support import OPERATION, FakeDatabase, make_deps
from worker.cli_asking import asked_for
from worker.cli_output import complain
from worker.db.operator import Operator
from worker.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from worker.deps import Deps

REFUND = {"payment_id": "p", "amount": 5000, "reason": "lid missing"}


def away(_params: Any) -> Any:
    """Nobody knows whether it was asked for."""
    raise DatabaseUnavailable("DATABASE_UNAVAILABLE", "no answer")


def asking(answer: Any) -> tuple[Deps, FakeDatabase]:
    """A command line whose database answers a refund like this."""
    database = FakeDatabase(request_cancellation=answer)
    return make_deps(database), database


async def test_a_person_is_told_the_key_to_ask_again_with(capsys: pytest.CaptureFixture[str]) -> None:
    deps, database = asking(away)
    with pytest.raises(DatabaseUnavailable):
        await asked_for(deps, "request_cancellation", REFUND, as_json=False)
    (key,) = {call["idempotency_key"] for call in database.named("request_cancellation")}
    assert f"--idempotency-key {key}" in capsys.readouterr().err


async def test_a_script_finds_the_key_in_the_error(capsys: pytest.CaptureFixture[str]) -> None:
    deps, database = asking(away)
    with pytest.raises(DatabaseUnavailable) as lost:
        await asked_for(deps, "request_cancellation", REFUND, as_json=True)
    assert complain(lost.value, as_json=True) == 5
    error = json.loads(capsys.readouterr().err)["error"]
    assert {call["idempotency_key"] for call in database.named("request_cancellation")} == {
        error["idempotency_key"]
    }


async def test_asked_again_with_that_key_it_is_the_same_request() -> None:
    database = FakeDatabase(request_cancellation={"id": OPERATION, "status": "pending"})
    await Operator(database).request("request_cancellation", {**REFUND, "idempotency_key": "cli-again-1"})  # type: ignore[arg-type]
    (call,) = database.named("request_cancellation")
    assert call["idempotency_key"] == "cli-again-1"
