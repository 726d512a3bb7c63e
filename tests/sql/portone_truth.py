"""Decides what PortOne would do in SQL tests: one payment's true state, idempotent by key, read back as snapshots."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.sql.shop import cancellation, snapshot

if TYPE_CHECKING:
    from tests.sql.shop import Row

START = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass
class Truth:
    """One paid payment at PortOne."""

    payment_id: str
    total: int
    seconds: int = 10
    cancellations: list[Row] = field(default_factory=list)
    replies: dict[str, Row] = field(default_factory=dict)
    history: list[Row] = field(default_factory=list)

    def tick(self) -> str:
        """The next moment."""
        self.seconds += 1
        return (START + timedelta(seconds=self.seconds)).isoformat()

    @property
    def cancelled(self) -> int:
        """What has been given back."""
        return sum(c["amount"] for c in self.cancellations if c["status"] == "SUCCEEDED")

    @property
    def pending(self) -> int:
        """What has been accepted and not decided."""
        return sum(c["amount"] for c in self.cancellations if c["status"] == "REQUESTED")

    @property
    def cancellable(self) -> int:
        """The balance that currentCancellableAmount is compared with."""
        return self.total - self.cancelled - self.pending

    def read(self) -> Row:
        """GET /payments/{id}."""
        status = (
            "CANCELLED" if self.cancelled == self.total else "PARTIAL_CANCELLED" if self.cancelled else "PAID"
        )
        moment = self.tick()
        made = snapshot(
            self.payment_id,
            status,
            self.total,
            cancelled=self.cancelled,
            cancellations=[dict(c) for c in self.cancellations],
            updated_at=moment,
            status_changed_at=moment,
        )
        self.history.append(made)
        return made

    def cancel(self, amount: int, *, trigger: str = "API", status: str = "SUCCEEDED") -> Row:
        """A cancellation takes place, whoever wanted it."""
        assert 0 < amount <= self.cancellable, f"asked to give back {amount} of {self.cancellable}"
        moment = self.tick()
        made = cancellation(
            f"c-{len(self.cancellations) + 1:03}",
            amount,
            status,
            trigger=trigger,
            requested_at=moment,
            cancelled_at=moment if status == "SUCCEEDED" else None,
        )
        self.cancellations.append(made)
        return made

    def post_cancel(self, key: str, amount: int, expected_balance: int, status: str = "SUCCEEDED") -> Row:
        """POST …/cancel with an idempotency key: the same key is answered from memory."""
        if key not in self.replies:
            if expected_balance != self.cancellable:
                self.replies[key] = {"error": "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN"}
            else:
                self.replies[key] = dict(self.cancel(amount, status=status))
        return self.replies[key]

    def decide_pending(self, status: str) -> None:
        """The oldest accepted cancellation is decided."""
        for entry in self.cancellations:
            if entry["status"] == "REQUESTED":
                entry["status"] = status
                entry["cancelled_at"] = self.tick() if status == "SUCCEEDED" else None
                return
