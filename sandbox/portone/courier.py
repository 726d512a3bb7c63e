"""Decides when a webhook message is sent and when it is given up.

PortOne docs: webhook re-sends. Six attempts at 0, 1, 4, 16, 64 and 256 minutes after the one before, on the movable
clock; every attempt carries a new timestamp and signature over the same id and body.
"""

from __future__ import annotations

import asyncio
import heapq
from typing import TYPE_CHECKING, Final

import httpx

from sandbox.setup.tls import certificates

from .clock import SECOND
from .messages import Delivery
from .signature import signed_headers

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Coroutine

    from .assumptions import Assumptions
    from .clock import Clock
    from .messages import DeliveryStatus, Message

_BODY_KEPT: Final = 2_000
_USER_AGENT: Final = "PortOne-Simulator"
# More at once would only queue inside the HTTP client, where waiting counts as a timeout.
_PARALLEL: Final = 64


class Courier:
    """Owns the timetable and the HTTP client that delivers. Use it from one event loop only."""

    def __init__(
        self,
        clock: Clock,
        rules: Assumptions,
        rng: random.Random,
        secrets_of: Callable[[Message], tuple[str, ...]],
        changed: Callable[[Message], None],
    ) -> None:
        self._clock = clock
        self._rules = rules
        self._random = rng
        self._secrets_of = secrets_of
        self._changed = changed
        self._timetable: list[tuple[int, int, Message]] = []
        self._sequence = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._client: httpx.AsyncClient | None = None
        self._slots = asyncio.Semaphore(_PARALLEL)

    # -- timetable ------------------------------------------------------------------------------------------------

    def schedule(self, message: Message) -> None:
        """Put the next automatic attempt of ``message`` on the timetable and start whatever is due."""
        waits = self._rules.webhook_waits_minutes
        if message.automatic >= len(waits):
            message.state, message.due_at = "failed", None
            return
        minutes = waits[message.automatic]
        if self._rules.webhook_retry_jitter == "full":
            minutes = self._random.uniform(0, minutes)
        message.state = "scheduled"
        message.due_at = self._clock.now() + round(minutes * 60 * SECOND)
        self._enter(message, message.due_at)
        self.pump()

    def _enter(self, message: Message, due_at: int) -> None:
        self._sequence += 1
        heapq.heappush(self._timetable, (due_at, self._sequence, message))

    def pump(self) -> None:
        """Start every attempt that is due and set the alarm for the next one."""
        now = self._clock.now()
        while self._timetable and self._timetable[0][0] <= now:
            due, _, message = heapq.heappop(self._timetable)
            if message.state == "scheduled" and message.due_at == due:
                message.state = "sending"
                self._spawn(self._automatic(message))
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._timetable:
            delay = max(0.001, (self._timetable[0][0] - now) / SECOND)
            self._timer = asyncio.get_running_loop().call_later(delay, self.pump)

    def next_due(self) -> int | None:
        """Return the moment of the first re-send on the timetable, None without any."""
        return self._timetable[0][0] if self._timetable else None

    def resume(self, message: Message) -> None:
        """Put a message of an imported state back on the timetable."""
        if message.state in ("scheduled", "sending"):
            message.state = "scheduled"
            message.due_at = message.due_at or self._clock.now()
            self._enter(message, message.due_at)
            self.pump()

    async def settle(self, timeout_seconds: float) -> bool:
        """Wait until every due attempt has been made; False when ``timeout_seconds`` passed first."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self.finish_running()
        except TimeoutError:
            return False
        return True

    async def finish_running(self) -> None:
        """Wait until every due attempt has been made."""
        self.pump()
        while self._tasks:
            await asyncio.wait(set(self._tasks))
            self.pump()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- delivery -------------------------------------------------------------------------------------------------

    async def _automatic(self, message: Message) -> None:
        message.automatic += 1
        await self.attempt(message)
        if message.outcome != "SUCCEEDED":
            self.schedule(message)

    async def first(self, message: Message) -> Delivery:
        """Make the first attempt of a held message now; a failure goes on the timetable like any other."""
        message.state = "sending"
        message.automatic += 1
        delivery = await self.attempt(message)
        if message.outcome != "SUCCEEDED":
            self.schedule(message)
        return delivery

    async def attempt(self, message: Message) -> Delivery:
        """Send ``message`` once, with a new timestamp and signature, and log what came back."""
        simulated = self._rules.webhook_timestamp_clock == "simulated"
        stamp = (self._clock.now() if simulated else self._clock.wall()) // SECOND
        headers = signed_headers(self._secrets_of(message), message.id, stamp, message.raw)
        headers["content-type"] = message.content_type
        delivery = await self.post(message.url, headers, message.raw, number=len(message.attempts) + 1)
        message.attempts.append(delivery)
        before = message.outcome
        message.outcome = "SUCCEEDED" if before == "SUCCEEDED" else self._judge(delivery)
        if message.outcome == "SUCCEEDED":
            message.state, message.due_at = "succeeded", None
        self._changed(message)
        return delivery

    async def post(
        self, url: str, headers: dict[str, str], raw: bytes, number: int = 1, timeout: float | None = None
    ) -> Delivery:
        """POST raw bytes and return what happened; never raises for a network failure.

        ``timeout`` in seconds replaces the webhook's own.
        """
        sent = {"content-type": "application/json", "user-agent": _USER_AGENT, **headers}
        async with self._slots:
            return await self._exchange(url, sent, raw, number, timeout)

    async def _exchange(
        self, url: str, sent: dict[str, str], raw: bytes, number: int, timeout: float | None
    ) -> Delivery:
        sent_at = self._clock.now()
        status, reply_headers, reply_body, error = None, "", "", None
        try:
            reply = await self._http().post(
                url, content=raw, headers=sent, timeout=timeout or self._rules.webhook_timeout_seconds
            )
        except (httpx.HTTPError, httpx.InvalidURL) as failure:
            error = f"{type(failure).__name__}: {failure}"
        else:
            status = reply.status_code
            reply_headers = "\n".join(f"{name}: {value}" for name, value in reply.headers.items())
            reply_body = reply.text[:_BODY_KEPT]
        return Delivery(number, sent_at, self._clock.now(), sent, status, reply_headers, reply_body, error)

    def _judge(self, delivery: Delivery) -> DeliveryStatus:
        if delivery.status is None:
            return "FAILED_UNEXPECTED_ERROR"
        exact = self._rules.webhook_success == "exactly_200"
        accepted = delivery.status == 200 if exact else 200 <= delivery.status < 300
        return "SUCCEEDED" if accepted else "FAILED_NOT_OK_RESPONSE"

    def _http(self) -> httpx.AsyncClient:
        if self._client is None:
            # No proxy or certificate settings of the machine: webhooks go to loopback addresses.
            self._client = httpx.AsyncClient(trust_env=False, follow_redirects=False, verify=certificates())
        return self._client

    # -- end ------------------------------------------------------------------------------------------------------

    async def clear(self) -> None:
        """Forget the timetable and stop running attempts."""
        self._timetable.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        running = set(self._tasks)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def close(self) -> None:
        """Stop everything and close the HTTP client."""
        await self.clear()
        if self._client is not None:
            await self._client.aclose()
            self._client = None
