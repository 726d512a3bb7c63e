"""Decides how PortOne's loosely promised JSON is read: a value of the wrong type becomes null, nothing crashes.

PortOne adds fields, enum values and variants at any time and asks clients to bear it (docs: compatibility).
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def _text(value: object) -> object:
    return value if isinstance(value, str) else None


def whole(value: object) -> object:
    """Return an integer as it is, anything else as None."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _truth(value: object) -> object:
    return value if isinstance(value, bool) else None


def _time(value: object) -> object:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        return None
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return None
    return value


def _date(value: object) -> object:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return None
    try:
        date.fromisoformat(value)
    except ValueError:
        return None
    return value


def an_object(value: object) -> object:
    """Return an object as it is, anything else as an empty one."""
    return value if isinstance(value, dict) else {}


def object_or_none(value: object) -> object:
    """Return an object as it is, anything else as None."""
    return value if isinstance(value, dict) else None


def objects(value: object) -> object:
    """Return the objects of a list; anything else is an empty list."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


Text = Annotated[str | None, BeforeValidator(_text)]
Whole = Annotated[int | None, BeforeValidator(whole)]
Truth = Annotated[bool | None, BeforeValidator(_truth)]
Time = Annotated[str | None, BeforeValidator(_time)]
Date = Annotated[str | None, BeforeValidator(_date)]


class Tolerant(BaseModel):
    """A PortOne object: camelCase outside, unknown fields dropped, values never in an error."""

    model_config = ConfigDict(
        extra="ignore", frozen=True, alias_generator=to_camel, hide_input_in_errors=True
    )


class ChannelFields(Tolerant):
    """``SelectedChannel`` of the OpenAPI document."""

    type: Text = None
    key: Text = None
    pg_provider: Text = None
    pg_merchant_id: Text = None

    @property
    def kind(self) -> str | None:
        """LIVE or TEST; another word is as good as none."""
        return self.type if self.type in ("LIVE", "TEST") else None


class FailureFields(Tolerant):
    """Why a payment or an identity check failed, in the PG's words."""

    reason: Text = None
    pg_code: Text = None
    pg_message: Text = None
