"""Reads a payment from PortOne and hands over whatever is true: the answer to webhooks, completions and sweeps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from worker.errors import Rejected
from worker.logs import get_logger
from worker.operations.find_schedule import can_find, find_schedule
from worker.operations.outcomes import dead, done

if TYPE_CHECKING:
    from worker.deps import Deps
    from worker.model import Job, Outcome
    from worker.portone.stores import Store


async def sync_payment(deps: Deps, job: Job) -> Outcome:
    """GET the payment (OpenAPI: getPayment) and settle with its snapshot, or with ``not_found``.

    A refusal of a mere read is never a business answer (a store the secret may not see, for example), so it goes to a
    person instead of being forgotten. Raises ``Transient`` and ``Misconfigured``.
    """
    payment_id = job.payment_id
    if payment_id is None:
        return dead(job, Rejected("CONTEXT_INCOMPLETE", "The job names no payment."))
    store = deps.stores.of(job.store_id)
    try:
        snapshot = await store.payments.get(payment_id)
        if snapshot is None:
            get_logger().info("payment unknown to portone", payment_id=payment_id)
            return await _with_its_schedule(done(job, not_found=True), job, store)
    except Rejected as error:
        return dead(job, error)
    get_logger().info("payment read from portone", payment_id=payment_id, portone_status=snapshot.status)
    return done(job, snapshot)


async def _with_its_schedule(outcome: Outcome, job: Job, store: Store) -> Outcome:
    """A scheduled charge can fail without ever becoming a payment (its card was deleted): then its schedule tells."""
    if job.schedule is None:
        return outcome
    reading = await find_schedule(store, job.schedule, job.card)
    if reading is not None:
        return replace(outcome, schedules=(reading,))
    # Only a look-up that could have found it says that it is not there.
    return replace(outcome, schedule_not_found=can_find(job.schedule, job.card))
