"""Decides which request is disturbed, and how, on command of the control API."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final, Literal

from .errors import pg_provider

Kind = Literal[
    "reset_before",
    "status",
    "delay",
    "pg_provider",
    "cancellation_failed",
    "drop_reply_after_commit",
    "html_500_after_commit",
    "delay_after_commit",
]
Stage = Literal["before", "processing", "pg", "after"]

STAGE_OF: Final[dict[Kind, Stage]] = {
    "reset_before": "before",
    "status": "before",
    "delay": "processing",
    "pg_provider": "pg",
    "cancellation_failed": "pg",
    "drop_reply_after_commit": "after",
    "html_500_after_commit": "after",
    "delay_after_commit": "after",
}

HTML_500: Final = b"<html><head><title>500</title></head><body><h1>Internal Server Error</h1></body></html>"


@dataclass(slots=True)
class Fault:
    """A disturbance of requests whose method and path match, for the next ``times`` of them."""

    method: str
    path: str
    kind: Kind
    times: int
    seconds: float = 0.0
    status: int = 503
    body: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    pg_code: str = "SIM_PG_ERROR"
    pg_message: str = "refused by the simulated PG"

    def as_dict(self) -> dict[str, Any]:
        """Return the control API's form; ``times`` counts down."""
        return {"method": self.method, "path": self.path, "kind": self.kind, "times": self.times}


class Faults:
    """The list of disturbances still to come."""

    def __init__(self) -> None:
        self.pending: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Add one; the first that matches a request wins at each stage."""
        self.pending.append(fault)

    def take(self, stage: Stage, method: str, path: str) -> Fault | None:
        """Return and use up the first fault of ``stage`` for this request, or None."""
        for fault in self.pending:
            if STAGE_OF[fault.kind] == stage and _matches(fault, method, path):
                fault.times -= 1
                if fault.times <= 0:
                    self.pending.remove(fault)
                return fault
        return None

    def clear(self) -> None:
        """Forget all of them."""
        self.pending.clear()


def raise_fault(fault: Fault | None) -> None:
    """Raise PG_PROVIDER for a disturbance of the PG, if there is one."""
    if fault is not None:
        raise pg_provider(fault.pg_code, fault.pg_message)


def _matches(fault: Fault, method: str, path: str) -> bool:
    return fault.method in ("*", method) and fnmatchcase(path, fault.path)
