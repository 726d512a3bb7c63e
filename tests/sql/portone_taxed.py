"""Decides what PortOne would do with many callers at once: a payment's true state under a lock, with its tax-free balance."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.sql.portone_truth import Truth

if TYPE_CHECKING:
    from tests.sql.shop import Row


@dataclass
class TaxedTruth(Truth):
    """One paid payment at PortOne, part of it perhaps tax-free. Safe to use from several threads."""

    tax_free: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @property
    def tax_free_left(self) -> int:
        """The balance that a cancellation's taxFreeAmount is compared with."""
        return self.tax_free - sum(c["tax_free"] for c in self.cancellations if c["status"] != "FAILED")

    def read(self) -> Row:
        """GET /payments/{id}."""
        with self.lock:
            made = super().read()
            made["tax_free"] = self.tax_free
            made["cancelled_tax_free"] = sum(
                c["tax_free"] for c in self.cancellations if c["status"] == "SUCCEEDED"
            )
            return made

    def take(self, amount: int, tax_free: int, *, trigger: str, status: str = "SUCCEEDED") -> Row:
        """A cancellation takes place; the taxable part carries a tenth of VAT."""
        with self.lock:
            made = self.cancel(amount, trigger=trigger, status=status)
            made["tax_free"] = tax_free
            made["vat"] = (amount - tax_free) // 11
            return made

    def outside(self, amount: int, trigger: str) -> None:
        """The console or a chargeback takes what it can of this amount, taxable money first."""
        with self.lock:
            amount = min(amount, self.cancellable)
            if amount > 0:
                taxable = self.cancellable - self.tax_free_left
                self.take(amount, max(0, amount - taxable), trigger=trigger)

    def post_taxed_cancel(self, key: str, body: Row, status: str) -> Row:
        """POST …/cancel: balances are compared, and the same key is answered from memory."""
        with self.lock:
            if key not in self.replies:
                self.replies[key] = self.answer(body, status)
            return self.replies[key]

    def answer(self, body: Row, status: str) -> Row:
        """What PortOne says to a cancellation it has not seen."""
        amount, tax_free = body["amount"], body["tax_free"]
        if body["balance"] != self.cancellable:
            return {"error": "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN"}
        if amount > self.cancellable:
            return {"error": "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT"}
        if tax_free > self.tax_free_left or amount - tax_free > self.cancellable - self.tax_free_left:
            return {"error": "CANCEL_TAX_AMOUNT_EXCEEDS_CANCELLABLE_TAX_AMOUNT"}
        return dict(self.take(amount, tax_free, trigger="API", status=status))

    def refuse(self, key: str) -> None:
        """The card company says no to this key, unless it has said something already."""
        with self.lock:
            self.replies.setdefault(key, {"error": "PG_PROVIDER"})

    def decide(self, status: str) -> bool:
        """The oldest accepted cancellation is decided; whether there was one."""
        with self.lock:
            waiting = self.pending > 0
            self.decide_pending(status)
            return waiting
