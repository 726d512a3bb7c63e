"""Decides how identity checks are read and driven by SMS or app at PortOne.

Codes and resident digits pass through to PortOne and nowhere else; answers to send, resend and confirm are not read,
because they hold personal data that only the one parser may see.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationError

from worker.errors import Rejected, Transient
from worker.portone.encoding import encode
from worker.portone.tolerant import (
    ChannelFields,
    Date,
    FailureFields,
    Text,
    Time,
    Tolerant,
    Truth,
    an_object,
    object_or_none,
)
from worker.readings import IdentityReading

if TYPE_CHECKING:
    from worker.portone.client import PortOneClient


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a code is sent to. Personal data: nothing of it prints; ``identity_number`` are seven digits, for SMS."""

    name: str = field(repr=False)
    phone_number: str = field(repr=False)
    identity_number: str | None = field(repr=False)
    ip_address: str = field(repr=False)
    operator: str
    method: Literal["SMS", "APP"]


class _Customer(Tolerant):
    name: Text = None
    phone_number: Text = None
    operator: Text = None
    birth_date: Date = None
    gender: Text = None
    is_foreigner: Truth = None
    ci: Text = None
    di: Text = None


class _Identity(Tolerant):
    id: str = Field(strict=True, min_length=1)
    status: str = Field(strict=True, min_length=1)
    channel: Annotated[ChannelFields, BeforeValidator(an_object)] = ChannelFields()
    requested_at: Time = None
    verified_at: Time = None
    failure: Annotated[FailureFields | None, BeforeValidator(object_or_none)] = None
    verified_customer: Annotated[_Customer, BeforeValidator(an_object)] = _Customer()


def read_identity(payload: object, *, store_id: str) -> IdentityReading | None:
    """Return what an ``IdentityVerification`` says, or None when even id or status are unreadable.

    ``pgRawResponse`` and what the customer typed are dropped here; CI may be missing (docs: Danal, since 2026 by
    contract), an empty one counts as missing.
    """
    try:
        found = _Identity.model_validate(payload)
    except ValidationError:
        return None
    person, verified = found.verified_customer, found.status == "VERIFIED"
    shown = person if verified else _Customer()
    data = {
        **found.model_dump(include={"status", "requested_at", "verified_at", "failure"}),
        **shown.model_dump(exclude={"ci", "di"}),
        "identity_verification_id": found.id,
        "store_id": store_id,
        "channel_kind": found.channel.kind,
        "pg_provider": found.channel.pg_provider,
        "pg_merchant_id": found.channel.pg_merchant_id,
    }
    return IdentityReading(found.status, found.channel.kind, shown.ci or None, shown.di or None, data)


class Identities:
    """The identity verification endpoints this project uses."""

    def __init__(self, client: PortOneClient) -> None:
        self._client = client

    async def get(self, identity_verification_id: str) -> IdentityReading | None:
        """Read an identity check (OpenAPI: getIdentityVerification); None when PortOne does not know it."""
        try:
            payload = await self._client.request(
                "GET",
                "identity-verifications",
                identity_verification_id,
                query={"storeId": self._client.store_id},
            )
        except Rejected as error:
            if error.code == "IDENTITY_VERIFICATION_NOT_FOUND":
                return None
            raise
        reading = read_identity(payload, store_id=self._client.store_id)
        if reading is None or reading.data["identity_verification_id"] != identity_verification_id:
            raise Transient(
                "PORTONE_REPLY_UNREADABLE", "PortOne's answer is not the identity check that was asked for."
            )
        return reading

    async def send(
        self, identity_verification_id: str, person: Person, *, channel_key: str, idempotency_key: str
    ) -> None:
        """Ask for a code or an app request (OpenAPI: sendIdentityVerification). Raises the fault table's branches."""
        customer = {
            "name": person.name,
            "phoneNumber": person.phone_number,
            "identityNumber": person.identity_number,
            "ipAddress": person.ip_address,
        }
        body = encode(
            {
                "storeId": self._client.store_id,
                "channelKey": channel_key,
                "customer": {name: value for name, value in customer.items() if value is not None},
                "operator": person.operator,
                "method": person.method,
            }
        )
        await self._client.request(
            "POST",
            "identity-verifications",
            identity_verification_id,
            "send",
            body=body,
            idempotency_key=idempotency_key,
        )

    async def resend(self, identity_verification_id: str, *, idempotency_key: str) -> None:
        """Send the code again (OpenAPI: resendIdentityVerification)."""
        await self._client.request(
            "POST",
            "identity-verifications",
            identity_verification_id,
            "resend",
            query={"storeId": self._client.store_id},
            idempotency_key=idempotency_key,
        )

    async def confirm(self, identity_verification_id: str, *, otp: str | None, idempotency_key: str) -> None:
        """Hand over the code, or say that the app was used (OpenAPI: confirmIdentityVerification)."""
        await self._client.request(
            "POST",
            "identity-verifications",
            identity_verification_id,
            "confirm",
            body=encode({"storeId": self._client.store_id, "otp": otp}),
            idempotency_key=idempotency_key,
        )
