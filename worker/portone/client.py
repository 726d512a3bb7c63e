"""Decides how one HTTP request to PortOne is sent and what counts as "not known whether it happened"."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx
import orjson

from worker.correlation import current
from worker.errors import Misconfigured, Transient, WorkerError
from worker.http_answers import NoAnswer, NotSent, Unsendable
from worker.logs import get_logger
from worker.portone.faults import fault
from worker.tracing import TRACING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker.http_answers import Answer
    from worker.http_pool import HttpPool

_SLOW_SECONDS = 1.0
_KEY = re.compile(r"[A-Za-z0-9_-]{16,256}")


def portone_timeout(read_seconds: float) -> httpx.Timeout:
    """Return the timeouts for PortOne (docs: read timeout of at least 60 s, processing goes on after a disconnect)."""
    return httpx.Timeout(connect=5, read=read_seconds, write=10, pool=10)


def quoted_key(idempotency_key: str) -> str:
    """Return the header value: an RFC 8941 string of 16 to 256 characters (docs: Idempotency-Key).

    Raises ValueError for a key outside the recommended alphabet or length.
    """
    if not _KEY.fullmatch(idempotency_key):
        raise ValueError("an idempotency key is 16-256 characters of A-Z a-z 0-9 - _")
    return f'"{idempotency_key}"'


class PortOneClient:
    """Sends requests with the API secret; every other module of this package goes through ``request``."""

    def __init__(
        self,
        *,
        base_url: str,
        api_secret: str,
        store_id: str,
        pool: HttpPool,
        setting: str = "PORTONE_API_SECRET",
        note: Callable[[str, float, str | None], None] | None = None,
    ) -> None:
        """``setting`` is where the secret comes from: what a person must renew when PortOne refuses it.

        ``note`` is told of every request: what was called, seconds, the error's code or None.
        """
        self._base_url = base_url
        self._api_secret = api_secret
        self._pool = pool
        self._setting = setting
        self._note = note
        self.store_id = store_id

    def for_store(self, store_id: str) -> PortOneClient:
        """Return a client with the same secret for another store that secret may cover (docs: storeId)."""
        return PortOneClient(
            base_url=self._base_url,
            api_secret=self._api_secret,
            store_id=store_id,
            pool=self._pool,
            setting=self._setting,
            note=self._note,
        )

    async def request(
        self,
        method: str,
        *segments: str,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        idempotency_key: str | None = None,
    ) -> dict[str, object]:
        """Send one request and return the JSON object of a 2xx answer.

        ``segments`` are path parts, each percent-encoded in full. ``body`` is sent byte for byte. Raises the branch
        chosen by ``faults``; ``Transient`` with ``outcome_unknown`` False only when nothing was sent.
        """
        call = call_name(method, segments)
        started = time.perf_counter()
        code: str | None = None
        try:
            with TRACING.span(f"portone {call}", request_id=current()):
                return await self._exchange(method, segments, query, body, idempotency_key)
        except WorkerError as error:
            code = error.code
            raise
        finally:
            self._noted(call, time.perf_counter() - started, code)

    def _noted(self, call: str, seconds: float, code: str | None) -> None:
        if self._note is not None:
            self._note(call, seconds, code)
        # A read that went well is worth a line only to whoever asks for all of them.
        quiet = code is None and call.startswith("GET") and seconds < _SLOW_SECONDS
        if quiet:
            get_logger().debug("portone answered", verb=call, seconds=round(seconds, 3))
        else:
            get_logger().info("portone answered", verb=call, seconds=round(seconds, 3), code=code)

    async def _exchange(
        self,
        method: str,
        segments: Sequence[str],
        query: Mapping[str, str] | None,
        body: bytes | None,
        idempotency_key: str | None,
    ) -> dict[str, object]:
        url = f"{self._base_url}/{'/'.join(quote(segment, safe='') for segment in segments)}"
        headers = {"Authorization": f"PortOne {self._api_secret}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if idempotency_key is not None:
            headers["Idempotency-Key"] = quoted_key(idempotency_key)
        try:
            answer = await self._pool.request(method, url, query=query, content=body, headers=headers)
        except NotSent:
            raise Transient(
                "PORTONE_UNREACHABLE", "PortOne could not be reached.", outcome_unknown=False
            ) from None
        except Unsendable:
            raise Misconfigured(
                "PORTONE_REQUEST_INVALID",
                "PORTONE_API_URL: no request can be sent with it; correct it.",
                korean="PORTONE_API_URL: 이 주소로 요청을 보낼 수 없습니다. 고쳐 주세요.",
            ) from None
        except NoAnswer as none:
            if none.late:
                raise Transient("PORTONE_TIMEOUT", "PortOne did not answer in time.") from None
            raise Transient(
                "PORTONE_CONNECTION_LOST", "The connection to PortOne broke before the answer."
            ) from None
        if not answer.is_success:
            raise fault(
                answer.status_code,
                answer.content,
                answer.headers,
                setting=self._setting,
                store_id=self.store_id,
            )
        return _json_object(answer)


def call_name(method: str, segments: Sequence[str]) -> str:
    """Return what is called without whom it is about: ``POST payments/cancel``. Every second part is an id."""
    return f"{method} {'/'.join(segments[::2] if len(segments) < 4 else (segments[0], *segments[2:]))}"


def _json_object(answer: Answer) -> dict[str, object]:
    value = _decoded(answer.content)
    if not isinstance(value, dict):
        raise Transient(
            "PORTONE_REPLY_UNREADABLE", f"PortOne's HTTP {answer.status_code} answer is not a JSON object.",
            status=answer.status_code,
        )  # fmt: skip
    return value


def _decoded(content: bytes) -> object:
    """Return what the JSON says, None for what is none. Python reads some that orjson does not: lone surrogates, NaN."""
    try:
        return orjson.loads(content)
    except ValueError:
        pass
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None
