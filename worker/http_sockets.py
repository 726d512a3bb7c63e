"""Decides how outgoing HTTP is really sent: over aiohttp, each request once.

aiohttp repeats idempotent methods on a connection that turns out to be dead. Nothing may be repeated behind our back: a
DELETE counts as idempotent for HTTP and yet is an instruction to PortOne, and whether to send again is decided where it
is known what a request means. Observed per request, on a busy machine: httpx over httpcore 1.5 ms of processor time, this 0.11.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import aiohttp
import httpx
from yarl import URL

from worker.http_answers import Answer, NoAnswer, NotSent, Unsendable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp.client_middlewares import ClientHandlerType

# Seconds a connection may lie idle; afterwards the other side may have given it up without our knowing.
_IDLE_SECONDS: Final = 5.0
# aiohttp would name a type for a body that has none.
_NEVER_ADDED: Final = frozenset({"Content-Type"})


class Sockets:
    """One aiohttp session; made inside the event loop it is used in."""

    def __init__(self, *, timeout: httpx.Timeout, connections: int, user_agent: str) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=connections,
                keepalive_timeout=_IDLE_SECONDS,
                ssl=httpx.create_ssl_context(trust_env=False),
            ),
            # A body that is not read away blocks the writer, and an answer that then does not come is late: no timeout of its own.
            timeout=aiohttp.ClientTimeout(
                total=None, connect=timeout.pool, sock_connect=timeout.connect, sock_read=timeout.read
            ),
            headers={"User-Agent": user_agent},
            skip_auto_headers=_NEVER_ADDED,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            middlewares=(_once,),
        )

    async def send(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> Answer:
        """Send one request and read its answer whole; ``url`` is percent-encoded. Raises the kinds of ``HttpFailure``."""
        target = _target(url, headers)
        try:
            async with self._session.request(
                method, target, headers=headers, data=content, allow_redirects=False
            ) as response:
                return Answer(response.status, await response.read(), response.headers)
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
            raise Unsendable("a URL that is none") from None
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            raise NotSent("no connection") from None
        except TimeoutError:
            raise NoAnswer(late=True) from None
        except (aiohttp.ClientError, OSError):
            raise NoAnswer(late=False) from None

    async def aclose(self) -> None:
        """Close every connection."""
        await self._session.close()


def _target(url: str, headers: Mapping[str, str]) -> URL:
    """Return the URL as it is, byte for byte. Raises ``Unsendable``, also for a header that would end before its end."""
    if any("\r" in value or "\n" in value or "\0" in value for value in headers.values()):
        raise Unsendable("a header with a line break")
    try:
        # Only a host can have other letters here.
        target = URL(url, encoded=url.isascii())
        if target.scheme in ("http", "https") and target.raw_host and target.port:
            return target
    except ValueError:
        pass
    raise Unsendable("a URL that is none")


async def _once(request: aiohttp.ClientRequest, handler: ClientHandlerType) -> aiohttp.ClientResponse:
    """Turn the errors aiohttp answers with a repeat into one it does not know."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
        raise NoAnswer(late=False) from None
