"""Decides how outgoing HTTP is sent where tests look on: over an httpx transport, or with httpx's hooks around a send.

Never in production: there it is ``worker.http_sockets``, which costs a tenth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import httpx

from worker.http_answers import Answer, NoAnswer, NotSent, Unsendable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.crash_steps import Hook

# Raised before the first byte of the request left.
_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_UNSENDABLE: Final = (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.LocalProtocolError)


class Given:
    """One httpx client over a given transport, or over httpx's own."""

    def __init__(
        self,
        *,
        timeout: httpx.Timeout,
        user_agent: str,
        transport: httpx.AsyncBaseTransport | None,
        event_hooks: Mapping[str, list[Hook]] | None,
    ) -> None:
        self._client = httpx.AsyncClient(
            timeout=timeout,
            headers={"User-Agent": user_agent},
            follow_redirects=False,
            verify=httpx.create_ssl_context(trust_env=False) if transport is None else False,
            trust_env=False,
            transport=transport,
            event_hooks=event_hooks,
        )

    async def send(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> Answer:
        """As ``Sockets.send``."""
        try:
            response = await self._client.request(method, url, headers=headers, content=content)
        except _UNSENDABLE:
            raise Unsendable("no such request") from None
        except _NOT_SENT:
            raise NotSent("no connection") from None
        except httpx.TimeoutException:
            raise NoAnswer(late=True) from None
        except httpx.HTTPError:
            raise NoAnswer(late=False) from None
        return Answer(response.status_code, response.content, response.headers)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()
