"""Decides how people of the journey speak: over HTTP only, with their own token, as an app would."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from sandbox.setup.tls import certificates

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sandbox.supabase.endpoint import SupabaseEndpoint

_TIMEOUT = 40.0


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: HTTP status, JSON body (None when there is none) and lower-case headers."""

    status: int
    body: Any
    headers: dict[str, str]

    @property
    def error(self) -> dict[str, Any]:
        """The error of a refusal, the worker's `{"error": …}` or PostgREST's own shape; else empty."""
        if not isinstance(self.body, dict):
            return {}
        inner = self.body.get("error")
        return inner if isinstance(inner, dict) else self.body

    @property
    def code(self) -> str | None:
        """The error's code."""
        code: str | None = self.error.get("code")
        return code

    @property
    def result(self) -> dict[str, Any]:
        """The result of a finished operation; raises `AssertionError` with the whole answer otherwise."""
        finished = isinstance(self.body, dict) and self.body.get("status") == "succeeded"
        if self.status != 200 or not finished:
            raise AssertionError(f"the operation did not succeed: HTTP {self.status} {self.body}")
        result: dict[str, Any] = self.body["result"]
        return result


class Shopper:
    """Somebody with an access token (or none), at Supabase's API and at the worker.

    `api_key` is the publishable key for people and the secret key for the shop's own server.
    """

    def __init__(
        self,
        endpoint: SupabaseEndpoint,
        worker_url: str,
        *,
        token: str | None = None,
        api_key: str | None = None,
        user_id: str = "",
    ) -> None:
        self.user_id = user_id
        self.token = token
        key = api_key or endpoint.publishable_key
        bearer = token or (api_key if api_key is not None else None)
        signed = {"authorization": f"Bearer {bearer}"} if bearer else {}
        self._supabase = httpx.Client(
            base_url=endpoint.api_url,
            headers={"apikey": key, **signed},
            timeout=_TIMEOUT,
            trust_env=False,
            verify=certificates(),
        )
        self._worker = httpx.Client(
            base_url=worker_url, headers=signed, timeout=_TIMEOUT, trust_env=False, verify=certificates()
        )

    def close(self) -> None:
        """Close the connections."""
        self._supabase.close()
        self._worker.close()

    # -- Supabase -----------------------------------------------------------------------------------------

    def rest(self, method: str, path: str, json: Any = None, **params: str) -> Reply:
        """Call Supabase's REST API, rows come back from writes too."""
        headers = {"prefer": "return=representation"} if method != "GET" else {}
        reply = self._supabase.request(method, f"/rest/v1/{path}", json=json, params=params, headers=headers)
        return _reply(reply)

    def select(self, table: str, columns: str = "*", **filters: str) -> list[dict[str, Any]]:
        """Return rows as row level security lets them be seen; raises `AssertionError` on a refusal."""
        reply = self.rest("GET", table, select=columns, **filters)
        if reply.status != 200:
            raise AssertionError(f"reading {table} was refused: HTTP {reply.status} {reply.body}")
        rows: list[dict[str, Any]] = reply.body
        return rows

    def rpc(self, function: str, **arguments: Any) -> Reply:
        """Call a database function."""
        return self.rest("POST", f"rpc/{function}", arguments)

    # -- the worker ---------------------------------------------------------------------------------------

    def post(self, path: str, json: Any = None, *, wait: int | None = None, **options: Any) -> Reply:
        """POST to the worker; `wait` seconds for the result (its default: 15), `options` as httpx takes them."""
        headers = {**options.pop("headers", {}), **({"prefer": f"wait={wait}"} if wait is not None else {})}
        if json is not None:
            options["json"] = json
        return _reply(self._worker.post(path, headers=headers, **options))

    def get(self, path: str, *, wait: int | None = None) -> Reply:
        """GET from the worker."""
        headers = {"prefer": f"wait={wait}"} if wait is not None else {}
        return _reply(self._worker.get(path, headers=headers))

    def delete(self, path: str, *, wait: int | None = None) -> Reply:
        """DELETE at the worker."""
        headers = {"prefer": f"wait={wait}"} if wait is not None else {}
        return _reply(self._worker.delete(path, headers=headers))

    def pay(self, order_id: str, method: str = "CARD", *, wait: int | None = None) -> Reply:
        """Ask to pay an order."""
        return self.post("/payments", {"order_id": order_id, "pay_method": method}, wait=wait)

    def complete(self, payment_id: str, *, wait: int | None = None) -> Reply:
        """Tell the worker that the payment window has closed."""
        return self.post(f"/payments/{payment_id}/complete", wait=wait)

    def cancel(
        self, payment_id: str, amount: int | None = None, *, wait: int | None = None, **fields: Any
    ) -> Reply:
        """Ask for money back; without `amount` everything left. `fields` go into the body as they are."""
        body = {"reason": "changed my mind", **fields, **({"amount": amount} if amount is not None else {})}
        return self.post(f"/payments/{payment_id}/cancel", body, wait=wait)

    def operation(self, operation_id: str, *, wait: int | None = None) -> Reply:
        """Read an operation; with `wait` until it is finished."""
        return self.get(f"/operations/{operation_id}", wait=wait)


def at_once(calls: Sequence[Callable[[], Reply]]) -> list[Reply]:
    """Make all calls at the same time and return their answers in the same order."""
    with ThreadPoolExecutor(max_workers=len(calls)) as pool:
        return [waiting.result() for waiting in [pool.submit(call) for call in calls]]


def _reply(reply: httpx.Response) -> Reply:
    try:
        body = reply.json()
    except ValueError:
        body = None
    return Reply(reply.status_code, body, {name.lower(): value for name, value in reply.headers.items()})
