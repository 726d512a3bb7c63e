"""PortOne executes a refund, or not, and the worker does not hear of it: exactly one refund exists in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.chaos.one_effect import expect_one_refund

if TYPE_CHECKING:
    from sandbox.demo.world import Purchase, World

FAULTS = {
    "the reply is dropped after the commit": {"kind": "drop_reply_after_commit"},
    "an HTML 500 after the commit": {"kind": "html_500_after_commit"},
    "the connection is reset before": {"kind": "reset_before"},
    "a 503 before": {"kind": "status", "status": 503, "headers": {"retry-after": "1"}},
    "the reply comes after the read timeout": {"kind": "delay_after_commit", "seconds": 2.5},
    "the reply is dropped three times": {"kind": "drop_reply_after_commit", "times": 3},
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_one_refund_whatever_happens_to_the_reply(
    world: World, paid: Purchase, fault: dict[str, Any]
) -> None:
    world.portone.add_fault(path=f"/payments/{paid.payment_id}/cancel", method="POST", **fault)
    asked = world.admin.cancel(paid.payment_id, 3_000, wait=0)
    _hurry(world, paid)
    assert world.admin.operation(asked.body["id"], wait=30).result["amount"] == 3_000
    expect_one_refund(world, paid, 3_000)
    calls = world.cancel_calls(paid)
    assert len(calls) == fault.get("times", 1) + 1, "every fault is met once, then the cancel gets through"
    if fault["kind"] in ("drop_reply_after_commit", "html_500_after_commit"):
        assert [call["replayed"] for call in calls] == [False] + [True] * (len(calls) - 1)


def test_other_refunds_wait_while_one_is_undecided(world: World, paid: Purchase) -> None:
    world.portone.add_fault("drop_reply_after_commit", f"/payments/{paid.payment_id}/cancel", method="POST")
    first = world.admin.cancel(paid.payment_id, 3_000, wait=0)
    second = world.admin.cancel(paid.payment_id, 2_000, wait=0)
    assert world.admin.cancel(paid.payment_id, 5_001).code == "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT"
    _hurry(world, paid)
    for operation in (first, second):
        assert world.admin.operation(operation.body["id"], wait=30).body["status"] == "succeeded"
    world.quiet(paid)
    assert world.books.differences(paid.payment_id) == []
    assert world.books.amounts(paid.payment_id) == (10_000, 5_000, 0, 5_000)
    keys = [call["idempotency_key"] for call in world.cancel_calls(paid)]
    assert keys[0] == keys[1] != keys[2]


def test_a_console_cancel_while_ours_is_undecided_takes_nothing_from_it(world: World, paid: Purchase) -> None:
    world.portone.add_fault("drop_reply_after_commit", f"/payments/{paid.payment_id}/cancel", method="POST")
    asked = world.admin.cancel(paid.payment_id, 6_000, wait=0)
    _wait_for_call(world, paid)
    world.portone.console_cancel(paid.payment_id, amount=4_000)
    _hurry(world, paid)
    assert world.admin.operation(asked.body["id"], wait=30).body["status"] == "succeeded"
    world.quiet(paid)
    assert world.books.differences(paid.payment_id) == []
    assert world.books.amounts(paid.payment_id) == (10_000, 10_000, 0, 0)


def _wait_for_call(world: World, paid: Purchase) -> None:
    while not world.cancel_calls(paid):
        world.stack.check()


def _hurry(world: World, paid: Purchase) -> None:
    """Let backoffs pass by moving the database's clock, until the refund is decided."""
    while "cancel_payment" in (open_work := " ".join(world.books.open_work(paid.payment_id))):
        if "cancel_payment backoff" in open_work:
            world.books.advance_clock(5)
            world.admin.complete(paid.payment_id, wait=0)  # rings the worker's bell
        world.stack.check()
