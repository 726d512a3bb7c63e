"""Law 7 over HTTP: PortOne's idempotency window passes with the real worker, and each call has happened once or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox.portone.control_client import SimulatorRefused
from tests.flow import saved_cards as card_desk

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.demo.shopper import Reply, Shopper
    from sandbox.demo.world import World

_HOUR = 3_600


def _refund(world: World, customer: Shopper) -> Callable[[], Reply]:
    purchase = world.paid(customer, 10_000)
    return lambda: world.admin.cancel(purchase.payment_id, 3_000, wait=0)


def _charge(world: World, customer: Shopper) -> Callable[[], Reply]:
    card, order_id = card_desk.saved(world, customer), world.order(customer, 9_000)
    return lambda: card_desk.charge(customer, order_id, card, wait=0)


def _approval(world: World, customer: Shopper) -> Callable[[], Reply]:
    purchase = world.prepared(customer, 6_000)

    def ask() -> Reply:
        # A PG takes an approval for minutes only: who asks again hours later comes from a new window.
        opened = world.open_window(purchase, channelKey="channel-key-manual")
        world.portone.approve(purchase.payment_id)
        world.quiet(purchase)
        token = world.portone.payment_token(purchase.payment_id)
        body = {"payment_token": token, "tx_id": opened["txId"]}
        return customer.post(f"/payments/{purchase.payment_id}/confirm", body, wait=0)

    return ask


def _schedule(world: World, customer: Shopper) -> Callable[[], Reply]:
    card, order_id = card_desk.saved(world, customer), world.order(customer, 7_000)
    body = {"order_id": order_id, "billing_key_id": card.id, "time_to_pay": card_desk.in_days(world, 30)}
    return lambda: customer.post("/schedules", body, wait=0)


# How it is asked for, and the path it goes to at PortOne.
CALLS: dict[str, tuple[Callable[[World, Shopper], Callable[[], Reply]], str]] = {
    "refund": (_refund, "cancel"),
    "charge": (_charge, "billing-key"),
    "approval": (_approval, "confirm"),
    "schedule": (_schedule, "schedule"),
}
every_call = pytest.mark.parametrize(("prepare", "action"), CALLS.values(), ids=CALLS.keys())


def _sent(world: World, asked: Reply) -> str:
    """The payment a call is about, once its first send has got no answer; the call is undecided then."""
    assert (asked.status, asked.body["status"]) == (202, "pending")
    unanswered = (
        "select payment_id from private.attempts where operation_id = %s::uuid and outcome = 'unknown'"
    )
    world.wait(lambda: bool(world.books.rows(unanswered, asked.body["id"])))
    (attempt,) = world.books.rows(unanswered, asked.body["id"])
    return str(attempt["payment_id"])


def _effects(world: World, action: str, payment_id: str) -> int:
    """How often PortOne did it."""
    if action == "schedule":
        return sum(one["paymentId"] == payment_id for one in world.portone.schedules())
    try:
        theirs = world.portone.payment(payment_id)
    except SimulatorRefused:
        return 0
    return len(theirs.get("cancellations", [])) if action == "cancel" else int(theirs["status"] == "PAID")


def _sends(world: World, action: str, payment_id: str) -> list[dict[str, Any]]:
    return world.portone.requests(path=f"/payments/{payment_id}/{action}", method="POST")


def _ended(world: World, asker: Shopper, operation_id: str) -> dict[str, Any]:
    """The operation once enough time has passed for it to be decided."""
    world.advance(4 * _HOUR)
    for _ in range(12):
        if asker.operation(operation_id, wait=1).body["status"] != "pending":
            break
        world.advance(600)
    body: dict[str, Any] = asker.operation(operation_id).body
    return body


@every_call
def test_a_call_whose_answers_are_all_lost_is_read_back_and_happened_once(
    world: World, mina: Shopper, prepare: Callable[[World, Shopper], Callable[[], Reply]], action: str
) -> None:
    ask = prepare(world, mina)
    world.portone.hold_webhooks()
    world.portone.add_fault("drop_reply_after_commit", f"/payments/*/{action}", method="POST", times=10_000)
    asked = ask()
    payment_id = _sent(world, asked)
    asker = world.admin if action == "cancel" else mina
    assert _ended(world, asker, asked.body["id"])["status"] == "succeeded"
    calls = _sends(world, action, payment_id)
    assert len({(call["idempotency_key"], call["body"]) for call in calls}) == 1
    assert [call["replayed"] for call in calls] == [False] + [True] * (len(calls) - 1)
    assert _effects(world, action, payment_id) == 1
    if action == "schedule":  # a payment comes only with its time
        (row,) = world.books.rows(
            "select status::text from public.payment_schedules where payment_id = %s", payment_id
        )
        assert row["status"] == "scheduled"
    else:
        assert world.books.differences(payment_id) == []


@every_call
def test_a_call_that_never_reached_portone_is_known_not_to_have_happened_and_can_be_asked_for_again(
    world: World, mina: Shopper, prepare: Callable[[World, Shopper], Callable[[], Reply]], action: str
) -> None:
    ask = prepare(world, mina)
    world.portone.add_fault("reset_before", f"/payments/*/{action}", method="POST", times=10_000)
    asked = ask()
    payment_id = _sent(world, asked)
    asker = world.admin if action == "cancel" else mina
    ended = _ended(world, asker, asked.body["id"])
    assert (ended["status"], ended["error"]["code"]) == ("failed", "NOT_EXECUTED")
    assert _effects(world, action, payment_id) == 0
    world.portone.clear_faults()
    again = asker.operation(ask().body["id"], wait=30).result
    assert _effects(world, action, again["paymentId"]) == 1
