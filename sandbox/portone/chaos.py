"""Decides how replies grow fields and words no client knows, as PortOne warns they may at any time.

PortOne docs: new fields, new enum values and new variants may appear and must not break clients. Off by default;
seeded, so that a failing run can be repeated.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any, Final

from .replies import Reply

# Enumerated fields of nested objects; ``status`` and ``type`` select variants and have switches of their own.
_ENUMS: Final = frozenset(
    {
        "brand",
        "ownerType",
        "pgProvider",
        "bank",
        "accountType",
        "provider",
        "trigger",
        "platformType",
        "operator",
        "gender",
        "refundStatus",
        "giftCertificateType",
    }
)
_STRANGE: Final[tuple[Any, ...]] = (
    None,
    True,
    0,
    -1.5,
    "새 값",
    [],
    [1, "2"],
    {},
    {"nested": {"deep": None}},
)


@dataclass(frozen=True, slots=True)
class ChaosRates:
    """How often, from 0 to 1: a new field in an object, a new word in an enumeration, a new variant name."""

    fields: float = 0.0
    enums: float = 0.0
    variants: float = 0.0
    statuses: float = 0.0
    seed: int = 0


class Chaos:
    """Disturbs successful replies of the PortOne API."""

    def __init__(self) -> None:
        self.off()

    def set(self, rates: ChaosRates) -> None:
        """Switch on (or over) and start the random sequence anew."""
        self.rates = rates
        self._random = random.Random(rates.seed)  # noqa: S311  # has to be repeatable, not secret
        self.changed = 0

    def off(self) -> None:
        """Switch off."""
        self.set(ChaosRates())

    def disturb(self, reply: Reply) -> Reply:
        """Return the reply, changed when chaos is on and it is a successful one."""
        rates = self.rates
        if reply.status != 200 or not (rates.fields or rates.enums or rates.variants or rates.statuses):
            return reply
        body = json.dumps(self._walk(json.loads(reply.body), top=True), ensure_ascii=False).encode()
        return Reply(reply.status, body, reply.content_type, reply.headers)

    def _walk(self, value: Any, *, top: bool = False) -> Any:
        if isinstance(value, list):
            return [self._walk(entry) for entry in value]
        if not isinstance(value, dict):
            return value
        changed = {name: self._word(name, self._walk(entry)) for name, entry in value.items()}
        if self._happens(self.rates.fields) or (top and self.rates.fields and not self.changed):
            changed[f"simChaos{self._random.randrange(1_000)}"] = self._random.choice(_STRANGE)
        return changed

    def _word(self, name: str, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        rate = (
            self.rates.enums
            if name in _ENUMS
            else {"type": self.rates.variants, "status": self.rates.statuses}.get(name, 0.0)
        )
        return f"SIM_NEW_{name.upper()}" if self._happens(rate) else value

    def _happens(self, rate: float) -> bool:
        happens = rate > 0 and self._random.random() < rate
        self.changed += happens
        return happens
