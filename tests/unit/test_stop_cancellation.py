"""Stopping a refund: one call, then the payment itself says how it stands."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.unit.support import (
    OPERATION,
    PAYMENT,
    STORE,
    FakePortOne,
    make_deps,
    make_job,
    make_refund,
    payment,
    problem,
)
from worker.errors import Misconfigured, Transient
from worker.operations.stop_cancellation import stop_cancellation

STOPPED = {"stoppedAt": "2026-09-02T00:00:00Z"}


def with_entry(status: str) -> dict[str, Any]:
    """PortOne's payment with the refund in this state."""
    entry = {
        "status": status, "id": "c-1", "totalAmount": 3000, "taxFreeAmount": 0, "vatAmount": 0, "reason": "r",
        "requestedAt": "2026-09-01T02:00:00Z",
    }  # fmt: skip
    return payment("PAID") | {"cancellations": [entry]}


async def stop(answer: Any, state: dict[str, Any] | None, **refund: Any) -> tuple[Any, FakePortOne]:
    """Run the operation; its outcome and what PortOne was asked."""
    fake = FakePortOne()
    fake.payment = state
    fake.posts = [httpx.Response(200, json=answer) if isinstance(answer, dict) else answer]
    job = make_job("stop_cancellation", refund=make_refund(**({"cancellation_id": "c-1"} | refund)))
    return await stop_cancellation(make_deps(portone=fake), job), fake


async def test_the_refund_is_named_and_read_back() -> None:
    outcome, fake = await stop(STOPPED, with_entry("FAILED"))
    assert fake.requests[0].url.path == f"/payments/{PAYMENT}/cancellations/c-1/stop"
    assert json.loads(fake.requests[0].content) == {"storeId": STORE}
    assert fake.requests[0].headers["idempotency-key"] == f'"stop-cancellation-{OPERATION}-1"'
    assert (outcome.verdict, outcome.snapshots[0].cancellations[0].status) == ("done", "FAILED")


@pytest.mark.parametrize(
    ("answer", "state", "verdict", "code"),
    [
        (STOPPED, "REQUESTED", "done", None),
        (problem(409, "PAYMENT_CANCELLATION_NOT_PENDING"), "SUCCEEDED", "done", None),
        (problem(404, "PAYMENT_CANCELLATION_NOT_FOUND"), "REQUESTED", "failed", "PAYMENT_CANCELLATION_NOT_FOUND"),
        (problem(502, "PG_PROVIDER"), "REQUESTED", "failed", "PG_PROVIDER"),
    ],
)  # fmt: skip
async def test_whatever_the_call_answered_the_refunds_own_state_decides(
    answer: Any, state: str, verdict: str, code: str | None
) -> None:
    outcome, _ = await stop(answer, with_entry(state))
    assert (outcome.verdict, (outcome.error or {}).get("code")) == (verdict, code)
    assert len(outcome.snapshots) == 1


async def test_a_payment_that_is_not_listed_proves_nothing() -> None:
    outcome, _ = await stop(STOPPED, None)
    assert (outcome.verdict, outcome.not_found) == ("retry", True)


async def test_no_answer_and_wrong_credentials_are_for_the_runner() -> None:
    with pytest.raises(Transient):
        await stop(httpx.ReadTimeout("late"), with_entry("REQUESTED"))
    with pytest.raises(Misconfigured):
        await stop(problem(401, "UNAUTHORIZED"), with_entry("REQUESTED"))


async def test_a_refund_portone_has_not_named_needs_a_person() -> None:
    outcome, fake = await stop(STOPPED, with_entry("REQUESTED"), cancellation_id=None)
    assert (outcome.verdict, fake.requests) == ("dead", [])
