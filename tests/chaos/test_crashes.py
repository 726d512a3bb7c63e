"""The worker is killed at every named point of a refund; after a restart exactly one refund exists."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest

from sandbox.demo.steps.accidents import crash_during_cancel, recover
from tests.chaos.one_effect import expect_one_refund
from worker.crash import CrashPoint, MoneyMoment

if TYPE_CHECKING:
    from sandbox.demo.world import Purchase, World

# What both sides know at the moment of death: cancelled at PortOne, cancelled here, held here.
AT_DEATH = {
    "cancel.before_begin": (0, 0, 4_000),
    "cancel.after_begin": (0, 0, 4_000),
    "cancel.after_reply": (4_000, 0, 4_000),
    "settle.before": (4_000, 0, 4_000),
    "settle.after": (4_000, 4_000, 0),
}
# Calls PortOne gets in all: a second one only where nobody wrote down how the first one ended.
CALLS = {
    "cancel.before_begin": 1,
    "cancel.after_begin": 1,
    "cancel.after_reply": 2,
    "settle.before": 2,
    "settle.after": 1,
}


def test_every_crash_point_of_a_refund_is_in_the_matrix() -> None:
    points = {f"cancel.{moment}" for moment in get_args(MoneyMoment)} | set(get_args(CrashPoint))
    assert points == AT_DEATH.keys() == CALLS.keys()


@pytest.mark.parametrize("point", AT_DEATH)
def test_killed_in_the_middle_of_a_refund(world: World, paid: Purchase, point: str) -> None:
    key = f"refund-{paid.payment_id}"
    crash_during_cancel(world, paid, 4_000, point, key)
    theirs = world.portone.payment(paid.payment_id)["amount"]["cancelled"]
    _, ours, held, _ = world.books.amounts(paid.payment_id)
    assert (theirs, ours, held) == AT_DEATH[point]

    recover(world)
    again = world.admin.cancel(paid.payment_id, 4_000, idempotency_key=key, wait=30)
    assert again.result["amount"] == 4_000
    expect_one_refund(world, paid, 4_000)
    assert len(world.cancel_calls(paid)) == CALLS[point]
