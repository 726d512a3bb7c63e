"""Decides which webhook announces what, to whom, and whether it leaves now or is held back.

PortOne docs: webhook, version 2024-04-25 (and the legacy 2024-01-01 body when switched to it). ``noticeUrls`` of the
payment or billing key replace the console's address. TEST and LIVE have their own addresses, secrets and version.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from .bodies import LEGACY_EVENTS, content_type_of, webhook_body
from .messages import Message

if TYPE_CHECKING:
    from .assumptions import Assumptions
    from .bodies import Encoding, Version
    from .channels import ChannelType
    from .clock import Clock
    from .config import StoreConfig
    from .courier import Courier
    from .identifiers import Identifiers
    from .messages import Delivery
    from .model import Attempt, Payment

Mode = Literal["deliver", "hold"]


@dataclass(slots=True)
class WebhookSettings:
    """The console's webhook page of one store, and the simulator's mode."""

    urls: dict[ChannelType, tuple[str, ...]]
    secrets: dict[ChannelType, tuple[str, ...]]
    versions: dict[ChannelType, Version]
    encodings: dict[ChannelType, Encoding]
    mode: Mode = "deliver"

    @classmethod
    def from_config(cls, config: StoreConfig) -> WebhookSettings:
        """Return the settings a fresh store starts with."""
        return cls(
            urls={"TEST": config.webhook_urls, "LIVE": config.live_webhook_urls or config.webhook_urls},
            secrets={
                "TEST": config.webhook_secrets,
                "LIVE": config.live_webhook_secrets or config.webhook_secrets,
            },
            versions={"TEST": "2024-04-25", "LIVE": "2024-04-25"},
            encodings={"TEST": "json", "LIVE": "json"},
        )


class Announcer:
    """Turns a change in one store into messages; ``messages`` is shared by all stores and keeps every one."""

    def __init__(
        self,
        store_id: str,
        settings: WebhookSettings,
        messages: dict[str, Message],
        courier: Courier,
        clock: Clock,
        ids: Identifiers,
        rules: Assumptions,
    ) -> None:
        self.store_id = store_id
        self.settings = settings
        self.messages = messages
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
        data = {"storeId": payment.store_id, "paymentId": payment.id, "transactionId": attempt.transaction_id}
        if cancellation_id is not None:
            data["cancellationId"] = cancellation_id
        environment = attempt.channel.type
        for message in self._messages(f"Transaction.{event}", data, environment, attempt.order.notice_urls):
            message.payment_id, message.payment_status = payment.id, attempt.status
            message.trigger = trigger
            payment.messages.append(message)
            payment.rendered = None
            self.dispatch(message)

    def announce_billing_key(
        self, billing_key: str, event: str, environment: ChannelType, notice_urls: tuple[str, ...]
    ) -> None:
        """Send ``BillingKey.<event>`` to every address."""
        data = {"storeId": self.store_id, "billingKey": billing_key}
        for message in self._messages(f"BillingKey.{event}", data, environment, notice_urls):
            message.billing_key = billing_key
            self.dispatch(message)

    def _messages(
        self, type_: str, data: dict[str, str], environment: ChannelType, notice_urls: tuple[str, ...]
    ) -> list[Message]:
        version = self.settings.versions[environment]
        if version == "2024-01-01" and type_ not in LEGACY_EVENTS:
            return []
        encoding = self.settings.encodings[environment]
        now = self._clock.now()
        raw = webhook_body(type_, data, now, version, encoding)
        made = []
        for url in notice_urls or self.settings.urls[environment]:
            message_id = self._ids.uuid7()
            delivery_id = message_id if self._rules.webhook_id_is_delivery_id else self._ids.uuid7()
            message = Message(
                message_id, type_, raw, url, environment, None, None, now, delivery_id, self.store_id
            )
            message.content_type = content_type_of(version, encoding)
            made.append(message)
        return made

    def dispatch(self, message: Message) -> None:
        """Keep ``message`` and either hold it or put its first attempt on the timetable."""
        self.messages[message.id] = message
        if self.settings.mode == "hold":
            message.state = "held"
        else:
            self._courier.schedule(message)

    def body(
        self,
        type_: str,
        data: dict[str, Any],
        now: int,
        environment: ChannelType = "TEST",
        version: Version | None = None,
        encoding: Encoding | None = None,
    ) -> tuple[bytes, str]:
        """Return raw body and content type in the version the console is set to, or in another one."""
        version = version or self.settings.versions[environment]
        encoding = encoding or self.settings.encodings[environment]
        return webhook_body(type_, data, now, version, encoding), content_type_of(version, encoding)

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
