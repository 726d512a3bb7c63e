"""Decides how a payment is timed from its webhook to its row: a fixed number under way, each done when the row says paid."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from collections.abc import Sequence

_LOOK_SECONDS = 0.004
_LONGEST_WAIT = 60.0
# The worker closes a connection that says nothing for 75 seconds.
_IDLE_SECONDS = 30.0


@dataclass(slots=True)
class Journey:
    """What it came to: seconds from the first webhook of a payment until its row said paid."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)


class _Watch:
    """Asks the database about all payments under way at once."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.waiting: dict[str, asyncio.Future[None]] = {}

    async def run(self) -> None:
        connection: Any = await psycopg.AsyncConnection.connect(self._url, autocommit=True)
        async with connection:
            while True:
                await asyncio.sleep(_LOOK_SECONDS)
                if not self.waiting:
                    continue
                found = await connection.execute(
                    "select payment_id from public.payments where payment_id = any(%s) and status = 'paid'",
                    [list(self.waiting)],
                )
                for (payment_id,) in await found.fetchall():
                    if future := self.waiting.pop(payment_id, None):
                        future.set_result(None)


async def journeys(
    url: str,
    host: str,
    port: int,
    payments: Sequence[tuple[str, Sequence[bytes]]],
    *,
    in_flight: int,
    gap: float = 0.0,
) -> Journey:
    """Send each payment's webhooks (`gap` seconds apart), wait for its row, go on with the next; `in_flight` at a time.

    Raises `RuntimeError` for an answer other than 200 and `TimeoutError` when a row does not come within a minute.
    """
    journey = Journey()
    watch = _Watch(url)
    looking = asyncio.create_task(watch.run())
    todo = iter(payments)

    async def one_by_one() -> None:
        # A connection for each webhook of a burst: behind one another on one, a slow answer would stretch the burst.
        lines = [_Line(host, port) for _ in payments[0][1]]
        for payment_id, webhooks in todo:
            arrived = asyncio.get_running_loop().create_future()
            watch.waiting[payment_id] = arrived
            started = time.perf_counter()
            await asyncio.gather(
                *(
                    line.send(webhook, at=started + number * gap)
                    for number, (line, webhook) in enumerate(zip(lines, webhooks, strict=True))
                )
            )
            async with asyncio.timeout(_LONGEST_WAIT):
                await arrived
            journey.latencies.append(time.perf_counter() - started)
        for line in lines:
            line.close()

    started = time.perf_counter()
    try:
        await asyncio.gather(*(one_by_one() for _ in range(in_flight)))
        journey.seconds = time.perf_counter() - started
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
    return journey


class _Line:
    """One connection to the worker, opened anew when it has been silent for long."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._spoken = 0.0

    async def send(self, webhook: bytes, *, at: float) -> None:
        """Send at a moment of `time.perf_counter`, wait for the 200. Raises `RuntimeError` for another answer."""
        await asyncio.sleep(max(0.0, at - time.perf_counter()))
        if self._streams is None or time.perf_counter() - self._spoken > _IDLE_SECONDS:
            self.close()
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        writer.write(webhook)
        await _answered(reader)
        self._spoken = time.perf_counter()

    def close(self) -> None:
        """Close it."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def _answered(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    if head[9:12] != b"200":
        raise RuntimeError(f"a webhook was answered {head[:40]!r}")
    at = head.lower().find(b"content-length:")
    await reader.readexactly(int(head[at + 15 :].split(b"\r\n", 1)[0]))
