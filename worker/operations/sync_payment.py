"""Reads a payment from PortOne and hands over whatever is true: the answer to webhooks, completions and sweeps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from worker.errors import Rejected
from worker.logs import get_logger
from worker.operations.find_schedule import can_find, find_schedule
from worker.operations.outcomes import dead, done

if TYPE_CHECKING:
    from worker.deps import Deps
    from worker.model import Job, Outcome, Snapshot
    from worker.portone.stores import Store

_MONEY_MOVED: Final = frozenset({"PAID", "PARTIAL_CANCELLED", "CANCELLED"})


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
        snapshot = await _paid_elsewhere(deps, job, store, payment_id, snapshot) or snapshot
        if snapshot is None:
            get_logger().info("payment unknown to portone", payment_id=payment_id)
            return await _with_its_schedule(done(job, not_found=True), job, store)
    except Rejected as error:
        return dead(job, error)
    get_logger().info("payment read from portone", payment_id=payment_id, portone_status=snapshot.status)
    return done(job, snapshot)


async def _paid_elsewhere(
    deps: Deps, job: Job, store: Store, payment_id: str, found: Snapshot | None
) -> Snapshot | None:
    """Return the payment of another store that took money under this id, or None.

    Store and channel keys are public, so a browser can be made to pay in another store than the one we prepared. A
    webhook that names the store leads there; a payment its own store does not know is looked for in all of ours. What
    the database does with it is a discrepancy: seen, never fulfilled, refunded where the money lies.
    """
    if found is not None and found.status in _MONEY_MOVED:
        return None
    named = job.payload.get("store_id")
    others = list(deps.stores.others(store.store_id)) if found is None else []
    if isinstance(named, str) and named and named not in (store.store_id, *(one.store_id for one in others)):
        others.append(deps.stores.of(named))
    for other in others:
        try:
            snapshot = await other.payments.get(payment_id)
        except Rejected as error:
            get_logger().warning(
                "payment not looked for in a store", store_id=other.store_id, code=error.code
            )
            continue
        if snapshot is not None and snapshot.status in _MONEY_MOVED:
            get_logger().warning(
                "payment found in another store", payment_id=payment_id, store_id=other.store_id
            )
            return snapshot
    return None


async def _with_its_schedule(outcome: Outcome, job: Job, store: Store) -> Outcome:
    """A scheduled charge can fail without ever becoming a payment (its card was deleted): then its schedule tells."""
    if job.schedule is None:
        return outcome
    reading = await find_schedule(store, job.schedule, job.card)
    if reading is not None:
        return replace(outcome, schedules=(reading,))
    # Only a look-up that could have found it says that it is not there.
    return replace(outcome, schedule_not_found=can_find(job.schedule, job.card))
