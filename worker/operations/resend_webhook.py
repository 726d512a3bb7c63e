"""Asks PortOne to send a webhook again that never came, and reads the payment whatever the answer is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from worker.errors import Misconfigured, Rejected, WorkerError
from worker.logs import get_logger
from worker.operations.outcomes import dead, done

if TYPE_CHECKING:
    from worker.deps import Deps
    from worker.model import Job, Outcome
    from worker.portone.stores import Store


async def resend_webhook(deps: Deps, job: Job) -> Outcome:
    """POST …/resend-webhook (OpenAPI: resendWebhook), then GET the payment and settle with its snapshot.

    The wish is repeated only by a person: what PortOne answered is kept with the finding. Raises ``Transient`` and
    ``Misconfigured`` from the read.
    """
    payment_id = job.payment_id
    if payment_id is None:
        return dead(job, Rejected("CONTEXT_INCOMPLETE", "The job names no payment."))
    store = deps.stores.of(job.store_id)
    answer = await _ask(store, job, payment_id)
    get_logger().warning("portone webhook overdue: asked for again", payment_id=payment_id, answer=answer)
    try:
        snapshot = await store.payments.get(payment_id)
    except Rejected as error:
        return dead(job, error)
    read = done(job, not_found=True) if snapshot is None else done(job, snapshot)
    return replace(read, result={"resend": answer})


async def _ask(store: Store, job: Job, payment_id: str) -> str:
    try:
        return await store.payments.resend_webhook(
            payment_id, idempotency_key=job.repeatable_key("resend-webhook")
        )
    except Misconfigured:
        raise
    except WorkerError as error:
        return error.code
