"""Decides what is special about sending a refund: its balance is read in the same job, and PortOne must list it.

HTTP 200 does not mean refunded, and another refund of the payment may be undecided. When and with which bytes it is
sent is ``money_call``'s decision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.errors import Conflict, Rejected, Transient
from worker.logs import get_logger
from worker.model import AttemptResult
from worker.operations.money_call import NEXT_READ_SECONDS, Draft, MoneyCall
from worker.operations.outcomes import dead, done, failed, read_back, retry
from worker.operations.send_stored import attempt_result, is_doubtful, unknown
from worker.portone.payments import CancelReply

if TYPE_CHECKING:
    from worker.deps import Deps
    from worker.model import AttemptOutcome, Begun, Job, Outcome, Refund, Snapshot

_LISTED_SOON_SECONDS: Final = 1.0
# Somebody else changed the balance between our read and our send, or PortOne reads it otherwise: not for ever, and not
# often, since PortOne counts attempts to cancel a payment (OpenAPI: MAX_CANCEL_COUNT_REACHED).
_BALANCE_WAITS: Final = (0.0, 1.0, 5.0, 30.0)
_STATUSES: Final[dict[str, AttemptOutcome]] = {
    "SUCCEEDED": "succeeded",
    "REQUESTED": "requested",
    "FAILED": "failed",
}


async def cancel_payment(deps: Deps, job: Job) -> Outcome | None:
    """Run one cancellation job as far as it can safely go; None means the claim was lost and nothing may be said.

    Raises ``Transient`` and ``Misconfigured`` from the reads before anything was sent.
    """
    if job.refund is None or job.payment_id is None:
        return dead(job, Rejected("CONTEXT_INCOMPLETE", "The job has no cancellation with an amount."))
    return await _Cancel(deps, job, job.payment_id, job.refund).run()


class _Cancel(MoneyCall[CancelReply]):
    verb = "cancel"

    def __init__(self, deps: Deps, job: Job, payment_id: str, refund: Refund) -> None:
        super().__init__(deps, job, payment_id)
        self._refund = refund

    @property
    def purpose(self) -> str:
        return f"cancel:{self._refund.id}"

    async def draft(self) -> Draft | Outcome:
        """The balance is what PortOne says now, never our own column; refused, the other reading of it is tried."""
        snapshot = await self.store.payments.get(self.payment_id)
        if snapshot is None:
            # Perhaps a wrong store, so not proof that the payment does not exist (observed): never a final answer.
            return _not_listed(self.job)
        last = self.job.attempt
        refused = last.number if last is not None and last.outcome == "failed" else 0
        balance = snapshot.balances[refused % len(snapshot.balances)]
        return Draft(self.store.payments.cancel_body(self._refund, current_cancellable=balance), (snapshot,))

    async def send(self, body: bytes, idempotency_key: str) -> CancelReply:
        return await self.store.payments.cancel(self.payment_id, body=body, idempotency_key=idempotency_key)

    async def accepted(self, begun: Begun, reply: CancelReply) -> Outcome:
        """A status word this version does not know counts as requested: open until a read says otherwise."""
        outcome = _STATUSES.get(reply.status, "requested")
        attempt = AttemptResult(begun.attempt_number, outcome, reply.cancellation_id)
        get_logger().info(
            "payment cancel answered by portone",
            payment_id=self.payment_id,
            cancellation_status=reply.status,
        )
        snapshots = await read_back(self.store, self.payment_id)
        if attempt.outcome == "failed":
            error = Rejected("CANCELLATION_FAILED", "PortOne could not execute the cancellation.")
            return failed(self.job, error, *snapshots, attempt=attempt)
        if not snapshots:
            late = Transient("READ_BACK_FAILED", "PortOne accepted the cancel but could not be read back.")
            return retry(self.job, late, attempt=attempt, counts=False)
        if reply.cancellation_id is not None and not snapshots[0].has_cancellation(reply.cancellation_id):
            return retry(self.job, _not_yet(), *snapshots, attempt=attempt, in_seconds=_LISTED_SOON_SECONDS)
        return done(self.job, *snapshots, attempt=attempt)

    async def refused(self, begun: Begun, error: Rejected | Conflict) -> Outcome:
        """Only a wrong balance is worth another look: with fresh numbers and a new key, a few times.

        The database holds PortOne's list against the no: an entry that can only be this refund is this refund.
        """
        attempt = attempt_result(begun, "failed", error)
        snapshots = await read_back(self.store, self.payment_id)
        if not snapshots and is_doubtful(begun, error):
            return unknown(self.job, begun, error)
        if error.code == "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN" and begun.attempt_number <= len(
            _BALANCE_WAITS
        ):
            wait = _BALANCE_WAITS[begun.attempt_number - 1]
            return retry(self.job, error, *snapshots, attempt=attempt, in_seconds=wait)
        return failed(self.job, error, *snapshots, attempt=attempt)

    async def read_decided(self, snapshots: tuple[Snapshot, ...]) -> Outcome:
        snapshot = await self.store.payments.get(self.payment_id)
        if snapshot is None:
            return _not_listed(self.job)
        known = self._refund.cancellation_id
        if known is not None and not snapshot.has_cancellation(known):
            return retry(self.job, _not_yet(), snapshot)
        return done(self.job, snapshot)

    async def read_only(self, begun: Begun) -> Outcome:
        error = Transient(
            "CANCELLATION_UNDECIDED", "Waiting to see whether PortOne executed the cancellation."
        )
        pause = begun.retry_in_seconds if begun.retry_in_seconds is not None else NEXT_READ_SECONDS
        snapshot = await self.store.payments.get(self.payment_id)
        given = () if snapshot is None else (snapshot,)
        return retry(self.job, error, *given, in_seconds=pause, counts=False, not_found=snapshot is None)

    def other(self, begun: Begun, snapshots: tuple[Snapshot, ...]) -> Outcome:
        if begun.decision == "balance_changed":
            return done(self.job, *snapshots)
        return super().other(begun, snapshots)


def _not_listed(job: Job) -> Outcome:
    return retry(job, Transient("PAYMENT_NOT_FOUND", "PortOne does not list this payment."), not_found=True)


def _not_yet() -> Transient:
    return Transient("CANCELLATION_NOT_LISTED", "PortOne does not list the cancellation yet.")
