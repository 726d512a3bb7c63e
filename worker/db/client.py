"""The one wrapper around Supabase's PostgREST client: calls a function as the worker or as a user, maps errors.

``postgrest`` names the address and the headers; bodies are written and answers read here, because its own error drops
the HTTP status, it never repeats a POST anyway, and batches are large enough for the encoder to matter. Sockets come
from our pool.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx
import orjson
from postgrest import AsyncPostgrestClient

from worker.correlation import HEADER, current
from worker.db.calls import check_call
from worker.db.clean import encode_json
from worker.db.faults import database_error, no_right, unreachable
from worker.errors import DatabaseUnavailable, Misconfigured
from worker.http_answers import HttpFailure, Unsendable
from worker.settings_checks import is_legacy_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker.http_answers import Answer
    from worker.http_pool import HttpPool


def database_timeout(seconds: float) -> httpx.Timeout:
    """Return the timeouts for Supabase; ``seconds`` bounds the wait for an answer."""
    return httpx.Timeout(connect=min(5.0, seconds), read=seconds, write=seconds, pool=seconds)


@dataclass(frozen=True, slots=True)
class _Rpc:
    """How one function is called: the path below the API's address, and what PostgREST must be told beside the key."""

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)


class Database:
    """Calls SQL functions through ``<SUPABASE_URL>/rest/v1/rpc/<function>``."""

    def __init__(self, *, url: str, secret_key: str, publishable_key: str, pool: HttpPool) -> None:
        self._url = f"{url}/rest/v1"
        self._pool = pool
        self._publishable_key = publishable_key
        self._rpcs: dict[str, _Rpc] = {}
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
        return await self._answer(relation, "GET", f"/{relation}", self._service_headers, query=query)

    async def nobody_may_read(self, relation: str) -> bool:
        """Ask for a table with the publishable key alone; False = the key was taken and has no right to it.

        Raises ``Rejected`` for a key Supabase does not take, otherwise as ``call``.
        """
        headers = {"apikey": self._publishable_key}
        answer = await self._exchange(relation, "GET", f"/{relation}", headers, query={"limit": "0"})
        if answer.is_success:
            return True
        if no_right(answer):
            return False
        raise database_error(answer, function=relation, as_user=True)

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
        rpc = self._rpc(function)
        headers = {**rpc.headers, **headers}
        request_id = current()
        if request_id is not None:
            headers[HEADER] = request_id
        return await self._answer(
            function, rpc.method, rpc.path, headers, content=encode_json(params), as_user=as_user
        )

    def _rpc(self, function: str) -> _Rpc:
        known = self._rpcs.get(function)
        if known is None:
            known = self._rpcs[function] = _named_by_postgrest(self._url, function)
        return known

    async def _answer(
        self,
        what: str,
        method: str,
        path: str,
        headers: Mapping[str, str],
        *,
        query: Mapping[str, str] | None = None,
        content: bytes | None = None,
        as_user: bool = False,
    ) -> object:
        answer = await self._exchange(what, method, path, headers, query=query, content=content)
        if not answer.is_success:
            raise database_error(answer, function=what, as_user=as_user)
        return _decoded(answer, what)

    async def _exchange(
        self,
        what: str,
        method: str,
        path: str,
        headers: Mapping[str, str],
        *,
        query: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        try:
            return await self._pool.request(
                method, f"{self._url}{path}", headers=headers, query=query, content=content
            )
        except Unsendable:
            raise Misconfigured(
                "DATABASE_REQUEST_INVALID",
                "SUPABASE_URL: no request can be sent with it; correct it.",
                korean="SUPABASE_URL: 이 주소로 요청을 보낼 수 없습니다. 고쳐 주세요.",
            ) from None
        except HttpFailure:
            raise unreachable(what) from None


def _named_by_postgrest(url: str, function: str) -> _Rpc:
    """Ask ``postgrest`` how a function is called: its client costs as much as the call, so it is asked once each."""
    rest = AsyncPostgrestClient(
        url,
        headers={},
        http_client=httpx.AsyncClient(transport=httpx.AsyncBaseTransport()),
        retry_enabled=False,
    )
    request = rest.rpc(function, {}).request
    path = str(request.path).removeprefix(url)
    return _Rpc(request.http_method, path, {**request.headers, "content-type": "application/json"})


def _decoded(answer: Answer, function: str) -> object:
    if not answer.content:
        return None
    try:
        return orjson.loads(answer.content)
    except ValueError:
        raise DatabaseUnavailable(
            "DATABASE_NOT_REACHABLE", f"{function} was not answered by PostgREST", status=answer.status_code
        ) from None
