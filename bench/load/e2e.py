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
        reader, writer = await asyncio.open_connection(host, port)
        spoken = time.perf_counter()
        for payment_id, webhooks in todo:
            if time.perf_counter() - spoken > _IDLE_SECONDS:
                writer.close()
                reader, writer = await asyncio.open_connection(host, port)
            arrived = asyncio.get_running_loop().create_future()
            watch.waiting[payment_id] = arrived
            started = time.perf_counter()
            for number, webhook in enumerate(webhooks):
                if number and gap:
                    # By the clock, not after the answer: a slow answer must not stretch the burst.
                    await asyncio.sleep(max(0.0, started + number * gap - time.perf_counter()))
                writer.write(webhook)
                await _answered(reader)
            spoken = time.perf_counter()
            async with asyncio.timeout(_LONGEST_WAIT):
                await arrived
            journey.latencies.append(time.perf_counter() - started)
        writer.close()

    started = time.perf_counter()
    try:
        await asyncio.gather(*(one_by_one() for _ in range(in_flight)))
        journey.seconds = time.perf_counter() - started
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
    return journey


async def _answered(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    if head[9:12] != b"200":
        raise RuntimeError(f"a webhook was answered {head[:40]!r}")
    at = head.lower().find(b"content-length:")
    await reader.readexactly(int(head[at + 15 :].split(b"\r\n", 1)[0]))
