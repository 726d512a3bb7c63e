"""Decides nothing: control API calls about billing keys, schedules, identities, channels, chaos and state."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any
from urllib.parse import quote


class MoreCalls(ABC):
    """The second half of SimulatorControl; every method raises SimulatorRefused on a refusal."""

    # -- billing keys and schedules -------------------------------------------------------------------------------

    def open_billing_window(self, **window: Any) -> dict[str, Any]:
        """Play requestIssueBillingKey (``payment={…}``: …AndPay); ``{billingKey, …}`` or ``{code, message, …}``."""
        return self._object("POST", "/billing-windows", window)

    def billing_key(self, key: str) -> dict[str, Any]:
        """Return the key with its inner state (``_sim``), also while PortOne does not show it."""
        return self._object("GET", f"/billing-keys/{quote(key, safe='')}")

    def billing_keys(self) -> list[dict[str, Any]]:
        """Return all keys with their inner state, in order of creation, also those PortOne does not show."""
        rows: list[dict[str, Any]] = self._json("GET", "/billing-keys")
        return rows

    def issue_billing_key(self, key: str, **card: Any) -> dict[str, Any]:
        """The buyer finished the window (number?, issuer?, brand?, …)."""
        return self._key(key, "issue", card)

    def fail_billing_key(self, key: str, **options: Any) -> dict[str, Any]:
        """The PG refused or the buyer left (pgCode?, pgMessage?)."""
        return self._key(key, "fail", options)

    def update_billing_key(self, key: str, **card: Any) -> dict[str, Any]:
        """The buyer put another card behind the key (number?, issuer?, …)."""
        return self._key(key, "update", card)

    def decline_billing_key(self, key: str, **options: Any) -> dict[str, Any]:
        """The next charges are refused (pgCode?, pgMessage?, times?)."""
        return self._key(key, "decline", options)

    def console_delete_billing_key(self, key: str) -> dict[str, Any]:
        """A person or the PG deletes the key."""
        return self._key(key, "console-delete", {})

    def schedules(self) -> list[dict[str, Any]]:
        """Return all schedules, in order of creation."""
        rows: list[dict[str, Any]] = self._json("GET", "/schedules")
        return rows

    def run_schedule(self, schedule_id: str) -> dict[str, Any]:
        """Move the clock to the schedule's time; the schedule after it ran."""
        return self._object("POST", f"/schedules/{quote(schedule_id, safe='')}/run", {})

    # -- identity verification ------------------------------------------------------------------------------------

    def open_identity_window(self, **window: Any) -> dict[str, Any]:
        """Play requestIdentityVerification; ``{identityVerificationTxId, …}`` or ``{code, message, …}``."""
        return self._object("POST", "/identity-windows", window)

    def identity(self, verification_id: str) -> dict[str, Any]:
        """Return the verification with ``_sim.otp``, the code the person would read in the SMS."""
        return self._object("GET", f"/identity-verifications/{quote(verification_id, safe='')}")

    def complete_identity(self, verification_id: str, **person: Any) -> dict[str, Any]:
        """The carrier found the person (name?, phoneNumber?, birthDate?, gender?, operator?, ci?, …)."""
        return self._identity(verification_id, "complete", person)

    def fail_identity(self, verification_id: str, **options: Any) -> dict[str, Any]:
        """The person left or the carrier refused (pgCode?, pgMessage?)."""
        return self._identity(verification_id, "fail", options)

    def approve_in_app(self, verification_id: str) -> dict[str, Any]:
        """The person agreed in the PASS app."""
        return self._identity(verification_id, "approve-in-app", {})

    # -- channels, chaos, state, console --------------------------------------------------------------------------

    def channels(self) -> list[dict[str, Any]]:
        """Return the channels of the first store with their manners."""
        rows: list[dict[str, Any]] = self._json("GET", "/channels")
        return rows

    def set_channel(self, key: str, **channel: Any) -> dict[str, Any]:
        """Add or replace a channel of the first store (pgProvider, type?, payMethods?, …)."""
        return self._object("PUT", f"/channels/{quote(key, safe='')}", channel)

    def chaos(self, **rates: Any) -> dict[str, Any]:
        """Disturb replies with unknown things (fields?, enums?, variants?, statuses?, seed?); rates from 0 to 1."""
        return self._object("POST", "/chaos", rates)

    def calm(self) -> dict[str, Any]:
        """Switch chaos off."""
        return self._object("DELETE", "/chaos")

    def import_state(self, state: dict[str, Any]) -> dict[str, Any]:
        """Become the state that ``state()`` returned, here or in another process; the new summary."""
        return self._object("PUT", "/state", {"export": state["export"]})

    def call_test(self, **options: Any) -> dict[str, Any]:
        """Press the console's button "call test" (environment?, url?, version?, contentType?)."""
        return self._object("POST", "/webhooks/test", options)

    def _key(self, key: str, action: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._object("POST", f"/billing-keys/{quote(key, safe='')}/{action}", body)

    def _identity(self, verification_id: str, action: str, body: dict[str, Any]) -> dict[str, Any]:
        path = f"/identity-verifications/{quote(verification_id, safe='')}/{action}"
        return self._object("POST", path, body)

    @abstractmethod
    def _object(self, method: str, path: str, body: Any = None) -> dict[str, Any]: ...

    @abstractmethod
    def _json(
        self, method: str, path: str, body: Any = None, *, params: dict[str, str] | None = None
    ) -> Any: ...
