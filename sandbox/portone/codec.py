"""Decides how the simulator's objects become JSON and objects again, with shared objects kept shared."""

from __future__ import annotations

import base64
import re
from dataclasses import fields, is_dataclass
from typing import Any, Final

from .billing import BillingKey, KeyRequest
from .channels import Channel
from .idempotency import Entry
from .identity import Verification
from .messages import Delivery, Message
from .model import Attempt, Cancellation, Dispute, EventRecord, Order, Payment, PreRegistration
from .persons import IdentityRequest, Person
from .replies import Reply
from .schedules import Schedule
from .tokens import Token
from .webhooks import WebhookSettings

_CLASSES: Final[dict[str, type[Any]]] = {
    known.__name__: known
    for known in (
        Attempt,
        BillingKey,
        Cancellation,
        Channel,
        Delivery,
        Dispute,
        Entry,
        EventRecord,
        IdentityRequest,
        KeyRequest,
        Message,
        Order,
        Payment,
        Person,
        PreRegistration,
        Reply,
        Schedule,
        Token,
        Verification,
        WebhookSettings,
    )
}


class Encoder:
    """Turns objects into JSON values; an object met again becomes a reference to its number."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        # Keeps every object alive, so that no number is given twice.
        self._met: list[object] = []

    def encode(self, value: Any) -> Any:
        """Return the JSON form; raises TypeError for a class no export may hold."""
        if value is None or isinstance(value, str | int | float | bool):
            return value
        if isinstance(value, list):
            return [self.encode(entry) for entry in value]
        if isinstance(value, dict):
            return {"$": "dict", "items": {str(name): self.encode(entry) for name, entry in value.items()}}
        if isinstance(value, tuple | frozenset):
            entries = sorted(value) if isinstance(value, frozenset) else value
            return {"$": type(value).__name__, "items": [self.encode(entry) for entry in entries]}
        if isinstance(value, bytes):
            return {"$": "bytes", "base64": base64.b64encode(value).decode()}
        if isinstance(value, re.Pattern):
            return {"$": "pattern", "text": value.pattern}
        return self._object(value)

    def _object(self, value: Any) -> dict[str, Any]:
        name = type(value).__name__
        if not is_dataclass(value) or name not in _CLASSES:
            raise TypeError(f"{name} cannot be exported")
        if id(value) in self._numbers:
            return {"$": "same", "as": self._numbers[id(value)]}
        self._met.append(value)
        number = self._numbers[id(value)] = len(self._met)
        parts = {field.name: self.encode(getattr(value, field.name)) for field in fields(value)}
        return {"$": name, "number": number, "fields": parts}


class Decoder:
    """Turns JSON values of one Encoder back into objects."""

    def __init__(self) -> None:
        self._objects: dict[int, Any] = {}

    def decode(self, value: Any) -> Any:
        """Return the object; raises KeyError, TypeError or ValueError when it is not an Encoder's."""
        if isinstance(value, list):
            return [self.decode(entry) for entry in value]
        if not isinstance(value, dict):
            return value
        match value["$"]:
            case "dict":
                return {name: self.decode(entry) for name, entry in value["items"].items()}
            case "tuple":
                return tuple(self.decode(entry) for entry in value["items"])
            case "frozenset":
                return frozenset(self.decode(entry) for entry in value["items"])
            case "bytes":
                return base64.b64decode(value["base64"], validate=True)
            case "pattern":
                return re.compile(value["text"])
            case "same":
                return self._objects[value["as"]]
            case name:
                parts = {field: self.decode(entry) for field, entry in value["fields"].items()}
                made = self._objects[value["number"]] = _CLASSES[name](**parts)
                return made
