"""Decides what is shown of a shop that adopted the project: what it had is untouched, and its own orders are paid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.demo.world import Purchase
from sandbox.setup.paths import MIGRATIONS_DIR

if TYPE_CHECKING:
    from sandbox.adoption.existing_shop import ExistingShop
    from sandbox.demo.story import Story
    from sandbox.demo.world import World


@dataclass(frozen=True, slots=True)
class Adopted:
    """What happened before the API started: the shop, what it had, what the copy said, who its old customer is."""

    shop: ExistingShop
    before: list[dict[str, Any]]
    after: list[dict[str, Any]]
    copied: str
    files_before: dict[str, str]
    second_push: str


def nothing_of_theirs_was_changed(adopted: Adopted, story: Story) -> None:
    """Compare the shop before and after the push."""
    story.tell("portone-worker migrations copy supabase/migrations; supabase db push")
    ours = len(list(MIGRATIONS_DIR.glob("*.sql")))
    story.expect("the copy command", adopted.copied.splitlines()[-1], f"{ours} copied, 0 already there.")
    theirs = {name: (adopted.shop.migrations / name).read_text() for name in adopted.files_before}
    story.expect("their migration files", theirs == adopted.files_before, True, shown="untouched")
    story.expect(
        "their tables, policies, grants and rows", adopted.after == adopted.before, True, shown="untouched"
    )
    story.expect("a second push", "up to date" in adopted.second_push, True, shown="nothing to do")


def their_order_is_paid_under_its_own_id(adopted: Adopted, world: World, story: Story) -> None:
    """Pay an order of theirs from the request to its own table."""
    customer = world.customer("yuna")
    order_id = adopted.shop.order(customer.user_id, lamp_01=1, book_07=2)
    story.tell(f"Yuna ordered a lamp and two books at their shop: order {order_id}")
    window = customer.pay(order_id).result
    story.expect(
        "the price, from their products",
        (window["orderName"], window["totalAmount"], window["taxFreeAmount"]),
        ("Desk lamp and 1 more", 54_000, 30_000),
    )
    wrong = world.portone.open_window(**{**window, "totalAmount": 31_000})
    story.expect("a window with another price", wrong.get("code"), "AmountNotEqualToPredefined")
    purchase = Purchase(order_id, window["paymentId"], 54_000, window)
    world.open_window(purchase)
    world.portone.approve(purchase.payment_id)
    world.quiet(purchase)
    story.expect("the books agree", world.books.differences(purchase.payment_id), [], shown="both say paid")
    story.expect(
        "their order", adopted.shop.state_of(order_id), {"state": "paid", "paid_with": purchase.payment_id}
    )
    again = customer.pay(order_id)
    story.expect("paying it again", (again.status, again.code), (409, "ORDER_ALREADY_PAID"))
    other = world.customer("jun")
    story.expect(
        "somebody else pays it", (other.pay(order_id).status, other.pay("0" + order_id).status), (404, 404)
    )


def an_order_dropped_too_late_is_not_lost(adopted: Adopted, world: World, story: Story) -> None:
    """Drop an order whose window is open, then pay: the money must be seen."""
    customer = world.customer("hana")
    order_id = adopted.shop.order(customer.user_id, cup_03=1)
    window = customer.pay(order_id).result
    purchase = Purchase(order_id, window["paymentId"], 9_000, window)
    world.open_window(purchase)
    adopted.shop.drop(order_id)
    story.tell(
        f"Hana takes order {order_id} back while its window is still open, and pays there all the same"
    )
    again = customer.pay(order_id)
    story.expect("a dropped order is not for sale", (again.status, again.code), (404, "ORDER_NOT_FOUND"))
    world.portone.approve(purchase.payment_id)
    world.quiet(purchase)
    story.expect(
        "paid in the window that was open",
        adopted.shop.state_of(order_id),
        {"state": "paid", "paid_with": purchase.payment_id},
    )
    refund = world.admin.cancel(purchase.payment_id)
    story.expect("the shop refunds it", refund.body["status"], "succeeded")
    world.quiet(purchase)
    story.expect(
        "the books agree", world.books.differences(purchase.payment_id), [], shown="both say refunded"
    )


def their_refunds_are_guarded(adopted: Adopted, world: World, story: Story) -> None:
    """Refund a part, refuse too much, refuse the customer."""
    customer = world.customer("mina")
    order_id = adopted.shop.order(customer.user_id, cup_03=2)
    window = customer.pay(order_id).result
    purchase = Purchase(order_id, window["paymentId"], 18_000, window)
    world.open_window(purchase)
    world.portone.approve(purchase.payment_id)
    world.quiet(purchase)
    story.tell("Two cups were paid, one comes back")
    refund = world.admin.cancel(purchase.payment_id, 9_000)
    story.expect("an admin refunds one", refund.body["status"], "succeeded")
    over = world.admin.cancel(purchase.payment_id, 9_001)
    story.expect(
        "more than is left", (over.status, over.code), (409, "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT")
    )
    own = customer.cancel(purchase.payment_id, 1_000)
    story.expect("the customer herself", (own.status, own.code), (403, "CANCEL_NOT_ALLOWED"))
    world.quiet(purchase)
    story.expect(
        "the books agree",
        world.books.differences(purchase.payment_id),
        [],
        shown=world.books.summary(purchase.payment_id),
    )
