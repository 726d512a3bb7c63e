"""The worker is killed at every named point of a charge; after a restart the card was charged exactly once."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, get_args

import httpx
import pytest

from sandbox.demo.steps.accidents import CRASH_VARIABLE, SHORTEST_LEASE, recover
from tests.flow import saved_cards as card_desk
from worker.crash import CrashPoint, MoneyMoment

if TYPE_CHECKING:
    from sandbox.demo.shopper import Shopper
    from sandbox.demo.world import World
    from tests.flow.saved_cards import SavedCard

# At the moment of death: is it paid at PortOne, is it paid here.
AT_DEATH = {
    "charge.before_begin": (False, False),
    "charge.after_begin": (False, False),
    "charge.after_reply": (True, False),
    "settle.before": (True, False),
    "settle.after": (True, True),
}
# Calls PortOne gets in all: a second one only where nobody wrote down how the first one ended.
CALLS = {
    "charge.before_begin": 1,
    "charge.after_begin": 1,
    "charge.after_reply": 2,
    "settle.before": 2,
    "settle.after": 1,
}


def _crash(world: World, customer: Shopper, order_id: str, card: SavedCard, point: str, key: str) -> None:
    world.stack.restart_worker({CRASH_VARIABLE: point, "LEASE_SECONDS": str(SHORTEST_LEASE)})
    with pytest.raises(httpx.TransportError):
        card_desk.charge(customer, order_id, card, idempotency_key=key, wait=30)
    assert world.stack.wait_worker_exit() == -signal.SIGKILL


def test_every_crash_point_of_a_charge_is_in_the_matrix() -> None:
    points = {f"charge.{moment}" for moment in get_args(MoneyMoment)} | set(get_args(CrashPoint))
    assert points == AT_DEATH.keys() == CALLS.keys()


@pytest.mark.parametrize("point", AT_DEATH)
def test_killed_in_the_middle_of_a_charge(world: World, point: str) -> None:
    customer = world.customer()
    card, order_id = card_desk.saved(world, customer), world.order(customer, 8_000)
    card_desk.quiet(world)
    key = f"charge-{order_id}"
    _crash(world, customer, order_id, card, point, key)
    # Its owner does not see it yet: nobody knows whether it will be.
    (ours,) = world.books.rows(
        "select payment_id, paid_amount from public.payments where order_id = %s", order_id
    )
    paid_there = any(call["status"] == 200 for call in card_desk.charges(world, ours["payment_id"]))
    assert (paid_there, ours["paid_amount"] == 8_000) == AT_DEATH[point]

    recover(world)
    again = card_desk.charge(customer, order_id, card, idempotency_key=key, wait=30)
    assert (again.result["status"], again.result["paymentId"]) == ("paid", ours["payment_id"])
    world.portone.settle()
    world.books.wait_quiet(ours["payment_id"])
    calls = card_desk.charges(world, ours["payment_id"])
    assert len(calls) == CALLS[point]
    assert len({(call["idempotency_key"], call["body"]) for call in calls}) == 1
    assert world.books.differences(ours["payment_id"]) == []
    assert world.books.events(ours["payment_id"], "order_settled") == 1
    assert len(customer.select("payments", "payment_id", order_id=f"eq.{order_id}")) == 1
    undecided = world.books.rows("select attempts.* from private.attempts where attempts.decided_at is null")
    assert undecided == []
