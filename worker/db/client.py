"""The one wrapper around Supabase's PostgREST client: calls a function as the worker or as a user, maps errors.

``postgrest`` names the address and the headers; bodies are written and answers read here, because its own error drops
the HTTP status, it never repeats a POST anyway, and batches are large enough for the encoder to matter. Sockets come
from our pool.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import orjson
from postgrest import AsyncPostgrestClient

from worker.correlation import HEADER, current
from worker.db.calls import check_call
from worker.db.clean import encode_json
from worker.db.faults import database_error, no_right, unreachable
from worker.errors import DatabaseUnavailable, Misconfigured
from worker.settings_checks import is_legacy_key

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from worker.http_pool import HttpPool


def database_timeout(seconds: float) -> httpx.Timeout:
    """Return the timeouts for Supabase; ``seconds`` bounds the wait for an answer."""
    return httpx.Timeout(connect=min(5.0, seconds), read=seconds, write=seconds, pool=seconds)


class Database:
    """Calls SQL functions through ``<SUPABASE_URL>/rest/v1/rpc/<function>``."""

    def __init__(self, *, url: str, secret_key: str, publishable_key: str, pool: HttpPool) -> None:
        self._url = f"{url}/rest/v1"
        self._pool = pool
        self._publishable_key = publishable_key
        self._service_headers = {"apikey": secret_key}
        if is_legacy_key(secret_key):
            self._service_headers["Authorization"] = f"Bearer {secret_key}"

    async def call(self, function: str, params: Mapping[str, object]) -> object:
        """Call ``function`` as the worker (service role) and return the decoded JSON answer.

        Raises ``DatabaseUnavailable`` (nothing known), ``DatabaseFault``, ``Rejected`` (4xx), ``Misconfigured``.
        """
        return await self._send(function, params, self._service_headers, as_user=False)

    async def read(self, relation: str, columns: Sequence[str], filters: Mapping[str, str]) -> object:
        """Read a table or view as the worker; ``filters`` are PostgREST's query parameters. Raises as ``call``."""
        query = {"select": ",".join(columns), **filters}

        def get(session: httpx.AsyncClient) -> Awaitable[httpx.Response]:
            return session.get(f"{self._url}/{relation}", params=query, headers=self._service_headers)

        return await self._answer(relation, get, as_user=False)

    async def nobody_may_read(self, relation: str) -> bool:
        """Ask for a table with the publishable key alone; False = the key was taken and has no right to it.

        Raises ``Rejected`` for a key Supabase does not take, otherwise as ``call``.
        """
        headers = {"apikey": self._publishable_key}
        try:
            with self._pool.borrow() as session:
                response = await session.get(
                    f"{self._url}/{relation}", params={"limit": "0"}, headers=headers
                )
        except httpx.HTTPError:
            raise unreachable(relation) from None
        if response.is_success:
            return True
        if no_right(response):
            return False
        raise database_error(response, function=relation, as_user=True)

    async def call_as_user(self, function: str, params: Mapping[str, object], *, token: str) -> object:
        """Call ``function`` with the caller's own JWT and the publishable key; row level security applies.

        Raises ``Rejected`` with ``status`` 401 for a token PostgREST does not accept, otherwise as ``call``.
        """
        headers = {"apikey": self._publishable_key, "Authorization": f"Bearer {token}"}
        return await self._send(function, params, headers, as_user=True)

    async def _send(
        self, function: str, params: Mapping[str, object], headers: Mapping[str, str], *, as_user: bool
    ) -> object:
        check_call(function, params, "user" if as_user else "worker")
        content = encode_json(params)
        request_id = current()
        if request_id is not None:
            headers = {**headers, HEADER: request_id}

        def post(session: httpx.AsyncClient) -> Awaitable[httpx.Response]:
            rest = AsyncPostgrestClient(
                self._url, headers=dict(headers), http_client=session, retry_enabled=False
            )
            request = rest.rpc(function, {}).request
            return session.request(
                request.http_method,
                str(request.path),
                content=content,
                headers={**request.headers, "Content-Type": "application/json"},
            )

        return await self._answer(function, post, as_user=as_user)

    async def _answer(
        self, what: str, send: Callable[[httpx.AsyncClient], Awaitable[httpx.Response]], *, as_user: bool
    ) -> object:
        try:
            with self._pool.borrow() as session:
                response = await send(session)
        except (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.LocalProtocolError):
            raise Misconfigured(
                "DATABASE_REQUEST_INVALID", "SUPABASE_URL: no request can be sent with it; correct it."
            ) from None
        except httpx.HTTPError:
            raise unreachable(what) from None
        if not response.is_success:
            raise database_error(response, function=what, as_user=as_user)
        return _decoded(response, what)


def _decoded(response: httpx.Response, function: str) -> object:
    if not response.content:
        return None
    try:
        return orjson.loads(response.content)
    except ValueError:
        raise DatabaseUnavailable(
            "DATABASE_NOT_REACHABLE", f"{function} was not answered by PostgREST", status=response.status_code
        ) from None
