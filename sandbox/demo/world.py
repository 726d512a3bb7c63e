"""Decides what the journey takes place in: a running stack, its people, its shop, PortOne and the books."""

from __future__ import annotations

import itertools
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.demo.books import Books
from sandbox.demo.legacy import upgrade_legacy_shop
from sandbox.demo.shopper import Shopper
from sandbox.portone.control_client import SimulatorControl
from sandbox.stack.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from sandbox.demo.legacy import LegacyPayment
    from sandbox.supabase.project import Supabase

LOG_FILE = "logs/combined.log"


@dataclass(frozen=True, slots=True)
class Purchase:
    """An order and its payment; `window` is what the browser opens the payment window with."""

    order_id: str
    payment_id: str
    total: int
    window: dict[str, Any]


class World:
    """Everything a step needs; make one with `running_world`."""

    def __init__(self, stack: Stack, legacy: list[LegacyPayment]) -> None:
        self.stack = stack
        self.legacy = legacy
        self.portone = SimulatorControl(stack.portone_control_url)
        self.books = Books(stack.endpoint, self.portone)
        self._people: list[Shopper] = []
        self._numbers = itertools.count(1)
        self.admin = self._person("ada", {"role": "admin"})
        self.anon = self._keep(Shopper(stack.endpoint, stack.worker_url))
        self.server = self._keep(Shopper(stack.endpoint, stack.worker_url, api_key=stack.endpoint.secret_key))

    @property
    def log_file(self) -> Path:
        """The worker's log file as `LOG_FILE` names it."""
        return self.stack.workdir / LOG_FILE

    def customer(self, name: str = "mina") -> Shopper:
        """Return a new signed-in customer."""
        return self._person(name, None)

    def order(self, customer: Shopper, total: int, name: str = "Desk lamp", tax_free: int = 0) -> str:
        """Have the shop's own server write down an order; return its id."""
        fields = {"user_id": customer.user_id, "order_name": name, "total_amount": total}
        reply = self.server.rest("POST", "orders", {**fields, "tax_free_amount": tax_free})
        if reply.status != 201:
            raise AssertionError(
                f"the shop's server could not write an order: HTTP {reply.status} {reply.body}"
            )
        order_id: str = reply.body[0]["id"]
        return order_id

    def prepared(
        self, customer: Shopper, total: int, method: str = "CARD", name: str = "Desk lamp", tax_free: int = 0
    ) -> Purchase:
        """Order something and prepare its payment."""
        order_id = self.order(customer, total, name, tax_free)
        window = customer.pay(order_id, method).result
        return Purchase(order_id, window["paymentId"], total, window)

    def paid(self, customer: Shopper, total: int, **order: Any) -> Purchase:
        """Order something, pay it in the window and wait until webhooks have brought the news."""
        purchase = self.prepared(customer, total, **order)
        self.open_window(purchase)
        self.portone.approve(purchase.payment_id)
        self.quiet(purchase)
        return purchase

    def open_window(self, purchase: Purchase, **changes: Any) -> dict[str, Any]:
        """Open the payment window as the browser SDK does; raises `AssertionError` when PortOne refuses."""
        opened = self.portone.open_window(**{**purchase.window, **changes})
        if "code" in opened:
            raise AssertionError(f"PortOne refused the payment window: {opened['code']}, {opened['message']}")
        return opened

    def quiet(self, purchase: Purchase) -> None:
        """Wait until all webhooks were delivered and everything they asked for is done."""
        self.portone.settle()
        self.books.wait_quiet(purchase.payment_id)

    def cancel_calls(self, purchase: Purchase) -> list[dict[str, Any]]:
        """Return the cancel calls PortOne received for a payment, oldest first."""
        return self.portone.requests(path=f"/payments/{purchase.payment_id}/cancel", method="POST")

    def advance(self, seconds: float) -> None:
        """Let time pass here and at PortOne alike."""
        self.books.advance_clock(seconds)
        self.portone.advance_clock(seconds)

    def wait(self, reached: Callable[[], bool], within: float = 15.0) -> None:
        """Wait until something has come about by itself; raises `TimeoutError`."""
        deadline = time.monotonic() + within
        while not reached():
            if time.monotonic() > deadline:
                raise TimeoutError(f"it did not come about within {within:.0f} s")
            time.sleep(0.05)

    def calm(self) -> None:
        """Undo what a step may have left: faults, held webhooks, a dead worker."""
        self.portone.clear_faults()
        self.portone.deliver_webhooks()
        self.portone.release_webhooks()
        if not any(child.name == "portone-worker" and child.alive() for child in self.stack.children()):
            self.stack.kill_worker()
            self.stack.start_worker()

    def close(self) -> None:
        """Close all connections; the stack goes on."""
        for person in self._people:
            person.close()
        self.books.close()
        self.portone.close()

    def _person(self, name: str, app_metadata: dict[str, Any] | None) -> Shopper:
        supabase = self.stack.supabase
        user_id = supabase.create_user(f"{name}-{next(self._numbers)}-{id(self)}@example.com")
        token = supabase.mint_jwt(user_id, app_metadata=app_metadata)
        return self._keep(Shopper(self.stack.endpoint, self.stack.worker_url, token=token, user_id=user_id))

    def _keep(self, person: Shopper) -> Shopper:
        self._people.append(person)
        return person


@contextmanager
def running_world(
    workdir: Path | None = None,
    *,
    supabase: Supabase | None = None,
    worker_env: Mapping[str, str] | None = None,
) -> Iterator[World]:
    """Start everything, yield the world, stop everything that was started.

    Without `supabase` the database is a legacy shop's that is upgraded on the way (157 payments).
    """
    legacy: list[LegacyPayment] = []
    stack = Stack(workdir, supabase=supabase, worker_env={"LOG_FILE": LOG_FILE, **(worker_env or {})})
    try:
        stack.start(lambda project: legacy.extend(upgrade_legacy_shop(project)))
        world = World(stack, legacy)
        try:
            yield world
        finally:
            world.close()
    finally:
        stack.stop()
