"""Decides the life of a billing key: window, issue, confirmation, change of card, deletion (PortOne docs: billing key)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from .errors import ControlError, PortOneError, invalid_request, pg_provider
from .methods import masked_card

if TYPE_CHECKING:
    from collections.abc import Callable

    from .assumptions import Assumptions
    from .channels import Channel
    from .clock import Clock
    from .faults import Fault
    from .identifiers import Identifiers
    from .webhooks import Announcer

KeyStatus = Literal["READY", "NEEDS_CONFIRMATION", "ISSUED", "FAILED", "DELETED"]
# Browser SDK: the literal in place of a key while a manual issue waits for the server.
NEEDS_CONFIRMATION = "NEEDS_CONFIRMATION"
_PROVIDERS = {"KAKAOPAY": "KAKAOPAY", "NAVERPAY": "NAVERPAY", "PAYPAL_V2": "PAYPAL"}


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """What a window or an API call asked for; ``customer`` is already in REST form."""

    method: str
    customer: dict[str, Any]
    issue_id: str | None = None
    issue_name: str | None = None
    custom_data: str | None = None
    notice_urls: tuple[str, ...] = ()


@dataclass(slots=True)
class BillingKey:
    """One billing key; PortOne shows it only while ISSUED or DELETED. Full card numbers are never kept."""

    key: str
    number: int
    status: KeyStatus
    channels: list[Channel]
    request: KeyRequest
    requested_at: int
    changed_at: int
    provider: str | None = None
    card: dict[str, Any] | None = None
    issued_at: int | None = None
    deleted_at: int | None = None
    token: str | None = None
    payment_id: str | None = None
    failure: tuple[str, str] | None = None
    group: str | None = None
    refusals: list[tuple[str, str]] = field(default_factory=list)


class Vault:
    """All billing keys of one store, in order of creation."""

    def __init__(self, clock: Clock, ids: Identifiers, announcer: Announcer, rules: Assumptions) -> None:
        self.clock = clock
        self.ids = ids
        self.rules = rules
        self.keys: dict[str, BillingKey] = {}
        self._announcer = announcer

    # -- lookups --------------------------------------------------------------------------------------------------

    def known(self, key: str) -> BillingKey:
        """Return any key the simulator has seen, also unissued ones; raises BILLING_KEY_NOT_FOUND."""
        entry = self.keys.get(key)
        if entry is None:
            raise PortOneError("BILLING_KEY_NOT_FOUND", f"billing key {key} does not exist")
        return entry

    def shown(self, key: str) -> BillingKey:
        """Return a key PortOne shows; an unissued one is BILLING_KEY_NOT_FOUND (inferred)."""
        entry = self.known(key)
        if entry.status not in ("ISSUED", "DELETED"):
            raise PortOneError("BILLING_KEY_NOT_FOUND", f"billing key {key} is not issued")
        return entry

    def usable(self, key: str, channel_key: str | None = None) -> tuple[BillingKey, Channel]:
        """Return a live key and the channel to charge on.

        Raises BILLING_KEY_NOT_FOUND, BILLING_KEY_ALREADY_DELETED, CHANNEL_NOT_FOUND.
        """
        entry = self.shown(key)
        if entry.status == "DELETED":
            raise PortOneError("BILLING_KEY_ALREADY_DELETED", f"billing key {key} is deleted")
        for channel in entry.channels:
            if channel_key in (None, channel.key):
                return entry, channel
        raise PortOneError(
            "CHANNEL_NOT_FOUND", f"channelKey: {channel_key} is not a channel of this billing key"
        )

    def by_token(self, token: str) -> BillingKey:
        """Return the key waiting under a billingIssueToken.

        Raises BILLING_KEY_NOT_FOUND, and BILLING_KEY_ALREADY_ISSUED when it was confirmed before.
        """
        entry = next((entry for entry in self.keys.values() if entry.token == token), None)
        if entry is None:
            raise PortOneError("BILLING_KEY_NOT_FOUND", "billingIssueToken: belongs to no billing key")
        if entry.status != "NEEDS_CONFIRMATION":
            raise PortOneError("BILLING_KEY_ALREADY_ISSUED", "billingIssueToken: was used already")
        return entry

    def issue_id_used(self, channel: Channel, issue_id: str | None) -> bool:
        """Say whether a window with this issue id was opened before at a PG that takes each id once (NaverPay)."""
        return channel.issue_id_once and any(
            entry.request.issue_id == issue_id and channel.key == entry.channels[0].key
            for entry in self.keys.values()
        )

    # -- life -----------------------------------------------------------------------------------------------------

    def open(self, channels: list[Channel], request: KeyRequest, *, quiet: bool = False) -> BillingKey:
        """Start an issue: READY, BillingKey.Ready (not for keys issued by API: ``quiet``)."""
        now = self.clock.now()
        key = f"billing-key-{self.ids.uuid4()}"
        entry = BillingKey(key, len(self.keys), "READY", channels, request, now, now)
        entry.provider = _PROVIDERS.get(channels[0].pg_provider, "TOSSPAY")
        self.keys[key] = entry
        if not quiet:
            self._announce(entry, "Ready")
        return entry

    def authenticate(self, entry: BillingKey, card: dict[str, Any] | None) -> None:
        """The buyer finished the window: the key is issued, or waits for the server under manual approval."""
        _require(entry, "READY", "issue")
        entry.card = card or masked_card("4330123456781234")
        if entry.channels[0].manual_approval:
            entry.status = "NEEDS_CONFIRMATION"
            entry.token = self.ids.token("billing-issue-token-")
            entry.changed_at = self.clock.now()
        else:
            self.issue(entry)

    def issue(self, entry: BillingKey, *, skip_webhook: bool = False) -> None:
        """The key exists from now on: ISSUED, BillingKey.Issued."""
        entry.status = "ISSUED"
        entry.issued_at = entry.changed_at = self.clock.now()
        if not skip_webhook:
            self._announce(entry, "Issued")

    def fail(self, entry: BillingKey, pg_code: str, pg_message: str) -> None:
        """The PG refused or the buyer closed the window: BillingKey.Failed."""
        if entry.status not in ("READY", "NEEDS_CONFIRMATION"):
            raise ControlError(409, "SIM_INVALID_STATE", f"fail: the billing key is {entry.status}")
        entry.status = "FAILED"
        entry.failure = (pg_code, pg_message)
        entry.changed_at = self.clock.now()
        self._announce(entry, "Failed")

    def update(self, entry: BillingKey, card: dict[str, Any]) -> None:
        """The buyer changed the card behind the key at the PG: BillingKey.Updated."""
        _require(entry, "ISSUED", "update")
        entry.card = card
        entry.changed_at = self.clock.now()
        self._announce(entry, "Updated")

    def delete(self, entry: BillingKey, *, skip_webhook: bool = False) -> int:
        """Delete the key, BillingKey.Deleted; returns the time."""
        entry.status = "DELETED"
        entry.deleted_at = entry.changed_at = self.clock.now()
        if not skip_webhook:
            self._announce(entry, "Deleted")
        return entry.deleted_at

    def delete_by_api(
        self,
        key: str,
        reason: str | None,
        requester: str | None,
        *,
        live_schedules: bool,
        skip_webhook: bool,
        pg_fault: Callable[[], Fault | None],
    ) -> int:
        """Delete on the merchant's request; returns the time (OpenAPI: deleteBillingKey).

        Raises BILLING_KEY_NOT_FOUND, BILLING_KEY_NOT_ISSUED, BILLING_KEY_ALREADY_DELETED,
        PAYMENT_SCHEDULE_ALREADY_EXISTS, INVALID_REQUEST, PG_PROVIDER; in that order (assumed).
        """
        entry = self.known(key)
        if entry.status == "DELETED":
            raise PortOneError("BILLING_KEY_ALREADY_DELETED", f"billing key {key} is deleted")
        if entry.status != "ISSUED":
            raise PortOneError("BILLING_KEY_NOT_ISSUED", f"billing key {key} is {entry.status}")
        if live_schedules:
            raise PortOneError(
                "PAYMENT_SCHEDULE_ALREADY_EXISTS", "revoke the schedules of this billing key first"
            )
        if any(channel.delete_needs_reason for channel in entry.channels) and not (reason and requester):
            raise invalid_request("reason, requester: both are needed by NAVERPAY")
        fault = pg_fault()
        if fault is not None:
            raise pg_provider(fault.pg_code, fault.pg_message)
        return self.delete(entry, skip_webhook=skip_webhook)

    def _announce(self, entry: BillingKey, event: str) -> None:
        channel = entry.channels[0]
        self._announcer.announce_billing_key(entry.key, event, channel.type, entry.request.notice_urls)


def _require(entry: BillingKey, status: KeyStatus, action: str) -> None:
    if entry.status != status:
        raise ControlError(
            409, "SIM_INVALID_STATE", f"{action}: the billing key is {entry.status}, needs {status}"
        )
