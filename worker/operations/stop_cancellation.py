"""Stops a refund that PortOne has taken and not carried out; when it was quicker, the payment tells so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.errors import Conflict, Rejected, Transient
from worker.logs import get_logger
from worker.operations.outcomes import dead, done, failed, retry

if TYPE_CHECKING:
    from worker.deps import Deps
    from worker.model import Job, Outcome, Snapshot


async def stop_cancellation(deps: Deps, job: Job) -> Outcome:
    """Stop the job's cancellation (OpenAPI: stopPaymentCancellation, Triple-A only) and read the payment back.

    Whatever the call answered, the cancellation's own state decides; only one that PortOne does not show as ended after
    a refusal fails the operation. Safe to repeat. Raises ``Transient`` and ``Misconfigured``.
    """
    refund, payment_id = job.refund, job.payment_id
    if refund is None or refund.cancellation_id is None or payment_id is None:
        return dead(job, Rejected("CONTEXT_INCOMPLETE", "The job names no cancellation PortOne knows."))
    store = deps.stores.of(job.store_id)
    refusal: Conflict | Rejected | None = None
    try:
        await store.payments.stop_cancellation(
            payment_id, refund.cancellation_id, idempotency_key=job.repeatable_key("stop-cancellation")
        )
        get_logger().info("payment cancellation stopped at portone", payment_id=payment_id)
    except (Conflict, Rejected) as error:
        refusal = error
    snapshot = await store.payments.get(payment_id)
    if snapshot is None:
        missing = Transient("PAYMENT_NOT_FOUND", "PortOne does not list this payment.")
        return retry(job, missing, not_found=True)
    if refusal is not None and not _has_ended(snapshot, refund.cancellation_id):
        return failed(job, refusal, snapshot)
    return done(job, snapshot)


def _has_ended(snapshot: Snapshot, cancellation_id: str) -> bool:
    return any(
        entry.id == cancellation_id and entry.status in ("SUCCEEDED", "FAILED")
        for entry in snapshot.cancellations
    )
