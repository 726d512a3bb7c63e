"""Decides who the simulated merchant is: store, channels, secrets and webhook addresses at start."""

from __future__ import annotations

import base64
import re
import secrets
from dataclasses import dataclass, field
from typing import Final, Literal

ChannelType = Literal["TEST", "LIVE"]

STORE_ID: Final = "store-5e1f0000-0000-4000-8000-000000000001"
MERCHANT_ID: Final = "merchant-sim"

PAY_METHODS: Final = frozenset(
    {"CARD", "VIRTUAL_ACCOUNT", "TRANSFER", "MOBILE", "GIFT_CERTIFICATE", "EASY_PAY", "CONVENIENCE_STORE"}
)

_TOSS_ID: Final = re.compile(r"[A-Za-z0-9\-_=]{6,64}")
_SMARTRO_ID: Final = re.compile(r"[A-Za-z0-9]{1,40}")
_ANY_ID: Final = re.compile(r"[!-~]{1,64}")


@dataclass(frozen=True, slots=True)
class Channel:
    """One payment channel of the store and the manners of the PG behind it.

    ``payment_id_pattern`` is the PG's own limit on order ids (PortOne docs: PG notes).
    ``async_cancel``: a cancellation is first REQUESTED. ``refund_phone``: refunds to a bank account also need
    ``holderPhoneNumber`` (PortOne docs: virtual-account refund, Smartro).
    """

    key: str
    type: ChannelType
    pg_provider: str
    pg_merchant_id: str
    pay_methods: frozenset[str] = PAY_METHODS
    payment_id_pattern: re.Pattern[str] = _ANY_ID
    async_cancel: bool = False
    refund_phone: bool = False

    def body(self) -> dict[str, str]:
        """Return the channel as PortOne prints it (OpenAPI: SelectedChannel)."""
        return {
            "type": self.type,
            "id": f"channel-id-{self.key.removeprefix('channel-key-')}",
            "key": self.key,
            "name": f"{self.key.removeprefix('channel-key-')} ({self.type.lower()})",
            "pgProvider": self.pg_provider,
            "pgMerchantId": self.pg_merchant_id,
        }


def default_channels() -> dict[str, Channel]:
    """Return the channels every simulator starts with, by channel key."""
    channels = (
        Channel("channel-key-card", "TEST", "TOSSPAYMENTS", "tosstest", payment_id_pattern=_TOSS_ID),
        Channel("channel-key-easypay", "TEST", "KAKAOPAY", "TC0ONETIME", pay_methods=frozenset({"EASY_PAY"})),
        Channel("channel-key-vbank", "TEST", "TOSSPAYMENTS", "tosstest-va", payment_id_pattern=_TOSS_ID),
        Channel(
            "channel-key-smartro",
            "TEST",
            "SMARTRO_V2",
            "smartrotest",
            payment_id_pattern=_SMARTRO_ID,
            refund_phone=True,
        ),
        Channel("channel-key-async", "TEST", "TRIPLE_A", "triplatest", async_cancel=True),
        Channel("channel-key-live-card", "LIVE", "TOSSPAYMENTS", "tosslive", payment_id_pattern=_TOSS_ID),
    )
    return {channel.key: channel for channel in channels}


def new_api_secret() -> str:
    """Return a fresh V2 API secret; only its opacity is documented."""
    return secrets.token_urlsafe(48)


def new_webhook_secret() -> str:
    """Return a fresh webhook secret, ``whsec_`` and 32 random bytes in base64 (length assumed)."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


@dataclass(frozen=True, slots=True)
class SimulatorConfig:
    """Everything the simulator knows at start; ``POST /_sim/reset`` returns to it.

    ``webhook_urls`` and ``webhook_secrets`` serve the TEST environment, the ``live_`` pair the LIVE one; an empty
    ``live_`` value means the same as TEST. At most two secrets sign at once (PortOne docs: webhook secrets).
    """

    store_id: str = STORE_ID
    merchant_id: str = MERCHANT_ID
    api_secrets: tuple[str, ...] = field(default_factory=lambda: (new_api_secret(),))
    webhook_urls: tuple[str, ...] = ()
    webhook_secrets: tuple[str, ...] = field(default_factory=lambda: (new_webhook_secret(),))
    live_webhook_urls: tuple[str, ...] = ()
    live_webhook_secrets: tuple[str, ...] = ()
    channels: dict[str, Channel] = field(default_factory=default_channels)
    assumptions: dict[str, object] = field(default_factory=dict)
    request_log_size: int = 5_000
    seed: int | None = None
