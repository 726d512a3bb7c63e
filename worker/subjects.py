"""Owns what a job may be about besides a payment and its refund: saved card, schedule, identity check, approval."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Channel:
    """The PortOne channel the database chose for this job; ``kind`` is LIVE or TEST."""

    store_id: str
    channel_key: str
    kind: str | None
    pg_provider: str | None


@dataclass(frozen=True, slots=True)
class SavedCard:
    """A billing key. Whoever holds ``billing_key`` can charge the card: excluded from repr, never logged.

    ``id`` is ours and None for a key we have never heard of; ``customer_id`` what the browser was told to issue it for;
    ``channel_kind`` LIVE or TEST, of the channel it was issued in.
    """

    id: str | None
    billing_key: str | None = field(repr=False)
    user_id: str | None
    customer_id: str | None
    issue_id: str | None
    store_id: str | None
    channel_key: str | None
    pg_provider: str | None
    status: str | None
    channel_kind: str | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """A charge in the future; ``schedule_id`` is PortOne's once it is known, ``time_to_pay`` RFC 3339."""

    id: str
    schedule_id: str | None
    payment_id: str
    time_to_pay: str
    status: str | None


@dataclass(frozen=True, slots=True)
class IdentityCheck:
    """A single-use identity check; ``id`` is ours, ``identity_verification_id`` what PortOne knows."""

    id: str
    identity_verification_id: str
    store_id: str | None


@dataclass(frozen=True, slots=True)
class Approval:
    """What the browser was given for manual approval: enough to approve the payment once, so never printed."""

    payment_token: str = field(repr=False)
    tx_id: str | None = field(repr=False)
