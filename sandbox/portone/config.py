"""Decides who the simulated merchant is: stores, channels, secrets and webhook addresses at start."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from .default_channels import default_channels

if TYPE_CHECKING:
    from .channels import Channel

STORE_ID: Final = "store-5e1f0000-0000-4000-8000-000000000001"
MERCHANT_ID: Final = "merchant-sim"


def new_api_secret() -> str:
    """Return a fresh V2 API secret; only its opacity is documented."""
    return secrets.token_urlsafe(48)


def new_webhook_secret() -> str:
    """Return a fresh webhook secret, ``whsec_`` and 32 random bytes in base64 (length assumed)."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """One store at start.

    ``webhook_urls`` and ``webhook_secrets`` serve the TEST environment, the ``live_`` pair the LIVE one; an empty
    ``live_`` value means the same as TEST. At most two secrets sign at once (PortOne docs: webhook secrets).
    ``channel_groups``: channel keys by group id (smart routing).
    """

    store_id: str
    api_secrets: tuple[str, ...]
    webhook_urls: tuple[str, ...] = ()
    webhook_secrets: tuple[str, ...] = field(default_factory=lambda: (new_webhook_secret(),))
    live_webhook_urls: tuple[str, ...] = ()
    live_webhook_secrets: tuple[str, ...] = ()
    channels: dict[str, Channel] = field(default_factory=default_channels)
    channel_groups: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SimulatorConfig:
    """Everything the simulator knows at start; ``POST /_sim/reset`` returns to it.

    The fields of StoreConfig describe the first store, ``more_stores`` the others of the same merchant. A secret
    opens every store that lists it; the first of them is its own (what an omitted ``storeId`` means).
    """

    store_id: str = STORE_ID
    merchant_id: str = MERCHANT_ID
    api_secrets: tuple[str, ...] = field(default_factory=lambda: (new_api_secret(),))
    webhook_urls: tuple[str, ...] = ()
    webhook_secrets: tuple[str, ...] = field(default_factory=lambda: (new_webhook_secret(),))
    live_webhook_urls: tuple[str, ...] = ()
    live_webhook_secrets: tuple[str, ...] = ()
    channels: dict[str, Channel] = field(default_factory=default_channels)
    channel_groups: dict[str, tuple[str, ...]] = field(
        default_factory=lambda: {"channel-group-cards": ("channel-key-card", "channel-key-billing")}
    )
    more_stores: tuple[StoreConfig, ...] = ()
    assumptions: dict[str, object] = field(default_factory=dict)
    request_log_size: int = 5_000
    seed: int | None = None

    def stores(self) -> tuple[StoreConfig, ...]:
        """Return all stores, the first one first."""
        first = StoreConfig(
            self.store_id,
            self.api_secrets,
            self.webhook_urls,
            self.webhook_secrets,
            self.live_webhook_urls,
            self.live_webhook_secrets,
            self.channels,
            self.channel_groups,
        )
        return (first, *self.more_stores)
