"""Decides how load is made: raw HTTP/1.1 over keep-alive connections, bytes prepared beforehand, a fixed number in flight."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_STATUS = slice(9, 12)
_CHUNKED = 1 << 60


@dataclass(slots=True)
class Fired:
    """What came of it: seconds of each answer in order of completion, how often each status came, the first odd answer."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    odd: bytes = b""


class _Connection(asyncio.Protocol):
    """One connection with at most one request under way."""

    def __init__(self, volley: _Volley) -> None:
        self._volley = volley
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._length = -1
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a stream transport, as asked for
        self.fire()

    def fire(self) -> None:
        request = self._volley.next()
        if request is None or self._transport is None:
            self._volley.leave()
            return
        self._sent = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        if self._length < 0:
            end = buffer.find(b"\r\n\r\n")
            if end < 0:
                self._buffer = buffer
                return
            length = _content_length(buffer[:end])
            self._length = end + 4 + length if length is not None else _CHUNKED
        # A head alone may end as a last chunk does ("content-length: 40"): only a chunked answer is looked at for it.
        whole = buffer.endswith(b"0\r\n\r\n") if self._length == _CHUNKED else len(buffer) >= self._length
        if not whole:
            self._buffer = buffer
            return
        self._buffer, self._length = b"", -1
        self._volley.answered(buffer, time.perf_counter() - self._sent)
        self.fire()

    def connection_lost(self, error: Exception | None) -> None:
        self._volley.lost(error)


def _content_length(head: bytes) -> int | None:
    """None for a chunked answer, which ends with an empty chunk instead."""
    at = head.lower().find(b"content-length:")
    return int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else None


class _Volley:
    def __init__(self, requests: Sequence[bytes], expected: bytes) -> None:
        self._requests = iter(requests)
        self._expected = expected
        self._open = 0
        self.fired = Fired()
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def enter(self) -> None:
        self._open += 1

    def next(self) -> bytes | None:
        return next(self._requests, None)

    def answered(self, answer: bytes, seconds: float) -> None:
        status = answer[_STATUS]
        self.fired.latencies.append(seconds)
        self.fired.statuses[status.decode("latin-1")] += 1
        if status != self._expected and not self.fired.odd:
            self.fired.odd = answer[:600]

    def leave(self) -> None:
        self._open -= 1
        if not self._open and not self.done.done():
            self.done.set_result(None)

    def lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the server closed a connection"))


async def fire(
    host: str, port: int, requests: Sequence[bytes], *, in_flight: int, expected: bytes = b"200"
) -> Fired:
    """Send every request, `in_flight` at a time; each connection sends its next one as soon as it has its answer.

    Raises `ConnectionError` when a connection is closed. An answer with another status than `expected` counts as odd.
    """
    loop = asyncio.get_running_loop()
    volley = _Volley(requests, expected)
    width = min(in_flight, len(requests))
    for _ in range(width):
        volley.enter()
    started = time.perf_counter()
    made = await asyncio.gather(
        *(loop.create_connection(lambda: _Connection(volley), host, port) for _ in range(width))
    )
    try:
        await volley.done
        volley.fired.seconds = time.perf_counter() - started
    finally:
        if not volley.done.done():
            volley.done.cancel()
        for transport, _ in made:
            transport.close()
    return volley.fired
