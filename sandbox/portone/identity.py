"""Decides how a person is verified: the browser window, and SMS or APP by API (PortOne docs: identity verification).

READY becomes VERIFIED or FAILED; the same id may be tried again until its first success. No webhook tells of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from .clock import SECOND
from .errors import ControlError, PortOneError, invalid_request, pg_provider
from .faults import raise_fault
from .persons import IdentityRequest, Person, age_in_kst, default_person

if TYPE_CHECKING:
    from collections.abc import Callable

    from .assumptions import Assumptions
    from .channels import Channel
    from .clock import Clock
    from .faults import Fault
    from .identifiers import Identifiers

IdentityStatus = Literal["READY", "VERIFIED", "FAILED"]
_HOUR = 3_600 * SECOND


@dataclass(slots=True)
class Verification:
    """One identity verification id with the state of its latest try."""

    id: str
    tx_id: str
    number: int
    channel: Channel
    request: IdentityRequest
    requested_at: int
    updated_at: int
    status_changed_at: int
    status: IdentityStatus = "READY"
    tries: int = 1
    otp: str | None = None
    wrong_otps: int = 0
    approved_in_app: bool = False
    birth_hint: str | None = None
    person: Person | None = None
    verified_at: int | None = None
    failed_at: int | None = None
    failure: dict[str, str] | None = None
    pg_tx_id: str | None = None


@dataclass(slots=True)
class IdentityDesk:
    """All identity verifications of one store; ``sent`` holds the moments of requests per end user's address."""

    clock: Clock
    ids: Identifiers
    rules: Assumptions
    entries: dict[str, Verification] = field(default_factory=dict)
    sent: dict[str, list[int]] = field(default_factory=dict)

    def find(self, verification_id: str) -> Verification:
        """Return the verification; raises IDENTITY_VERIFICATION_NOT_FOUND."""
        entry = self.entries.get(verification_id)
        if entry is None:
            raise PortOneError(
                "IDENTITY_VERIFICATION_NOT_FOUND", f"identity verification {verification_id} does not exist"
            )
        return entry

    def throttled(self, address: str) -> bool:
        """Count one request of an end user's address and say whether Danal blocks it (error 0086)."""
        now = self.clock.now()
        kept = [moment for moment in self.sent.get(address, []) if moment > now - 24 * _HOUR]
        last_hour = sum(moment > now - _HOUR for moment in kept)
        blocked = last_hour >= self.rules.identity_per_hour or len(kept) >= self.rules.identity_per_day
        if not blocked:
            kept.append(now)
        self.sent[address] = kept
        return blocked

    def start(self, verification_id: str, channel: Channel, request: IdentityRequest) -> Verification:
        """Start a try under a new or a not yet verified id."""
        now = self.clock.now()
        old = self.entries.get(verification_id)
        entry = Verification(
            verification_id,
            self.ids.uuid7(),
            len(self.entries) if old is None else old.number,
            channel,
            request,
            now,
            now,
            now,
            tries=1 if old is None else old.tries + 1,
        )
        self.entries[verification_id] = entry
        return entry

    # -- SMS and APP by API ---------------------------------------------------------------------------------------

    def send(
        self,
        verification_id: str,
        channel: Channel,
        request: IdentityRequest,
        identity_number: str | None,
        address: str,
        pg_fault: Callable[[], Fault | None],
    ) -> Verification:
        """Send an OTP, or ask the person's PASS app (OpenAPI: sendIdentityVerification).

        Raises IDENTITY_VERIFICATION_ALREADY_VERIFIED, _ALREADY_SENT, MAX_TRANSACTION_COUNT_REACHED, INVALID_REQUEST,
        PG_PROVIDER (0086 when the address asked too often); in that order (assumed).
        """
        old = self.entries.get(verification_id)
        if old is not None:
            self._check_again(old)
        if request.method == "SMS" and identity_number is None:
            raise invalid_request("customer.identityNumber: the first 7 digits are needed for SMS")
        raise_fault(pg_fault())
        if self.throttled(address):
            raise pg_provider("0086", "too many attempts from this address; try again later")
        entry = self.start(verification_id, channel, request)
        entry.birth_hint = identity_number
        entry.otp = self.ids.digits(6) if request.method == "SMS" else None
        return entry

    def _check_again(self, old: Verification) -> None:
        if old.status == "VERIFIED":
            raise PortOneError("IDENTITY_VERIFICATION_ALREADY_VERIFIED", f"{old.id} is verified")
        if old.status == "READY" and old.request.method is not None:
            raise PortOneError("IDENTITY_VERIFICATION_ALREADY_SENT", f"{old.id} was sent; use resend")
        if old.tries >= self.rules.max_attempts:
            raise PortOneError("MAX_TRANSACTION_COUNT_REACHED", f"{old.id} has had {old.tries} tries")

    def sent_entry(self, verification_id: str) -> Verification:
        """Return an entry that waits for its confirmation.

        Raises IDENTITY_VERIFICATION_NOT_FOUND, _ALREADY_VERIFIED, _NOT_SENT.
        """
        entry = self.find(verification_id)
        if entry.status == "VERIFIED":
            raise PortOneError("IDENTITY_VERIFICATION_ALREADY_VERIFIED", f"{entry.id} is verified")
        if entry.request.method is None or entry.status != "READY":
            raise PortOneError("IDENTITY_VERIFICATION_NOT_SENT", f"{entry.id} was not sent")
        return entry

    def resend(self, verification_id: str, pg_fault: Callable[[], Fault | None]) -> None:
        """Send again: a new OTP makes the old one useless (assumed)."""
        entry = self.sent_entry(verification_id)
        raise_fault(pg_fault())
        entry.otp = self.ids.digits(6) if entry.request.method == "SMS" else None
        entry.wrong_otps, entry.updated_at = 0, self.clock.now()

    def confirm(
        self, verification_id: str, otp: str | None, pg_fault: Callable[[], Fault | None]
    ) -> Verification:
        """Confirm with the OTP (SMS) or after the person approved (APP); a wrong OTP is PG_PROVIDER (assumed)."""
        entry = self.sent_entry(verification_id)
        if entry.request.method == "SMS" and otp is None:
            raise invalid_request("otp: is needed for SMS")
        raise_fault(pg_fault())
        if entry.request.method == "APP" and not entry.approved_in_app:
            raise pg_provider("NOT_APPROVED", "the person has not approved in the PASS app yet")
        if entry.request.method == "SMS" and otp != entry.otp:
            entry.wrong_otps += 1
            if entry.wrong_otps >= self.rules.max_wrong_otps:
                self.fail(entry, "OTP_LIMIT", "the OTP was wrong too often")
            raise pg_provider("WRONG_OTP", "the OTP is wrong")
        self.complete(entry, {})
        if entry.status == "FAILED":
            failure = entry.failure or {}
            raise pg_provider(failure.get("pgCode", ""), failure.get("pgMessage", ""))
        return entry

    # -- outcome --------------------------------------------------------------------------------------------------

    def complete(self, entry: Verification, person: dict[str, Any]) -> None:
        """The carrier answered for ``person`` (missing fields are filled in): VERIFIED, or FAILED.

        Fails when the request locked another name or phone number, or the person is under AGELIMIT (in KST).
        """
        if entry.status != "READY":
            raise ControlError(
                409, "SIM_INVALID_STATE", f"complete: the identity verification is {entry.status}"
            )
        found = default_person(entry.request, entry.birth_hint, person)
        entry.birth_hint = entry.otp = None
        limit = entry.request.age_limit
        locked = entry.request.customer
        if locked.get("name") not in (None, found.name) or locked.get("phoneNumber") not in (
            None,
            found.phone,
        ):
            self.fail(entry, "CUSTOMER_MISMATCH", "name or phone number belong to another person")
        elif limit is not None and age_in_kst(found.birth_date, self.clock.now()) < limit:
            # Looks like the person closed the window (reported for V1).
            self.fail(entry, "PAY_PROCESS_CANCELED", "[PAY_PROCESS_CANCELED] the person closed the window")
        else:
            entry.person = found
            entry.verified_at = self._move(entry, "VERIFIED")
            entry.pg_tx_id = self.ids.digits(20)

    def fail(self, entry: Verification, pg_code: str, pg_message: str) -> None:
        """The person gave up or the carrier refused: FAILED."""
        if entry.status != "READY":
            raise ControlError(409, "SIM_INVALID_STATE", f"fail: the identity verification is {entry.status}")
        entry.failure = {"reason": pg_message, "pgCode": pg_code, "pgMessage": pg_message}
        entry.birth_hint = entry.otp = None
        entry.failed_at = self._move(entry, "FAILED")

    def _move(self, entry: Verification, status: IdentityStatus) -> int:
        entry.status = status
        entry.updated_at = entry.status_changed_at = self.clock.now()
        return entry.updated_at


def age_limit_of(bypass: dict[str, Any]) -> int | None:
    """Return Danal's AGELIMIT of a request's ``bypass``, None without one; raises INVALID_REQUEST."""
    danal = bypass.get("danal")
    limit = danal.get("AGELIMIT") if isinstance(danal, dict) else None
    if limit is not None and not str(limit).isdecimal():
        raise invalid_request("bypass.danal.AGELIMIT: must be a number of years")
    return None if limit is None else int(limit)
