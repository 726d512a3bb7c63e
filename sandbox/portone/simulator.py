"""Decides which parts make one simulator and how it returns to its beginning."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .assumptions import Assumptions
from .clock import Clock, nanos_text
from .courier import Courier
from .faults import Faults
from .idempotency import IdempotencyKeys
from .identifiers import Identifiers
from .payments import Ledger
from .webhooks import Announcer, WebhookSettings

if TYPE_CHECKING:
    from .config import ChannelType, SimulatorConfig
    from .messages import Message


@dataclass(slots=True)
class LoggedRequest:
    """One call the PortOne API received; ``status`` None = it got no reply, ``fault`` says why."""

    at: int
    method: str
    path: str
    query: str
    idempotency_key: str | None
    raw: bytes
    status: int | None = None
    fault: str | None = None
    replayed: bool = False

    def body(self) -> dict[str, Any]:
        """Return the control API's form."""
        return {
            "at": nanos_text(self.at),
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "idempotency_key": self.idempotency_key,
            "body": self.raw.decode(errors="replace"),
            "status": self.status,
            "fault": self.fault,
            "replayed": self.replayed,
        }


class Simulator:
    """All state of one simulated PortOne, in memory."""

    def __init__(self, config: SimulatorConfig) -> None:
        self.config = config
        self.clock = Clock()
        self.rules = Assumptions()
        self.faults = Faults()
        self.idempotency = IdempotencyKeys(self.clock, self.rules)
        self.requests: deque[LoggedRequest] = deque(maxlen=config.request_log_size)
        self.random = random.Random(config.seed)  # noqa: S311  # invented ids guard nothing, and tests want them repeatable
        self.ids = Identifiers(self.clock, self.random)
        self.courier = Courier(self.clock, self.rules, self.random, self._secrets_of, self._delivered)
        self._interruption = asyncio.Event()
        self._begin()

    def _begin(self) -> None:
        self.rules.update(Assumptions().values() | self.config.assumptions)
        self.announcer = Announcer(
            WebhookSettings.from_config(self.config), self.courier, self.clock, self.ids, self.rules
        )
        self.ledger = Ledger(
            self.config.store_id, self.config.merchant_id, self.clock, self.ids, self.announcer, self.rules
        )

    async def pause(self, seconds: float) -> None:
        """Wait for real time to pass; a reset or the end of the server cuts it short."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._interruption.wait()

    def interrupt(self) -> None:
        """End all pauses."""
        self._interruption.set()
        self._interruption = asyncio.Event()

    async def reset(self) -> None:
        """Forget everything that happened and return to the configuration."""
        self.interrupt()
        await self.courier.clear()
        self.clock.reset()
        self.faults.clear()
        self.idempotency.clear()
        self.requests.clear()
        if self.config.seed is not None:
            self.random.seed(self.config.seed)
        self._begin()

    async def close(self) -> None:
        """Stop deliveries."""
        await self.courier.close()

    def _secrets_of(self, environment: ChannelType) -> tuple[str, ...]:
        return self.announcer.settings.secrets[environment]

    def _delivered(self, message: Message) -> None:
        payment = self.ledger.payments.get(message.payment_id or "")
        if payment is not None:
            payment.rendered = None
