"""Decides when a refund may be sent, and with which bytes: only what the database has committed as an attempt.

Order: read PortOne, build and seal the body, ``begin_attempts`` commits it, send, read PortOne back. After a crash or an
unknown outcome the stored bytes go out again under the stored key; a new key exists only after a definite failure.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from worker.crash import crash_point
from worker.errors import Rejected, Transient
from worker.logs import get_logger
from worker.operations.outcomes import dead, done, retry
from worker.operations.send_cancel import send_cancel

if TYPE_CHECKING:
    from worker.deps import Deps
    from worker.model import Begun, Job, Outcome, Refund, Snapshot

# Time for the other cancellation to be decided, and for PortOne to list what it did after its window closed.
_BLOCKED_RETRY_SECONDS: Final = 5.0
_NEXT_READ_SECONDS: Final = 65.0


async def cancel_payment(deps: Deps, job: Job) -> Outcome | None:
    """Run one cancellation job as far as it can safely go; None means the claim was lost and nothing may be said.

    Raises ``Transient`` and ``Misconfigured`` from the reads before anything was sent.
    """
    refund, payment_id = job.refund, job.payment_id
    if refund is None or payment_id is None:
        return dead(job, Rejected("CONTEXT_INCOMPLETE", "The job has no cancellation with an amount."))
    if job.attempt is not None and job.attempt.outcome in (None, "unknown"):
        begun = await deps.queue.begin(job, body=None)
        return await _follow(deps, job, refund, payment_id, begun, None)
    snapshot = await deps.payments.get(payment_id)
    if snapshot is None:
        # Perhaps a wrong store, so not proof that the payment does not exist (observed): never a final answer.
        return retry(
            job, Transient("PAYMENT_NOT_FOUND", "PortOne does not list this payment."), not_found=True
        )
    body = deps.payments.cancel_body(refund, current_cancellable=snapshot.cancellable)
    crash_point("cancel.before_begin")
    sealed = deps.sealer.seal(body, purpose=_purpose(refund))
    begun = await deps.queue.begin(job, body=sealed, snapshots=(snapshot,))
    if begun.decision == "send" and begun.body is None:
        begun = replace(begun, body=sealed)
    return await _follow(deps, job, refund, payment_id, begun, snapshot)


async def _follow(
    deps: Deps, job: Job, refund: Refund, payment_id: str, begun: Begun, snapshot: Snapshot | None
) -> Outcome | None:
    """Do what the database decided; a word this version does not know is treated as "do not send"."""
    get_logger().info(
        "payment cancel attempt", payment_id=payment_id, decision=begun.decision, attempt=begun.attempt_number
    )
    match begun.decision:
        case "send" | "resend":
            return await _send(deps, job, refund, payment_id, begun)
        case "lost":
            return None
        case "balance_changed":
            return done(job, *_given(snapshot))
        case "blocked":
            waiting = Transient("CANCELLATION_BLOCKED", "Another cancellation of this payment is undecided.")
            pause = begun.retry_in_seconds if begun.retry_in_seconds is not None else _BLOCKED_RETRY_SECONDS
            return retry(job, waiting, *_given(snapshot), in_seconds=pause, counts=False)
        case "decided":
            return await _read_decided(deps, job, refund, payment_id)
        case "read_only":
            return await _read_only(deps, job, payment_id, begun)
        case _:
            return retry(
                job, Transient("DECISION_UNKNOWN", "The database knows more than this worker: update it.")
            )


async def _send(deps: Deps, job: Job, refund: Refund, payment_id: str, begun: Begun) -> Outcome:
    if begun.body is None:
        return dead(job, Rejected("SEALED_BODY_MISSING", "The stored request body of this attempt is gone."))
    try:
        body = deps.sealer.open(begun.body, purpose=_purpose(refund))
    except Rejected as error:
        return dead(job, error)
    crash_point("cancel.after_begin")
    return await send_cancel(deps, job, payment_id, begun, body)


async def _read_decided(deps: Deps, job: Job, refund: Refund, payment_id: str) -> Outcome:
    snapshot = await deps.payments.get(payment_id)
    if snapshot is None:
        return retry(
            job, Transient("PAYMENT_NOT_FOUND", "PortOne does not list this payment."), not_found=True
        )
    if refund.cancellation_id is not None and not snapshot.has_cancellation(refund.cancellation_id):
        return retry(
            job, Transient("CANCELLATION_NOT_LISTED", "PortOne does not list the cancellation yet."), snapshot
        )
    return done(job, snapshot)


async def _read_only(deps: Deps, job: Job, payment_id: str, begun: Begun) -> Outcome:
    """PortOne's idempotency window is over: only reading is safe. The database decides after two reads apart."""
    error = Transient("CANCELLATION_UNDECIDED", "Waiting to see whether PortOne executed the cancellation.")
    pause = begun.retry_in_seconds if begun.retry_in_seconds is not None else _NEXT_READ_SECONDS
    snapshot = await deps.payments.get(payment_id)
    return retry(job, error, *_given(snapshot), in_seconds=pause, counts=False, not_found=snapshot is None)


def _given(snapshot: Snapshot | None) -> tuple[Snapshot, ...]:
    return () if snapshot is None else (snapshot,)


def _purpose(refund: Refund) -> str:
    return f"cancel:{refund.id}"
