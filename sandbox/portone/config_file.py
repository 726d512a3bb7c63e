"""Decides how a JSON file describes the simulated merchant: stores, secrets, channels, assumptions.

See docs/simulator.md for an example. Every name the file misspells is refused.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, ValidationError

from .assumptions import Assumptions
from .config import MERCHANT_ID, SimulatorConfig, StoreConfig, new_api_secret, new_webhook_secret
from .control_channels import channel_from_json
from .control_inputs import ControlInput
from .default_channels import default_channels
from .inputs import Text, explain

if TYPE_CHECKING:
    from pathlib import Path

Secrets = Annotated[list[Text], Field(min_length=1, max_length=2)]


class StoreInput(ControlInput):
    """What a store has; without ``channels`` the default ones."""

    apiSecrets: Annotated[list[Text], Field(min_length=1)] | None = None
    webhookUrls: list[Text] = Field(default_factory=list)
    webhookSecrets: Secrets | None = None
    liveWebhookUrls: list[Text] = Field(default_factory=list)
    liveWebhookSecrets: Secrets | None = None
    channels: dict[str, Any] | None = None
    channelGroups: dict[str, list[Text]] = Field(default_factory=dict)


class StoreFile(StoreInput):
    """One store of the file."""

    storeId: Text


class MerchantFile(ControlInput):
    """The whole file."""

    merchantId: Text = MERCHANT_ID
    stores: Annotated[list[StoreFile], Field(min_length=1)]
    assumptions: dict[str, Any] = Field(default_factory=dict)
    seed: int | None = None


def load_config(path: Path) -> SimulatorConfig:
    """Return the configuration of a file; raises ValueError naming the field and the fix, OSError without the file."""
    try:
        merchant = MerchantFile.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except ValidationError as failure:
        raise ValueError(f"{path.name}: {explain(failure)}") from failure
    except ValueError as failure:
        raise ValueError(f"{path.name}: is not JSON ({failure})") from failure
    Assumptions().update(merchant.assumptions)
    stores = [store_of(store.storeId, store) for store in merchant.stores]
    if len({store.store_id for store in stores}) < len(stores):
        raise ValueError(f"{path.name}: stores: every storeId may be there once")
    first = stores[0]
    return SimulatorConfig(
        store_id=first.store_id,
        merchant_id=merchant.merchantId,
        api_secrets=first.api_secrets,
        webhook_urls=first.webhook_urls,
        webhook_secrets=first.webhook_secrets,
        live_webhook_urls=first.live_webhook_urls,
        live_webhook_secrets=first.live_webhook_secrets,
        channels=first.channels,
        channel_groups=first.channel_groups,
        more_stores=tuple(stores[1:]),
        assumptions=merchant.assumptions,
        seed=merchant.seed,
    )


def store_of(store_id: str, store: StoreInput) -> StoreConfig:
    """Return the store a file or a control call describes; raises ValueError naming the field."""
    channels = (
        default_channels()
        if store.channels is None
        else {key: channel_from_json(key, value) for key, value in store.channels.items()}
    )
    groups = {name: tuple(keys) for name, keys in store.channelGroups.items()}
    for name, keys in groups.items():
        for key in keys:
            if key not in channels:
                raise ValueError(
                    f"stores: {store_id}: channelGroups.{name}: {key} is no channel of the store"
                )
    return StoreConfig(
        store_id=store_id,
        api_secrets=tuple(store.apiSecrets or [new_api_secret()]),
        webhook_urls=tuple(store.webhookUrls),
        webhook_secrets=tuple(store.webhookSecrets or [new_webhook_secret()]),
        live_webhook_urls=tuple(store.liveWebhookUrls),
        live_webhook_secrets=tuple(store.liveWebhookSecrets or ()),
        channels=channels,
        channel_groups=groups,
    )
