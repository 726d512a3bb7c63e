"""Decides how flow tests save, charge and look at a card: as a browser, an app and a card company would."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.demo.shopper import Reply, Shopper
    from sandbox.demo.world import World


@dataclass(frozen=True, slots=True)
class SavedCard:
    """A registered card: our id and the key, which only tests see."""

    id: str
    key: str


def begin(customer: Shopper) -> dict[str, Any]:
    """Ask to save a card; what the browser opens the card window with."""
    begun = customer.post("/billing-keys/issue", {"consent": True})
    if begun.status != 200:
        raise AssertionError(f"no card window: HTTP {begun.status} {begun.body}")
    issue: dict[str, Any] = begun.body
    return issue


def open_window(world: World, issue: dict[str, Any], **changes: Any) -> str:
    """Open the card window as the browser SDK does; the key, which is not issued yet."""
    window = {
        "storeId": issue["storeId"], "channelKey": issue["channelKey"], "billingKeyMethod": "CARD",
        "issueId": issue["issueId"], "issueName": issue["issueName"], "customer": {"customerId": issue["customerId"]},
    }  # fmt: skip
    opened = world.portone.open_billing_window(**{**window, **changes})
    if "code" in opened:
        raise AssertionError(f"PortOne refused the card window: {opened['code']}, {opened['message']}")
    key: str = opened["billingKey"]
    return key


def register(customer: Shopper, key: str, issue: dict[str, Any], **fields: Any) -> Reply:
    """Report what the window answered."""
    return customer.post("/billing-keys", {"billing_key": key, "issue_id": issue["issueId"], **fields})


def saved(world: World, customer: Shopper, **card: Any) -> SavedCard:
    """Save a card the usual way."""
    issue = begin(customer)
    key = open_window(world, issue)
    world.portone.issue_billing_key(key, **card)
    result = register(customer, key, issue).result
    return SavedCard(result["billingKeyId"], key)


def charge(customer: Shopper, order_id: str, card: SavedCard, **fields: Any) -> Reply:
    """Pay an order with a saved card."""
    wait = fields.pop("wait", None)
    body = {"order_id": order_id, "billing_key_id": card.id, **fields}
    return customer.post("/billing-payments", body, wait=wait)


def charges(world: World, payment_id: str) -> list[dict[str, Any]]:
    """Return the charges PortOne was asked for under a payment id, oldest first."""
    return world.portone.requests(path=f"/payments/{payment_id}/billing-key", method="POST")


def cards(customer: Shopper, **filters: str) -> list[dict[str, Any]]:
    """Return the customer's cards as their app lists them."""
    shown = "id,card_number_masked,card_issuer,is_default,is_active,issued_at,deleted_at"
    return customer.select("billing_keys", shown, **filters)


def quiet(world: World) -> None:
    """Wait until all webhooks were delivered and nothing is to be done now."""
    world.portone.settle()
    world.books.wait_idle()


def in_days(world: World, days: float) -> str:
    """Return a moment that many days from now on the database's clock, RFC 3339."""
    (row,) = world.books.rows(
        "select private.iso(private.now() + make_interval(secs => %s)) as at", days * 86_400
    )
    return str(row["at"])


def schedule(world: World, customer: Shopper, card: SavedCard, total: int, *, days: float = 3) -> Reply:
    """Have a new order charged to a saved card in some days."""
    body = {
        "order_id": world.order(customer, total),
        "billing_key_id": card.id,
        "time_to_pay": in_days(world, days),
    }
    return customer.post("/schedules", body)
