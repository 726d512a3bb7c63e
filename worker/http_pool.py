"""Decides who sends outgoing HTTP, and what every request has: our name, its query, no redirects, no second try."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

from worker import __version__
from worker.http_given import Given
from worker.http_sockets import Sockets

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from worker.crash_steps import Hook
    from worker.http_answers import Answer

# Supabase's gateway answers 401 to secret keys sent by a browser's user agent, so the worker names itself.
USER_AGENT: Final = f"portone-supabase-worker/{__version__}"


class HttpPool:
    """Connections with the same settings; made inside the event loop it is used in, closed with ``aclose``."""

    def __init__(
        self,
        *,
        timeout: httpx.Timeout,
        concurrency: int,
        transport: httpx.AsyncBaseTransport | None = None,
        event_hooks: Mapping[str, list[Hook]] | None = None,
    ) -> None:
        """``concurrency`` is the most requests under way at a time; the last two are for tests only."""
        self._sender: Sockets | Given = (
            Given(timeout=timeout, user_agent=USER_AGENT, transport=transport, event_hooks=event_hooks)
            if transport is not None or event_hooks
            else Sockets(timeout=timeout, connections=concurrency, user_agent=USER_AGENT)
        )

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        query: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        """Send one request, once, and return the whole answer whatever its status; ``url`` is percent-encoded.

        Raises ``Unsendable``, ``NotSent`` or ``NoAnswer``.
        """
        if query:
            url = f"{url}?{urlencode(query, quote_via=quote, safe='')}"
        return await self._sender.send(method, url, headers, content)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._sender.aclose()
