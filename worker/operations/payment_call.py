"""Decides what the answers to a charge or an approval mean: the payment that was read back says what happened."""

from __future__ import annotations

from abc import ABC
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from worker.errors import Conflict, Rejected, Transient
from worker.operations.money_call import NEXT_READ_SECONDS, MoneyCall
from worker.operations.outcomes import done, failed, look, read_back, retry
from worker.operations.send_stored import attempt_result, is_doubtful, unknown

if TYPE_CHECKING:
    from worker.model import Begun, Outcome, Snapshot

_MONEY_MOVED: Final = frozenset({"PAID", "PARTIAL_CANCELLED", "CANCELLED"})


class PaymentCall(MoneyCall[None], ABC):
    """A money call that makes one payment happen, under a payment id that is used for nothing else."""

    @property
    def purpose(self) -> str:
        return f"operation:{self.job.command_id}"

    async def accepted(self, begun: Begun, reply: None) -> Outcome:
        attempt = attempt_result(begun, "succeeded")
        snapshots = await read_back(self.store, self.payment_id)
        if not snapshots:
            late = Transient("READ_BACK_FAILED", "PortOne made the payment but could not be read back.")
            return retry(self.job, late, attempt=attempt, counts=False)
        return done(self.job, *snapshots, attempt=attempt)

    async def refused(self, begun: Begun, error: Rejected | Conflict) -> Outcome:
        """Nobody else uses this payment id, so "already paid" is our own earlier send, once the read agrees."""
        read = await look(self.store, self.payment_id)
        snapshots = read or ()
        if error.code == "ALREADY_PAID":
            if snapshots and snapshots[0].status in _MONEY_MOVED:
                return done(self.job, *snapshots, attempt=attempt_result(begun, "succeeded"))
            return replace(unknown(self.job, begun, error), snapshots=snapshots)
        if read is None and is_doubtful(begun, error):
            return unknown(self.job, begun, error)
        outcome = failed(self.job, error, *snapshots, attempt=attempt_result(begun, "failed", error))
        return replace(outcome, deleted=error.code == "BILLING_KEY_ALREADY_DELETED")

    async def read_decided(self, snapshots: tuple[Snapshot, ...]) -> Outcome:
        snapshot = await self.store.payments.get(self.payment_id)
        if snapshot is None:
            late = Transient("PAYMENT_NOT_FOUND", "PortOne does not list this payment.")
            return retry(self.job, late, not_found=True)
        return done(self.job, snapshot)

    async def read_only(self, begun: Begun) -> Outcome:
        waiting = Transient("PAYMENT_UNDECIDED", "Waiting to see whether PortOne executed the payment.")
        pause = begun.retry_in_seconds if begun.retry_in_seconds is not None else NEXT_READ_SECONDS
        snapshot = await self.store.payments.get(self.payment_id)
        given = () if snapshot is None else (snapshot,)
        return retry(self.job, waiting, *given, in_seconds=pause, counts=False, not_found=snapshot is None)
