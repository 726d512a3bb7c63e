"""Prepare, sync and close: what they send and how they end."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.unit.support import OPERATION, PAYMENT, STORE, FakePortOne, make_deps, make_job, payment, problem
from worker.errors import Misconfigured, Rejected, Transient
from worker.model import ExpectedPayment
from worker.operations.close_virtual_account import close_virtual_account
from worker.operations.prepare_payment import prepare_payment
from worker.operations.sync_payment import sync_payment


def prepare_job(**fields: Any) -> Any:
    """Return a prepare job for 11,000 won."""
    expected: dict[str, Any] = {
        "payment_id": PAYMENT, "known": False, "status": "preparing", "channel_key": None, "amount": 11000,
        "tax_free_amount": 0, "currency": "KRW", "pay_method": "CARD",
    }  # fmt: skip
    return make_job("prepare_payment", payment=ExpectedPayment(**(expected | fields)))


async def test_prepare_registers_the_amount_and_publishes_the_window() -> None:
    portone = FakePortOne()
    portone.posts = [httpx.Response(200, json={})]
    outcome = await prepare_payment(
        make_deps(portone=portone, notice_urls="https://shop.example/hook"), prepare_job()
    )
    assert json.loads(portone.requests[0].content)["totalAmount"] == 11000
    assert portone.requests[0].headers["idempotency-key"] == f'"prepare-{OPERATION}"'
    assert outcome.verdict == "done"
    assert outcome.to_json()["prepared"] == {
        "store_id": STORE, "channel_key": "channel-key-card", "channel_kind": "TEST",
        "notice_urls": ["https://shop.example/hook"],
    }  # fmt: skip


async def test_prepare_of_a_method_without_a_channel_fails_before_portone() -> None:
    portone = FakePortOne()
    outcome = await prepare_payment(make_deps(portone=portone), prepare_job(pay_method="MOBILE"))
    assert (outcome.verdict, (outcome.error or {})["code"]) == ("failed", "PAY_METHOD_NOT_CONFIGURED")
    assert portone.requests == []


async def test_prepare_of_a_used_id_fails_and_brings_the_state_along() -> None:
    portone = FakePortOne()
    portone.posts = [problem(409, "ALREADY_PAID")]
    outcome = await prepare_payment(make_deps(portone=portone), prepare_job())
    assert (outcome.verdict, (outcome.error or {})["code"]) == ("failed", "ALREADY_PAID")
    assert [snapshot.status for snapshot in outcome.snapshots] == ["PAID"]


@pytest.mark.parametrize(
    ("answer", "branch"),
    [
        (problem(400, "INVALID_REQUEST"), Rejected),
        (httpx.ReadTimeout("x"), Transient),
        (problem(401, "UNAUTHORIZED"), Misconfigured),
    ],
)
async def test_prepare_leaves_other_answers_to_the_runner(answer: Any, branch: type[Exception]) -> None:
    portone = FakePortOne()
    portone.posts = [answer]
    with pytest.raises(branch):
        await prepare_payment(make_deps(portone=portone), prepare_job())


async def test_prepare_without_its_payment_needs_a_person() -> None:
    outcome = await prepare_payment(make_deps(), make_job("prepare_payment", payment=None))
    assert outcome.verdict == "dead"


async def test_sync_reads_and_hands_over() -> None:
    outcome = await sync_payment(make_deps(portone=FakePortOne(payment("SOMETHING_NEW"))), make_job())
    assert (outcome.verdict, outcome.not_found) == ("done", False)
    assert outcome.to_json()["snapshots"][0]["status"] == "SOMETHING_NEW"  # type: ignore[index]


async def test_sync_of_an_unknown_payment_is_done_and_says_so() -> None:
    portone = FakePortOne()
    portone.payment = None
    outcome = await sync_payment(make_deps(portone=portone), make_job())
    assert (outcome.verdict, outcome.not_found, outcome.snapshots) == ("done", True, ())


async def test_a_refused_read_goes_to_a_person_instead_of_being_forgotten() -> None:
    portone = FakePortOne()
    portone.gets = [problem(403, "FORBIDDEN")]
    outcome = await sync_payment(make_deps(portone=portone), make_job())
    assert (outcome.verdict, (outcome.error or {})["code"]) == ("dead", "FORBIDDEN")


async def test_close_closes_and_reads_back() -> None:
    portone = FakePortOne(payment("FAILED"))
    portone.posts = [httpx.Response(200, json={"closedAt": "2026-09-01T01:00:00Z"})]
    outcome = await close_virtual_account(make_deps(portone=portone), make_job("close_virtual_account"))
    assert portone.requests[0].headers["idempotency-key"] == f'"close-{OPERATION}"'
    assert (outcome.verdict, outcome.snapshots[0].status) == ("done", "FAILED")


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        ("PAID", "failed"),
        ("PARTIAL_CANCELLED", "failed"),
        ("VIRTUAL_ACCOUNT_ISSUED", "failed"),
        ("FAILED", "done"),
        ("CANCELLED", "done"),
    ],
)
async def test_close_with_nothing_to_close_lets_the_state_decide(state: str, verdict: str) -> None:
    portone = FakePortOne(payment(state))
    portone.posts = [problem(409, "PAYMENT_NOT_WAITING_FOR_DEPOSIT")]
    outcome = await close_virtual_account(make_deps(portone=portone), make_job("close_virtual_account"))
    assert outcome.verdict == verdict
    assert len(outcome.snapshots) == 1


async def test_close_that_cannot_see_the_state_tries_again() -> None:
    portone = FakePortOne()
    portone.posts = [problem(409, "PAYMENT_NOT_WAITING_FOR_DEPOSIT")]
    portone.gets = [httpx.ReadTimeout("x")]
    outcome = await close_virtual_account(make_deps(portone=portone), make_job("close_virtual_account"))
    assert outcome.verdict == "retry"


async def test_a_closed_account_that_still_shows_as_open_is_looked_at_again_a_few_times() -> None:
    for failures, verdict in ((0, "retry"), (3, "retry"), (4, "done")):
        portone = FakePortOne(payment("VIRTUAL_ACCOUNT_ISSUED"))
        portone.posts = [httpx.Response(200, json={"closedAt": "2026-09-01T01:00:00Z"})]
        job = make_job("close_virtual_account", failures=failures)
        outcome = await close_virtual_account(make_deps(portone=portone), job)
        assert (outcome.verdict, len(outcome.snapshots)) == (verdict, 1)


async def test_close_refused_by_the_bank_fails() -> None:
    portone = FakePortOne(payment("VIRTUAL_ACCOUNT_ISSUED"))
    portone.posts = [problem(502, "PG_PROVIDER", pgCode="C1", pgMessage="no")]
    outcome = await close_virtual_account(make_deps(portone=portone), make_job("close_virtual_account"))
    assert (outcome.verdict, (outcome.error or {})["pg_code"]) == ("failed", "C1")
