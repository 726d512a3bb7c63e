"""Decides how tests do over HTTP and SQL what happened before the page was opened."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx
import psycopg
from psycopg.rows import dict_row

from sandbox.shop.people import sign_up

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.portone.control_client import SimulatorControl
    from sandbox.shop.people import Account
    from sandbox.stack.with_shop import StackWithShop

T = TypeVar("T")
_numbers = itertools.count(1)
_WAIT_SECONDS = 30.0


def until(what: str, look: Callable[[], T | None]) -> T:
    """Look until there is something. Raises ``AssertionError`` after half a minute."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < deadline:
        found = look()
        if found is not None:
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited in vain for {what}")


def new_account(running: StackWithShop) -> Account:
    """Somebody who has just signed up."""
    return sign_up(running.stack.endpoint, f"somebody-{next(_numbers)}-{time.time_ns()}@example.com")


class Server:
    """The secret key, and SQL as superuser."""

    def __init__(self, running: StackWithShop) -> None:
        endpoint = running.stack.endpoint
        self._api = httpx.Client(
            base_url=f"{endpoint.api_url}/rest/v1", headers={"apikey": endpoint.secret_key}, timeout=30.0
        )
        self._database = psycopg.connect(endpoint.admin_db_url, autocommit=True, row_factory=dict_row)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._api.close()
        self._database.close()

    def call(self, function: str, **arguments: Any) -> Any:
        """Call a function as the service role."""
        answer = self._api.post(f"/rpc/{function}", json=arguments)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """Read with SQL."""
        return self._database.execute(sql, values).fetchall()

    def run(self, sql: str, *values: object) -> None:
        """Write with SQL."""
        self._database.execute(sql, values)


class Buyer:
    """A customer of the shop without a browser."""

    def __init__(self, running: StackWithShop, portone: SimulatorControl) -> None:
        self._portone = portone
        endpoint = running.stack.endpoint
        account = new_account(running)
        signed_in = httpx.post(
            f"{endpoint.api_url}/auth/v1/token?grant_type=password",
            headers={"apikey": endpoint.publishable_key},
            json={"email": account.email, "password": account.password},
            timeout=30.0,
        ).json()
        token = {"authorization": f"Bearer {signed_in['access_token']}"}
        self._api = httpx.Client(
            base_url=endpoint.api_url, headers={"apikey": endpoint.publishable_key, **token}, timeout=30.0
        )
        self._worker = httpx.Client(base_url=running.stack.worker_url, headers=token, timeout=60.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._api.close()
        self._worker.close()

    def buys(self, product: str = "dripper", quantity: int = 1, method: str = "CARD") -> str:
        """Order, pay, complete; return the payment id of what is now paid."""
        order = self._api.post(
            "/rest/v1/rpc/place_order", json={"product_id": product, "quantity": quantity}
        ).json()
        asked = self._worker.post("/payments", json={"order_id": order["id"], "pay_method": method}).json()
        window = asked["result"]
        payment_id = str(window["paymentId"])
        self._portone.open_window(**window)
        if method == "VIRTUAL_ACCOUNT":
            self._portone.issue_virtual_account(payment_id)
            self._portone.deposit(payment_id)
        else:
            self._portone.approve(payment_id)
        completed = self._worker.post(f"/payments/{payment_id}/complete", json={})
        assert completed.json()["status"] == "succeeded", completed.text
        return payment_id
