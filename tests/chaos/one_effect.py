"""Decides what must hold after any accident during a refund: one effect, equal books, nothing open."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.demo.world import Purchase, World

LONGEST_BACKOFF = 120


def expect_one_refund(world: World, purchase: Purchase, amount: int) -> None:
    """Wait until nothing is open and compare both sides."""
    world.quiet(purchase)
    theirs = world.portone.payment(purchase.payment_id).get("cancellations", [])
    assert [(entry["totalAmount"], entry["status"]) for entry in theirs] == [(amount, "SUCCEEDED")]
    ours = world.books.cancellations(purchase.payment_id)
    assert [(row["amount"], row["status"], row["cancellation_id"]) for row in ours] == [
        (amount, "succeeded", theirs[0]["id"])
    ]
    assert world.books.differences(purchase.payment_id) == []
    assert world.books.amounts(purchase.payment_id) == (10_000, amount, 0, 10_000 - amount)
    calls = world.cancel_calls(purchase)
    assert len({(call["idempotency_key"], call["body"]) for call in calls}) == 1
    assert world.books.events(purchase.payment_id, "cancellation_succeeded") == 1
    undecided = world.books.rows(
        "select * from private.attempts join public.payment_cancellations as refunds on refunds.operation_id = attempts.operation_id "
        "where refunds.payment_id = %s and attempts.decided_at is null",
        purchase.payment_id,
    )
    assert undecided == []
    left = world.books.rows(
        "select * from queue.jobs where state in ('running', 'waiting') union all select * from queue.jobs where lane = %s",
        f"payment:{purchase.payment_id}",
    )
    assert left == []
