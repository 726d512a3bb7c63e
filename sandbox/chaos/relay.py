"""Decides what a bad network does to one HTTP exchange: nothing, refuse, delay, repeat, or lose the reply.

A plain HTTP/1.1 relay, one connection per exchange, in a thread of its own; a policy says what happens to which.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.setup.ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LONGEST = 45.0
_HEAD_LIMIT = 64 * 1024
# However an exchange breaks, also by our own end: the caller sees a broken connection and nothing else.
_BROKEN = (
    OSError, TimeoutError, ValueError,
    asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    head: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens to a request: wait, refuse it unread, send it so often, lose the reply."""

    wait: float = 0.0
    refuse: bool = False
    copies: int = 1
    cut: bool = False


class Relay:
    """Listens on `port`; `targets` names the ports behind it now, `plan` and `heard` are called on its thread."""

    def __init__(
        self,
        port: int,
        targets: Callable[[], Sequence[int]],
        plan: Callable[[Request], Plan],
        heard: Callable[[Request, int], None] = lambda _request, _status: None,
    ) -> None:
        self.port = port
        self._targets = targets
        self._plan = plan
        self._heard = heard
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        opening = asyncio.start_server(self._serve, LOOPBACK, port, limit=_HEAD_LIMIT, backlog=1024)
        self._server = asyncio.run_coroutine_threadsafe(opening, self._loop).result(10)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{LOOPBACK}:{self.port}"

    def close(self) -> None:
        """Stop listening and break what is under way."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _close(self) -> None:
        self._server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_LONGEST):
                request = await _read_request(reader)
                plan = self._plan(request)
                await asyncio.sleep(plan.wait)
                if plan.refuse:
                    return
                replies = await asyncio.gather(*(self._exchange(request) for _ in range(plan.copies)))
                if replies[0] and not plan.cut:
                    writer.write(replies[0])
                    await writer.drain()
        except _BROKEN:
            pass
        finally:
            # Nothing written = the caller sees a broken connection.
            writer.close()

    async def _exchange(self, request: Request) -> bytes:
        """Send to the first target that takes the connection; nothing when none does or it dies in between."""
        for port in self._targets():
            try:
                reader, writer = await asyncio.open_connection(LOOPBACK, port)
            except OSError:
                continue
            try:
                writer.write(request.head + request.body)
                await writer.drain()
                reply = await reader.read(-1)
            except OSError:
                return b""
            finally:
                with suppress(OSError):
                    writer.close()
            if not _complete(reply):
                return b""
            self._heard(request, int(reply[9:12]))
            return reply
        return b""


async def _read_request(reader: asyncio.StreamReader) -> Request:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").rstrip().split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    kept = [line for line in lines if not line.lower().startswith(("connection:", "keep-alive:"))]
    forwarded = "\r\n".join([first, *kept, "connection: close"]).encode("latin-1") + b"\r\n\r\n"
    return Request(method, path, headers, forwarded, body)


def _complete(reply: bytes) -> bool:
    """Say whether a whole answer came: a process killed in the middle leaves half of one."""
    head, found, body = reply.partition(b"\r\n\r\n")
    if not found:
        return False
    for line in head.lower().split(b"\r\n")[1:]:
        if line.startswith(b"content-length:"):
            return len(body) >= int(line.partition(b":")[2])
    return body.endswith(b"0\r\n\r\n") or not body
