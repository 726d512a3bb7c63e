"""Decides how a customer asks while everything breaks: at either door, with one key, until somebody has said yes or no."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
from psycopg.rows import dict_row

from sandbox.chaos.ledger import Ask

if TYPE_CHECKING:
    import random

    from sandbox.chaos.arena import Arena
    from sandbox.chaos.wishes import Wish

_PATIENCE = 90.0
_PATIENCE_AT_THE_END = 4.0
_LOOK_SECONDS = 0.15
# What says nothing about the request: ask again with the same key.
_AGAIN = frozenset({401, 408, 429, 500, 502, 503, 504})


class Enough(Exception):
    """The run has as many operations as it wants, or this one takes too long: the journey ends here."""


class Doors:
    """Asks, and waits for the end of what was accepted; use it from one event loop."""

    def __init__(self, arena: Arena, operations: int, dice: random.Random) -> None:
        self._arena = arena
        self._left = operations
        self._dice = dice
        self._count = 0
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        endpoint = arena.stack.endpoint
        limits = httpx.Limits(max_connections=24)
        self._api = httpx.AsyncClient(
            base_url=endpoint.api_url, limits=limits, timeout=20, trust_env=False,
            headers={"apikey": endpoint.publishable_key},
        )  # fmt: skip
        self._worker = httpx.AsyncClient(
            base_url=arena.stack.worker_url, limits=limits, timeout=20, trust_env=False
        )

    @property
    def full(self) -> bool:
        """Say whether no further operation is wanted."""
        return self._left <= 0

    async def close(self) -> None:
        """Close the connections."""
        await self._api.aclose()
        await self._worker.aclose()

    async def done(self, token: str, wish: Wish) -> dict[str, Any]:
        """Ask and wait; the result of a success. Raises `Enough` for everything else."""
        row = await self.ended(token, wish)
        if row is None or row["status"] != "succeeded":
            raise Enough
        result: dict[str, Any] = row["result"] or {}
        return result

    async def ended(self, token: str, wish: Wish) -> dict[str, Any] | None:
        """Ask and wait until the operation has ended; None when it was refused."""
        if self.full:
            raise Enough
        self._left -= 1
        self._count += 1
        ask = self._arena.ledger.ask(Ask(wish.kind, wish.mark, wish.may_fail))
        await self._ask(token, wish, ask, f"chaos-key-{self._count:06}")
        if ask.operation_id is None:
            return None
        future = self._waiting.setdefault(ask.operation_id, asyncio.get_running_loop().create_future())
        deadline = time.monotonic() + _PATIENCE
        while not future.done():
            if time.monotonic() > deadline:
                raise Enough
            if self._left <= 0:
                # Nothing more can be asked for: what is still open ends when the run comes to rest.
                deadline = min(deadline, time.monotonic() + _PATIENCE_AT_THE_END)
            await asyncio.wait([future], timeout=1.0)
        return future.result()

    async def call(self, token: str, function: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Call a function that answers at once, again until it does."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            reply = await self._send(self._api, "POST", f"/rest/v1/rpc/{function}", token, arguments)
            if reply is not None and reply.status_code == 200:
                answer: dict[str, Any] = reply.json()
                return answer
            await asyncio.sleep(0.3)
        raise Enough

    async def _ask(self, token: str, wish: Wish, ask: Ask, key: str) -> None:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            reply = await self._knock(token, wish, key)
            if reply is not None and reply.status_code not in _AGAIN:
                body = reply.json()
                if reply.status_code in (200, 202):
                    ask.operation_id = body["id"]
                else:
                    ask.refused = _code(body) or f"HTTP {reply.status_code}"
                return
            await asyncio.sleep(self._dice.uniform(0.1, 0.6))

    async def _knock(self, token: str, wish: Wish, key: str) -> httpx.Response | None:
        if self._dice.random() < 0.5:
            arguments = {**wish.arguments, "idempotency_key": key}
            return await self._send(self._api, "POST", f"/rest/v1/rpc/{wish.function}", token, arguments)
        if wish.method == "DELETE":
            return await self._send(
                self._worker, "DELETE", f"{wish.route}?idempotency_key={key}", token, None
            )
        return await self._send(
            self._worker, "POST", wish.route, token, {**wish.body, "idempotency_key": key}
        )

    async def _send(
        self, client: httpx.AsyncClient, method: str, path: str, token: str, body: dict[str, Any] | None
    ) -> httpx.Response | None:
        headers = {"authorization": f"Bearer {token}", "prefer": "wait=0"}
        try:
            return await client.request(method, path, json=body, headers=headers)
        except httpx.TransportError:
            return None

    async def watch(self) -> None:
        """Look for ended operations until cancelled, straight in the table: the waiting itself is not on trial."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            names = [name for name, future in self._waiting.items() if not future.done()]
            if not names:
                continue
            for row in await asyncio.to_thread(self._look, names):
                self._waiting[str(row["id"])].set_result(row)

    def _look(self, names: list[str]) -> list[dict[str, Any]]:
        try:
            with psycopg.connect(
                self._arena.stack.endpoint.admin_db_url, row_factory=dict_row, connect_timeout=5
            ) as db:
                return db.execute(
                    "select id, status::text, result, error from public.payment_operations "
                    "where id = any(%s::uuid[]) and status <> 'pending'", (names,),
                ).fetchall()  # fmt: skip
        except psycopg.Error:
            return []


def _code(body: Any) -> str | None:
    """Return the error's code, whichever door it came from."""
    if not isinstance(body, dict):
        return None
    inner = body.get("error")
    if isinstance(inner, dict):
        return str(inner.get("code"))
    details = body.get("details") or body.get("detail")
    if isinstance(details, str) and '"code"' in details:
        return details.partition('"code"')[2].split('"')[1]
    return str(body.get("code"))
