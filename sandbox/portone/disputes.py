"""Decides how a card holder's dispute opens and ends; the payment's status stays (OpenAPI: Dispute)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import ControlError
from .model import Dispute
from .payments import require

if TYPE_CHECKING:
    from .model import Payment
    from .payments import Ledger


def open_dispute(ledger: Ledger, payment: Payment, reason: str) -> None:
    """The card holder disputes a PAID payment: Transaction.DisputeCreated."""
    attempt = payment.shown
    require(attempt, {"PAID"}, "dispute", "approve the payment first")
    attempt.disputes.append(Dispute(ledger.ids.token("dispute-"), reason, ledger.clock.now()))
    ledger.touch(payment, attempt)
    ledger.announcer.announce(payment, attempt, "DisputeCreated", trigger="DISPUTE_CREATED")


def resolve_dispute(ledger: Ledger, payment: Payment) -> None:
    """The open dispute ends: Transaction.DisputeResolved; raises ControlError without one."""
    attempt = payment.shown
    dispute = next((entry for entry in attempt.disputes if entry.resolved_at is None), None)
    if dispute is None:
        raise ControlError(409, "SIM_INVALID_STATE", f"payment {payment.id} has no open dispute")
    dispute.resolved_at = ledger.clock.now()
    ledger.touch(payment, attempt)
    ledger.announcer.announce(payment, attempt, "DisputeResolved", trigger="DISPUTE_RESOLVED")
