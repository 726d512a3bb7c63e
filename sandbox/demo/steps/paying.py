"""Steps 3 and 4: a tampered amount, webhooks twice and out of order, a browser that races them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.demo.story import Story
    from sandbox.demo.world import Purchase, World


def tampered_amount_is_refused_and_webhooks_count_once(world: World, story: Story) -> None:
    """Open the window with a wrong amount, pay the right one, deliver everything twice and backwards."""
    mina = world.customer()
    purchase = world.prepared(mina, 12_900)
    story.tell("Mina's browser is tampered with: the window asks for 100 instead of 12,900")
    refused = world.portone.open_window(**{**purchase.window, "totalAmount": 100})
    story.expect("PortOne refuses the window", refused.get("code"), "AmountNotEqualToPredefined")

    story.tell("The right amount; the webhooks are held back, then come twice and the last one first")
    world.portone.hold_webhooks()
    transaction_id = world.open_window(purchase)["txId"]
    world.portone.approve(purchase.payment_id)
    delivered = world.portone.release_webhooks(order="reverse", duplicate=True)
    world.portone.deliver_webhooks()
    kinds = [message["type"].partition(".")[2] for message in delivered]
    story.expect("delivered", kinds, ["Paid", "Paid", "Ready", "Ready"])
    story.expect("answered", {message["status"] for message in delivered}, {200})
    world.quiet(purchase)
    webhook_id = delivered[0]["id"]
    logged = world.books.webhooks(webhook_id)
    story.expect(
        "webhook_logs of the Paid webhook", [row["status"] for row in logged], ["processed", "skipped"]
    )
    story.expect("why the second one was skipped", logged[1]["skip_reason"], "duplicate")
    _expect_paid_once(world, story, purchase)
    ours = world.books.payment(purchase.payment_id)["provider_transaction_id"]
    story.expect("the transaction is PortOne's", ours, transaction_id, shown=f"{transaction_id[:13]}…")
    story.expect("the order, as Mina reads it", [row["status"] for row in mina.select("orders")], ["paid"])


def browser_races_webhook(world: World, story: Story) -> None:
    """Release the webhook and call complete at the same moment."""
    mina = world.customer()
    purchase = world.prepared(mina, 8_400)
    story.tell("Mina pays; her browser calls complete at the moment the webhook arrives")
    world.portone.hold_webhooks()
    world.open_window(purchase)
    world.portone.approve(purchase.payment_id)
    with ThreadPoolExecutor(max_workers=2) as pool:
        webhook = pool.submit(world.portone.release_webhooks)
        browser = pool.submit(mina.complete, purchase.payment_id)
        answers = [message["status"] for message in webhook.result()]
        completed = browser.result().result
    world.portone.deliver_webhooks()
    world.quiet(purchase)
    story.expect("the webhooks are answered", answers, [200, 200])
    story.expect("the browser is told", (completed["status"], completed["paidAmount"]), ("paid", 8_400))
    _expect_paid_once(world, story, purchase)


def _expect_paid_once(world: World, story: Story, purchase: Purchase) -> None:
    books, payment_id = world.books, purchase.payment_id
    story.expect(
        "the books agree", books.differences(payment_id), [],
        shown=f"both say paid, {books.payment(payment_id)['paid_amount']:,}",
    )  # fmt: skip
    rows = books.rows("select payment_id from payments where order_id = %s", purchase.order_id)
    story.expect("payments of the order", len(rows), 1)
    story.expect("events that say paid", books.events(payment_id, "status_changed", "paid"), 1)
    story.expect("times the order was settled", books.events(payment_id, "order_settled"), 1)
