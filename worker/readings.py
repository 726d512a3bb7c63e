"""Owns what PortOne said about a saved card, a schedule or an identity check at one moment, normalized."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class BillingKeyReading:
    """A billing key as PortOne tells it; ``data`` is what the database applies, with the card masked."""

    status: str
    store_id: str | None
    issue_id: str | None
    customer_id: str | None
    channel_kinds: tuple[str | None, ...]
    data: Mapping[str, object] = field(repr=False)

    def through(self, kind: str) -> BillingKeyReading:
        """The same key with only its channels of one kind (LIVE or TEST): the others must never be charged here."""
        channels = self.data["channels"]
        kept = [one for one in channels if one["kind"] == kind] if isinstance(channels, list) else []
        return replace(self, channel_kinds=(kind,) * len(kept), data={**self.data, "channels": kept})


@dataclass(frozen=True, slots=True)
class ScheduleReading:
    """A schedule as PortOne tells it."""

    schedule_id: str
    payment_id: str
    status: str
    data: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class IdentityReading:
    """An identity check as PortOne tells it. ``data`` is what the database applies once CI and DI were sealed into it.

    CI and DI identify a person for life: they exist in clear only between the parser and the sealer.
    """

    status: str
    channel_kind: str | None
    ci: str | None = field(repr=False)
    di: str | None = field(repr=False)
    data: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sighting:
    """A payment as one of PortOne's lists showed it: enough to see whether it must be read. Amounts in minor units."""

    payment_id: str
    store_id: str | None
    status: str
    total: int
    cancelled: int
    currency: str | None
    status_changed_at: str | None
    updated_at: str | None
    source: str
