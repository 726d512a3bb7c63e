"""Steps 9 and 10: a reply is lost, a worker is killed; either way exactly one cancellation exists."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from sandbox.demo.story import Story
    from sandbox.demo.world import Purchase, World

SHORTEST_LEASE = 5
CRASH_VARIABLE = "PORTONE_WORKER_CRASH_AT"
# PortOne repeats a webhook nobody answered after a minute (PortOne docs: webhook).
_REPEAT_SECONDS = 60


def lost_reply_cancels_once(world: World, story: Story) -> None:
    """Have PortOne execute a cancel and lose its reply."""
    purchase = world.paid(world.customer(), 6_000)
    story.tell("An admin refunds 2,500; PortOne executes it, then the connection breaks before the reply")
    world.portone.add_fault(
        "drop_reply_after_commit", f"/payments/{purchase.payment_id}/cancel", method="POST"
    )
    refund = world.admin.cancel(purchase.payment_id, 2_500, wait=30)
    story.expect("the admin is told", refund.body["status"], "succeeded")
    calls = world.cancel_calls(purchase)
    story.expect("cancel calls", len(calls), 2)
    _expect_one_cancellation(world, story, purchase, 2_500)


def killed_worker_cancels_once(world: World, story: Story) -> None:
    """SIGKILL the worker between PortOne's answer and our commit, and start it again."""
    purchase = world.paid(world.customer(), 6_000)
    story.tell(
        "An admin refunds 4,000; the worker gets PortOne's yes and is killed by SIGKILL before it can note it"
    )
    key = f"refund-{purchase.payment_id}"
    crash_during_cancel(world, purchase, 4_000, "cancel.after_reply", key, story)
    theirs = world.portone.payment(purchase.payment_id)["amount"]["cancelled"]
    ours, held = world.books.amounts(purchase.payment_id)[1:3]
    story.expect("cancelled at PortOne · cancelled here · held here", (theirs, ours, held), (4_000, 0, 4_000))

    story.tell("The worker starts again and the admin repeats the request")
    recover(world)
    again = world.admin.cancel(purchase.payment_id, 4_000, idempotency_key=key, wait=30)
    story.expect("the admin is told", again.body["status"], "succeeded")
    _expect_one_cancellation(world, story, purchase, 4_000)


def crash_during_cancel(
    world: World, purchase: Purchase, amount: int, point: str, key: str, story: Story | None = None
) -> None:
    """Ask for a refund of a worker that will SIGKILL itself at `point`, and wait until it is gone."""
    world.stack.restart_worker({CRASH_VARIABLE: point, "LEASE_SECONDS": str(SHORTEST_LEASE)})
    answer = "an answer"
    try:
        world.admin.cancel(purchase.payment_id, amount, idempotency_key=key, wait=30)
    except httpx.TransportError:
        answer = "a broken connection"
    code = world.stack.wait_worker_exit()
    if story is not None:
        story.expect("the admin gets", answer, "a broken connection")
        story.expect(
            "the worker ended by", signal.Signals(-code).name if code < 0 else f"exit code {code}", "SIGKILL"
        )
    elif code != -signal.SIGKILL:
        raise AssertionError(f"the worker ended with {code} instead of SIGKILL at {point}")


def recover(world: World) -> None:
    """Let the dead worker's lease end by moving the database's clock, start a worker, repeat lost webhooks."""
    world.books.advance_clock(SHORTEST_LEASE + 1)
    world.stack.start_worker()
    world.portone.advance_clock(_REPEAT_SECONDS)


def _expect_one_cancellation(world: World, story: Story, purchase: Purchase, amount: int) -> None:
    world.quiet(purchase)
    calls = world.cancel_calls(purchase)
    keys = {call["idempotency_key"] for call in calls}
    story.expect_true(
        "every call carried the same key", len(keys) == 1, f"{len(calls)} calls, {len(keys)} key"
    )
    story.expect("and the same bytes", len({call["body"] for call in calls}), 1)
    theirs = world.portone.payment(purchase.payment_id).get("cancellations", [])
    story.expect("PortOne's cancellations", [entry["totalAmount"] for entry in theirs], [amount])
    ours = world.books.cancellations(purchase.payment_id)
    story.expect(
        "ours, with PortOne's id",
        [(row["amount"], row["cancellation_id"]) for row in ours],
        [(amount, theirs[0]["id"])],
        shown=f"{amount:,}, the same id",
    )
    summary = world.books.summary(purchase.payment_id)
    story.expect("the books agree", world.books.differences(purchase.payment_id), [], shown=summary)
