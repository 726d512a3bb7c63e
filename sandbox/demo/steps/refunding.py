"""Step 5: parts are refunded, never more than was paid, also when the console interferes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sandbox.demo.shopper import at_once

if TYPE_CHECKING:
    from sandbox.demo.story import Story
    from sandbox.demo.world import Purchase, World

_HELD_UP_SECONDS = 1.0


def refunds_never_exceed_what_was_paid(world: World, story: Story) -> None:
    """Refund a part, too much, ten at once, against the console, and the rest."""
    purchase = world.paid(world.customer(), 10_000)
    story.tell("10,000 were paid; an admin refunds 3,000")
    refund = world.admin.cancel(purchase.payment_id, 3_000)
    story.expect("the refund", refund.body["status"], "succeeded")
    _expect_equal_books(world, story, purchase)
    _too_much(world, story, purchase)
    _ten_at_once(world, story, purchase)
    _console_interferes(world, story, purchase)
    story.tell("The rest, without an amount")
    story.expect("refunded", world.admin.cancel(purchase.payment_id).result["amount"], 600)
    world.quiet(purchase)
    paid, cancelled, reserved, left = world.books.amounts(purchase.payment_id)
    story.expect("paid, cancelled, held, left", (paid, cancelled, reserved, left), (10_000, 10_000, 0, 0))
    story.expect("the payment", world.books.payment(purchase.payment_id)["status"], "cancelled")
    _expect_equal_books(world, story, purchase)


def _too_much(world: World, story: Story, purchase: Purchase) -> None:
    story.tell("7,001 more is asked back, but 7,000 are left")
    calls = len(world.cancel_calls(purchase))
    over = world.admin.cancel(purchase.payment_id, 7_001)
    story.expect("refused", (over.status, over.code), (409, "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT"))
    story.expect("its message has the amounts", [n for n in ("7001", "7000", "10000") if n not in over.error["message"]], [], shown=over.error["message"])  # fmt: skip
    story.expect("cancel calls PortOne got for it", len(world.cancel_calls(purchase)) - calls, 0)


def _ten_at_once(world: World, story: Story, purchase: Purchase) -> None:
    story.tell("Ten refunds of 1,500 at once: room for four")
    replies = at_once([lambda: world.admin.cancel(purchase.payment_id, 1_500, wait=30)] * 10)
    answers = [reply.body["status"] if reply.status == 200 else reply.code for reply in replies]
    story.expect("succeeded", answers.count("succeeded"), 4)
    story.expect("refused", answers.count("CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT"), 6)
    _expect_equal_books(world, story, purchase)


def _console_interferes(world: World, story: Story, purchase: Purchase) -> None:
    """Keep the payment's lane busy with a slow read, so that our refund queues behind it."""
    story.tell(
        "Ours of 700 waits in the queue while somebody cancels 400 of the 1,000 left in PortOne's console"
    )
    calls = len(world.cancel_calls(purchase))
    world.portone.add_fault(
        "delay", f"/payments/{purchase.payment_id}", method="GET", seconds=_HELD_UP_SECONDS
    )
    world.admin.complete(purchase.payment_id, wait=0)
    while not any(work.endswith("running") for work in world.books.open_work(purchase.payment_id)):
        time.sleep(0.01)
    ours = world.admin.cancel(purchase.payment_id, 700, wait=0)
    story.expect("ours is only queued", (ours.status, ours.body["status"]), (202, "pending"))
    world.portone.console_cancel(purchase.payment_id, amount=400, reason="by hand")
    ended = world.admin.operation(ours.body["id"], wait=15).body
    story.expect("ours ends", (ended["status"], ended["error"]["code"]), ("failed", "BALANCE_CHANGED"))
    message = ended["error"]["message"]
    story.expect_true("and says why, with what is left", "700" in message and "600" in message, message)
    story.expect("cancel calls PortOne got for it", len(world.cancel_calls(purchase)) - calls, 0)
    _expect_equal_books(world, story, purchase)


def _expect_equal_books(world: World, story: Story, purchase: Purchase) -> None:
    world.quiet(purchase)
    summary = world.books.summary(purchase.payment_id)
    story.expect("the books agree", world.books.differences(purchase.payment_id), [], shown=summary)
