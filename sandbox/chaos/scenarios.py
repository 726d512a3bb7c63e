"""Decides for each operation how it is made ready, and how it is asked for by somebody whose worker may be dead.

Asking goes through Supabase's API as the user, as an app does; only running it needs a worker.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.chaos.ledger import Ask
from sandbox.chaos.verified import verified_at_portone
from sandbox.stack.services import BILLING_CHANNEL, STORE_ID

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.chaos.arena import Arena
    from sandbox.demo.shopper import Reply, Shopper

ASYNC_CHANNEL = "channel-key-async"
MANUAL_CHANNEL = "channel-key-manual"
TOTAL = 10_000
_TWO_DAYS = 2 * 86_400


def _address(number: int) -> str:
    """Each customer has an address: so many one-time codes from one would be refused."""
    return f"198.51.{100 + number // 250}.{1 + number % 250}"


@dataclass(frozen=True, slots=True)
class Case:
    """An operation that is ready to be asked for; `act` does it, `mark` is what PortOne will show of it."""

    kind: str
    mark: str
    act: Callable[[], Reply | None]


class Desk:
    """Prepares cases; every case has a customer, an order and a name of its own."""

    def __init__(self, arena: Arena) -> None:
        self._arena = arena
        self._world = arena.world
        self._count = 0

    def case(self, kind: str) -> Case:
        """Make an operation of this kind ready."""
        self._count += 1
        name = f"{kind} {self._count}"
        customer = self._world.customer(f"case{self._count}")
        made: Case = getattr(self, f"_{kind}")(customer, name)
        return made

    def ask(self, case: Case, point: str, may_fail: tuple[str, ...] = ()) -> Ask:
        """Ask for it once and note what the database said. Webhooks have no operation: nothing is noted then."""
        ask = Ask(case.kind, case.mark, may_fail, point=point)
        reply = case.act()
        if reply is None:
            return ask
        self._arena.ledger.ask(ask)
        if reply.status == 200 and isinstance(reply.body, dict) and "id" in reply.body:
            ask.operation_id = reply.body["id"]
        else:
            ask.refused = reply.code or f"HTTP {reply.status}"
        return ask

    def _prepare_payment(self, customer: Shopper, name: str) -> Case:
        order_id = self._world.order(customer, TOTAL, name)
        return Case(
            "prepare_payment",
            name,
            lambda: customer.rpc("request_payment", order_id=order_id, pay_method="CARD"),
        )

    def _sync_payment(self, customer: Shopper, name: str) -> Case:
        """A webhook: the buyer pays, and nobody asks for anything."""
        purchase = self._world.prepared(customer, TOTAL, name=name)
        self._world.open_window(purchase)

        def pay() -> None:
            self._arena.portone.approve(purchase.payment_id)

        return Case("sync_payment", name, pay)

    _webhook = _sync_payment

    def _cancel_payment(self, customer: Shopper, name: str) -> Case:
        purchase = self._world.paid(customer, TOTAL, name=f"sold for {name}")
        arguments: dict[str, Any] = {"payment_id": purchase.payment_id, "amount": 4_000, "reason": name}
        return Case(
            "cancel_payment", name, lambda: self._world.admin.rpc("request_cancellation", **arguments)
        )

    def _stop_cancellation(self, customer: Shopper, name: str) -> Case:
        """A refund PortOne has taken and carries out later, on the one channel that works so."""
        purchase = self._world.prepared(customer, TOTAL, name=f"sold for {name}")
        self._world.open_window(purchase, channelKey=ASYNC_CHANNEL)
        self._arena.portone.approve(purchase.payment_id)
        self._world.quiet(purchase)
        self._world.admin.cancel(purchase.payment_id, 4_000, reason=name, wait=0)
        self._world.wait(lambda: self._requested(purchase.payment_id) is not None)
        self._world.books.wait_quiet(purchase.payment_id)
        refund = self._requested(purchase.payment_id)
        return Case(
            "stop_cancellation", name, lambda: self._world.admin.rpc("stop_cancellation", id=str(refund))
        )

    def _requested(self, payment_id: str) -> object:
        found = [
            row["id"]
            for row in self._world.books.cancellations(payment_id)
            if row["status"] == "requested" and row["cancellation_id"]
        ]
        return found[0] if found else None

    def _close_virtual_account(self, customer: Shopper, name: str) -> Case:
        purchase = self._world.prepared(customer, TOTAL, "VIRTUAL_ACCOUNT", name=name)
        self._world.open_window(purchase)
        self._arena.portone.issue_virtual_account(purchase.payment_id)
        self._world.quiet(purchase)
        arguments = {"payment_id": purchase.payment_id, "reason": name}
        return Case("close_virtual_account", name, lambda: customer.rpc("request_cancellation", **arguments))

    def _confirm_payment(self, customer: Shopper, name: str) -> Case:
        purchase = self._world.prepared(customer, TOTAL, name=name)
        opened = self._world.open_window(purchase, channelKey=MANUAL_CHANNEL)
        self._arena.portone.approve(purchase.payment_id)
        token = self._arena.portone.payment_token(purchase.payment_id)
        self._world.quiet(purchase)
        arguments = {"payment_id": purchase.payment_id, "payment_token": token, "tx_id": opened["txId"]}
        return Case("confirm_payment", name, lambda: customer.rpc("request_confirmation", **arguments))

    def _register_billing_key(self, customer: Shopper, name: str) -> Case:
        issue, key = self._card_window(customer)
        self._arena.portone.hold_webhooks()  # else the webhook would register it first
        self._arena.portone.issue_billing_key(key)
        self._arena.portone.deliver_webhooks()
        arguments = {"billing_key": key, "issue_id": issue["issueId"]}
        return Case(
            "register_billing_key",
            issue["issueId"],
            lambda: customer.rpc("register_billing_key", **arguments),
        )

    def _charge_billing_key(self, customer: Shopper, name: str) -> Case:
        card, _ = self._card(customer)
        arguments = {"order_id": self._world.order(customer, TOTAL, name), "billing_key_id": card}
        return Case("charge_billing_key", name, lambda: customer.rpc("request_billing_payment", **arguments))

    def _create_schedule(self, customer: Shopper, name: str) -> Case:
        card, _ = self._card(customer)
        arguments = self._schedule(customer, card, name)
        return Case("create_schedule", name, lambda: customer.rpc("request_schedule", **arguments))

    def _revoke_schedule(self, customer: Shopper, name: str) -> Case:
        card, _ = self._card(customer)
        made = customer.post("/schedules", self._schedule(customer, card, name)).result["scheduleId"]
        return Case("revoke_schedule", name, lambda: customer.rpc("revoke_schedule", id=made))

    def _delete_billing_key(self, customer: Shopper, name: str) -> Case:
        card, issue_id = self._card(customer)
        _ = customer.post("/schedules", self._schedule(customer, card, name)).result
        return Case("delete_billing_key", issue_id, lambda: customer.rpc("delete_billing_key", id=card))

    def _sync_billing_key(self, customer: Shopper, name: str) -> Case:
        """A webhook: the card is saved, and nobody says so."""
        issue, key = self._card_window(customer)

        def save() -> None:
            self._arena.portone.issue_billing_key(key)

        return Case("sync_billing_key", issue["issueId"], save)

    def _read_identity(self, customer: Shopper, name: str) -> Case:
        check = verified_at_portone(self._arena, customer, _address(self._count))
        arguments = {"id": check["id"]}
        return Case(
            "read_identity", name, lambda: customer.rpc("complete_identity_verification", **arguments)
        )

    def _schedule(self, customer: Shopper, card: str, name: str) -> dict[str, Any]:
        (row,) = self._world.books.rows(
            "select private.iso(private.now() + make_interval(secs => %s)) as at", _TWO_DAYS
        )
        order_id = self._world.order(customer, TOTAL, name)
        return {"order_id": order_id, "billing_key_id": card, "time_to_pay": row["at"]}

    def _card_window(self, customer: Shopper) -> tuple[dict[str, Any], str]:
        issue = customer.rpc("request_billing_key_issue", consent=True).body
        opened = self._arena.portone.open_billing_window(
            storeId=STORE_ID, channelKey=BILLING_CHANNEL, billingKeyMethod="CARD",
            issueId=issue["issueId"], issueName=issue["issueName"], customer={"customerId": issue["customerId"]},
        )  # fmt: skip
        return issue, opened["billingKey"]

    def _card(self, customer: Shopper) -> tuple[str, str]:
        issue, key = self._card_window(customer)
        self._arena.portone.issue_billing_key(key)
        reported = {"billing_key": key, "issue_id": issue["issueId"]}
        return customer.post("/billing-keys", reported).result["billingKeyId"], issue["issueId"]
