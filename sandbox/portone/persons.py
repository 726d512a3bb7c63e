"""Decides who the verified person is and what the contract lets PortOne tell: CI and DI as PGs derive them."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final, Literal

from .clock import SECOND

if TYPE_CHECKING:
    from .channels import Channel

_KST: Final = timezone(timedelta(hours=9))
# Seventh digit of a resident number: century, gender, foreigner.
_SEVENTH: Final = {
    "1": (1900, "MALE", False),
    "2": (1900, "FEMALE", False),
    "3": (2000, "MALE", False),
    "4": (2000, "FEMALE", False),
    "5": (1900, "MALE", True),
    "6": (1900, "FEMALE", True),
    "7": (2000, "MALE", True),
    "8": (2000, "FEMALE", True),
}


@dataclass(frozen=True, slots=True)
class IdentityRequest:
    """What a window or ``send`` asked for; ``identity_number`` (7 digits) is used once and never kept."""

    customer: dict[str, Any]
    custom_data: str | None = None
    age_limit: int | None = None
    operator: str | None = None
    method: Literal["SMS", "APP"] | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """A person as the carrier knows them; ``birth_date`` is ISO, ``ci`` and ``di`` may be given by a test."""

    name: str
    birth_date: str
    gender: str
    phone: str
    operator: str
    is_foreigner: bool
    ci: str | None = None
    di: str | None = None


def default_person(request: IdentityRequest, identity_number: str | None, given: dict[str, Any]) -> Person:
    """Return the person: what a test said, else what was requested, else an invented one."""
    customer = request.customer
    born, gender, foreigner = _from_number(identity_number)
    if born is None and customer.get("birthYear") and customer.get("birthMonth") and customer.get("birthDay"):
        born = f"{customer['birthYear']}-{customer['birthMonth']:0>2}-{customer['birthDay']:0>2}"
    return Person(
        name=given.get("name") or customer.get("name") or "홍길동",
        birth_date=given.get("birthDate") or born or "1990-01-31",
        gender=given.get("gender") or gender or "MALE",
        phone=given.get("phoneNumber") or customer.get("phoneNumber") or "01012345678",
        operator=given.get("operator") or request.operator or "SKT",
        is_foreigner=foreigner if given.get("isForeigner") is None else given["isForeigner"],
        ci=given.get("ci"),
        di=given.get("di"),
    )


def _from_number(number: str | None) -> tuple[str | None, str | None, bool]:
    if number is None or number[6] not in _SEVENTH:
        return None, None, False
    century, gender, foreigner = _SEVENTH[number[6]]
    return f"{century + int(number[:2])}-{number[2:4]}-{number[4:6]}", gender, foreigner


def verified_customer(person: Person, channel: Channel, customer_id: str | None) -> dict[str, Any]:
    """Return OpenAPI: IdentityVerificationVerifiedCustomer; CI, phone, carrier and foreigner only by contract."""
    body: dict[str, Any] = {} if customer_id is None else {"id": customer_id}
    body |= {"name": person.name, "birthDate": person.birth_date, "gender": person.gender}
    if channel.identity_phone:
        body |= {
            "operator": person.operator,
            "phoneNumber": person.phone,
            "isForeigner": person.is_foreigner,
        }
    if channel.identity_ci:
        body["ci"] = person.ci or ci_of(person)
    body["di"] = person.di or di_of(person, channel.pg_merchant_id)
    return body


def ci_of(person: Person) -> str:
    """Return 88 characters, the same for the same person everywhere."""
    return base64.b64encode(hashlib.sha512(_self(person)).digest()).decode()


def di_of(person: Person, pg_merchant_id: str) -> str:
    """Return 66 characters, the same for the same person at one PG contract (CPID)."""
    digest = hashlib.sha384(pg_merchant_id.encode() + b"\0" + _self(person)).digest()
    return base64.b64encode(digest).decode() + "=="


def _self(person: Person) -> bytes:
    return f"{person.name}\0{person.birth_date}\0{person.gender}".encode()


def age_in_kst(birth_date: str, now: int) -> int:
    """Return the full age in years on the day it is in Korea; ``now`` in nanoseconds."""
    born = date.fromisoformat(birth_date)
    today = datetime.fromtimestamp(now // SECOND, UTC).astimezone(_KST).date()
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
