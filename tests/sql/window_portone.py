"""Decides what PortOne knows in the walks through its idempotency window: it remembers a key for 3 h and counts what it did."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.sql.shop import cancellation, snapshot

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tests.sql.shop import Row

REMEMBERED = timedelta(hours=3)
# What each refund gives back of the 1,000 that were paid: several fit in.
REFUND = 200


@dataclass
class CountingPortOne:
    """PortOne's side of one call. Stricter than PortOne: a send after the window is always a second effect."""

    kind: str
    payment_id: str
    now: Callable[[], datetime]
    # Asked at every send: is exactly this committed already, for somebody on another connection?
    is_committed: Callable[[str, str], bool]
    first: dict[str, tuple[datetime, str]] = field(default_factory=dict)
    sends: list[tuple[str, str]] = field(default_factory=list)
    effects: list[datetime] = field(default_factory=list)
    strangers: list[datetime] = field(default_factory=list)
    status: str | None = None
    listed_as: str = "SUCCEEDED"

    def receive(self, key: str, body: str) -> None:
        """A send arrives: executed once while its key is remembered. Raises AssertionError for one never written down."""
        assert self.is_committed(key, body), "sent before the key and the exact body were committed"
        self.sends.append((key, body))
        if key in self.first and self.now() < self.first[key][0] + REMEMBERED:
            assert self.first[key][1] == body, "another body under a key PortOne remembers"
            return
        self.first[key] = (self.now(), body)
        self.effects.append(self.now())

    def look_alike(self) -> None:
        """Somebody else cancels the same amount over the API, at about the same time."""
        self.strangers.append(self.now())

    @property
    def entries(self) -> list[Row]:
        """PortOne's list of cancellations."""
        moments = sorted(self.effects + self.strangers)
        return [
            cancellation(
                f"c-{number}",
                REFUND,
                self.listed_as,
                requested_at=at.isoformat(),
                cancelled_at=at.isoformat() if self.listed_as == "SUCCEEDED" else None,
            )
            for number, at in enumerate(moments, 1)
        ]

    def reading(self) -> Row:
        """What a worker that looks now hands over, by every way it can look."""
        if self.status:
            return {"snapshots": [self._payment(self.status)]}
        if self.kind == "cancel_payment":
            given_back = sum(entry["amount"] for entry in self.entries if entry["status"] == "SUCCEEDED")
            return {
                "snapshots": [
                    self._payment(
                        "PARTIAL_CANCELLED" if given_back else "PAID",
                        cancelled=given_back,
                        cancellations=self.entries,
                    )
                ]
            }
        if self.kind == "create_schedule":
            return {"not_found": True} | (
                {"schedules": [self._schedule()]} if self.effects else {"schedule_not_found": True}
            )
        if self.effects:
            return {"snapshots": [self._payment("PAID")]}
        return (
            {"snapshots": [self._payment("READY")]} if self.kind == "confirm_payment" else {"not_found": True}
        )

    def _payment(self, status: str, **fields: Any) -> Row:
        at = self.now().isoformat()
        return snapshot(self.payment_id, status, updated_at=at, status_changed_at=at, **fields)

    def _schedule(self) -> Row:
        return {
            "schedule_id": f"schedule-of-{self.payment_id}",
            "payment_id": self.payment_id,
            "status": "SCHEDULED",
            "time_to_pay": "2099-01-01T00:00:00Z",
            "revoked_at": None,
        }
