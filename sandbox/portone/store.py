"""Decides what one store is made of: its settings, payments, billing keys, schedules and identity checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .billing import Vault
from .identity import IdentityDesk
from .payments import Ledger
from .schedules import Planner
from .webhooks import Announcer, WebhookSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from .agenda import Agenda
    from .assumptions import Assumptions
    from .clock import Clock
    from .config import StoreConfig
    from .courier import Courier
    from .faults import Fault
    from .identifiers import Identifiers
    from .messages import Message


@dataclass(frozen=True, slots=True)
class Shared:
    """What all stores of one simulator share."""

    merchant_id: str
    clock: Clock
    ids: Identifiers
    rules: Assumptions
    courier: Courier
    agenda: Agenda
    messages: dict[str, Message]
    schedule_fault: Callable[[str], Fault | None]


class Store:
    """One store; ``channels`` and ``api_secrets`` may be changed by the control API."""

    def __init__(self, config: StoreConfig, shared: Shared) -> None:
        self.config = config
        self.id = config.store_id
        self.api_secrets = config.api_secrets
        self.merchant_id = shared.merchant_id
        self.clock, self.ids, self.rules, self.agenda = shared.clock, shared.ids, shared.rules, shared.agenda
        self.channels = dict(config.channels)
        self.channel_groups = dict(config.channel_groups)
        self.announcer = Announcer(
            self.id,
            WebhookSettings.from_config(config),
            shared.messages,
            shared.courier,
            shared.clock,
            shared.ids,
            shared.rules,
        )
        self.ledger = Ledger(
            self.id,
            shared.merchant_id,
            shared.clock,
            shared.ids,
            self.announcer,
            shared.rules,
            shared.agenda,
        )
        self.vault = Vault(shared.clock, shared.ids, self.announcer, shared.rules)
        self.planner = Planner(self, shared.schedule_fault)
        self.identity = IdentityDesk(shared.clock, shared.ids, shared.rules)
