"""The worker is killed at every named point of an approval and of a schedule; after a restart there is exactly one."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any, get_args

import httpx
import pytest

from sandbox.demo.steps.accidents import CRASH_VARIABLE, SHORTEST_LEASE, recover
from tests.flow import saved_cards as card_desk
from worker.crash import CrashPoint, MoneyMoment

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.demo.shopper import Reply
    from sandbox.demo.world import World

# At the moment of death: has PortOne done it, do we know.
AT_DEATH = {
    "before_begin": (False, False),
    "after_begin": (False, False),
    "after_reply": (True, False),
    "settle.before": (True, False),
    "settle.after": (True, True),
}
# Calls PortOne gets in all: a second one only where nobody wrote down how the first one ended.
CALLS = {"before_begin": 1, "after_begin": 1, "after_reply": 2, "settle.before": 2, "settle.after": 1}


def _crash(world: World, verb: str, point: str, ask: Callable[[], Reply]) -> None:
    armed = point if "." in point else f"{verb}.{point}"
    world.stack.restart_worker({CRASH_VARIABLE: armed, "LEASE_SECONDS": str(SHORTEST_LEASE)})
    with pytest.raises(httpx.TransportError):
        ask()
    assert world.stack.wait_worker_exit() == -signal.SIGKILL


def _calls(world: World, payment_id: str, action: str) -> list[dict[str, Any]]:
    return world.portone.requests(path=f"/payments/{payment_id}/{action}", method="POST")


def _expect_one_effect(world: World, payment_id: str, calls: list[dict[str, Any]], point: str) -> None:
    assert len(calls) == CALLS[point]
    assert len({(call["idempotency_key"], call["body"]) for call in calls}) == 1
    undecided = "select operation_id from private.attempts where payment_id = %s and decided_at is null"
    assert world.books.rows(undecided, payment_id) == []
    kept = "select operation_id from private.attempts where payment_id = %s and body is not null"
    assert world.books.rows(kept, payment_id) == []


def test_every_crash_point_of_a_money_call_is_in_the_matrix() -> None:
    assert {*get_args(MoneyMoment), *get_args(CrashPoint)} == AT_DEATH.keys() == CALLS.keys()


@pytest.mark.parametrize("point", AT_DEATH)
def test_killed_in_the_middle_of_an_approval(world: World, point: str) -> None:
    customer = world.customer()
    purchase = world.prepared(customer, 6_000)
    opened = world.open_window(purchase, channelKey="channel-key-manual")
    world.portone.approve(purchase.payment_id)
    world.portone.settle()
    world.books.wait_quiet(purchase.payment_id)
    body = {
        "payment_token": world.portone.payment_token(purchase.payment_id),
        "tx_id": opened["txId"],
        "idempotency_key": f"confirm-{purchase.payment_id}",
    }

    def ask() -> Reply:
        return customer.post(f"/payments/{purchase.payment_id}/confirm", body, wait=30)

    _crash(world, "confirm", point, ask)
    (ours,) = world.books.rows(
        "select paid_amount from public.payments where payment_id = %s", purchase.payment_id
    )
    there = world.portone.payment(purchase.payment_id)["status"] == "PAID"
    assert (there, ours["paid_amount"] == 6_000) == AT_DEATH[point]

    recover(world)
    assert ask().result["status"] == "paid"
    world.portone.settle()
    world.books.wait_quiet(purchase.payment_id)
    _expect_one_effect(world, purchase.payment_id, _calls(world, purchase.payment_id, "confirm"), point)
    assert world.books.differences(purchase.payment_id) == []
    assert world.books.events(purchase.payment_id, "order_settled") == 1
    assert world.books.rows("select * from private.payment_tokens") == [], "the token is forgotten"


@pytest.mark.parametrize("point", AT_DEATH)
def test_killed_in_the_middle_of_a_schedule(world: World, point: str) -> None:
    customer = world.customer()
    card, order_id = card_desk.saved(world, customer), world.order(customer, 7_000)
    card_desk.quiet(world)
    body = {
        "order_id": order_id,
        "billing_key_id": card.id,
        "time_to_pay": card_desk.in_days(world, 2),
        "idempotency_key": f"schedule-{order_id}",
    }

    def ask() -> Reply:
        return customer.post("/schedules", body, wait=30)

    _crash(world, "schedule", point, ask)
    (ours,) = world.books.rows(
        "select payment_id, schedule_id from public.payment_schedules where order_id = %s", order_id
    )

    def theirs() -> list[dict[str, Any]]:
        return [one for one in world.portone.schedules() if one["paymentId"] == ours["payment_id"]]

    assert (bool(theirs()), ours["schedule_id"] is not None) == AT_DEATH[point]

    recover(world)
    assert ask().result["status"] == "scheduled"
    world.books.wait_idle()
    _expect_one_effect(world, ours["payment_id"], _calls(world, ours["payment_id"], "schedule"), point)
    assert [one["status"] for one in theirs()] == ["SCHEDULED"]
    (row,) = customer.select("payment_schedules", "schedule_id,status", order_id=f"eq.{order_id}")
    assert row == {"schedule_id": theirs()[0]["id"], "status": "scheduled"}
    assert len(customer.select("payments", "payment_id", order_id=f"eq.{order_id}")) == 1
