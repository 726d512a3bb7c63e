"""Decides which webhook announces what, to whom, and whether it leaves now or is held back.

PortOne docs: webhook, version 2024-04-25 (and the legacy 2024-01-01 body when switched to it). ``noticeUrls`` of the
payment replace the console's address. TEST and LIVE have their own addresses and secrets.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from .clock import millis_text
from .messages import Message

if TYPE_CHECKING:
    from .assumptions import Assumptions
    from .clock import Clock
    from .config import ChannelType, SimulatorConfig
    from .courier import Courier
    from .identifiers import Identifiers
    from .messages import Delivery
    from .model import Attempt, Payment

Mode = Literal["deliver", "hold"]
Version = Literal["2024-04-25", "2024-01-01"]
VERSIONS: Final = ("2024-04-25", "2024-01-01")


@dataclass(slots=True)
class WebhookSettings:
    """The console's webhook page: addresses and secrets per environment, version, and the simulator's mode."""

    urls: dict[ChannelType, tuple[str, ...]]
    secrets: dict[ChannelType, tuple[str, ...]]
    version: Version = "2024-04-25"
    mode: Mode = "deliver"

    @classmethod
    def from_config(cls, config: SimulatorConfig) -> WebhookSettings:
        """Return the settings a fresh simulator starts with."""
        return cls(
            urls={"TEST": config.webhook_urls, "LIVE": config.live_webhook_urls or config.webhook_urls},
            secrets={
                "TEST": config.webhook_secrets,
                "LIVE": config.live_webhook_secrets or config.webhook_secrets,
            },
        )


class Announcer:
    """Turns a change of a payment into messages and keeps all messages ever made."""

    def __init__(
        self, settings: WebhookSettings, courier: Courier, clock: Clock, ids: Identifiers, rules: Assumptions
    ) -> None:
        self.settings = settings
        self.messages: dict[str, Message] = {}
        self._courier = courier
        self._clock = clock
        self._ids = ids
        self._rules = rules

    def announce(
        self,
        payment: Payment,
        attempt: Attempt,
        event: str,
        *,
        cancellation_id: str | None = None,
        trigger: str | None = None,
    ) -> None:
        """Send ``Transaction.<event>`` about one attempt to every address; held or scheduled by the mode."""
        now = self._clock.now()
        data = {"storeId": payment.store_id, "paymentId": payment.id, "transactionId": attempt.transaction_id}
        if cancellation_id is not None:
            data["cancellationId"] = cancellation_id
        raw = self.body(f"Transaction.{event}", data, now)
        environment = attempt.channel.type
        for url in attempt.order.notice_urls or self.settings.urls[environment]:
            message = self._message(f"Transaction.{event}", raw, url, environment, now)
            message.payment_id, message.payment_status = payment.id, attempt.status
            message.trigger = trigger
            payment.messages.append(message)
            payment.rendered = None
            self.dispatch(message)

    def dispatch(self, message: Message) -> None:
        """Keep ``message`` and either hold it or put its first attempt on the timetable."""
        self.messages[message.id] = message
        if self.settings.mode == "hold":
            message.state = "held"
        else:
            self._courier.schedule(message)

    def body(self, type_: str, data: dict[str, Any], now: int) -> bytes:
        """Return the raw body in the version the console is set to."""
        payload: dict[str, Any] = {"type": type_, "timestamp": millis_text(now), "data": data}
        if self.settings.version == "2024-01-01":
            payload = {
                "payment_id": data.get("paymentId"),
                "tx_id": data.get("transactionId"),
                "status": type_.partition(".")[2],
            }
        return json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()

    def _message(self, type_: str, raw: bytes, url: str, environment: ChannelType, now: int) -> Message:
        message_id = self._ids.uuid7()
        delivery_id = message_id if self._rules.webhook_id_is_delivery_id else self._ids.uuid7()
        return Message(message_id, type_, raw, url, environment, None, None, now, delivery_id)

    async def release(
        self, order: Literal["fifo", "reverse"], *, duplicate: bool, drop: int
    ) -> list[tuple[Message, Delivery]]:
        """Deliver what is held, one after the other, and return each message with the reply it got.

        The first ``drop`` messages of that order are thrown away for good; ``duplicate`` sends each one twice.
        """
        held = [message for message in self.messages.values() if message.state == "held"]
        if order == "reverse":
            held.reverse()
        for message in held[:drop]:
            message.state = "dropped"
        delivered = []
        for message in held[drop:]:
            delivered.append((message, await self._courier.first(message)))
            if duplicate:
                delivered.append((message, await self._courier.attempt(message)))
        return delivered

    async def redeliver(self, message: Message, *, manual: bool = False) -> Delivery:
        """Send the same id and body once more with a new timestamp and signature."""
        if manual:
            message.manual += 1
            message.trigger = "MANUAL"
        if message.state == "held":
            return await self._courier.first(message)
        return await self._courier.attempt(message)
