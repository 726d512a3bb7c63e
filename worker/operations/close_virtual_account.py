"""Closes a virtual account nobody has paid into: not a refund, no money moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.errors import Conflict, Rejected, Transient
from worker.logs import get_logger
from worker.operations.outcomes import dead, done, failed, read_back, retry

if TYPE_CHECKING:
    from worker.deps import Deps
    from worker.model import Job, Outcome

_MONEY_ARRIVED = frozenset({"PAID", "PARTIAL_CANCELLED"})
_STILL_OPEN = "VIRTUAL_ACCOUNT_ISSUED"
# That a closed account becomes FAILED stands in a release note only: after these PortOne's "closed" is taken at its word.
_LOOKS = 4


async def close_virtual_account(deps: Deps, job: Job) -> Outcome:
    """Close the account under the key ``close-<operation id>`` and read the payment back.

    When there was nothing to close, the payment's state decides: a deposit that came first fails the operation, an
    account already closed is what was asked for. Raises ``Transient`` and ``Misconfigured``.
    """
    payment_id = job.payment_id
    if payment_id is None:
        return dead(job, Rejected("CONTEXT_INCOMPLETE", "The job names no payment."))
    store = deps.stores.of(job.store_id)
    try:
        await store.payments.close_virtual_account(payment_id, idempotency_key=f"close-{job.command_id}")
    except Conflict as error:
        snapshots = await read_back(store, payment_id)
        if not snapshots:
            return retry(job, error)
        if snapshots[0].status in _MONEY_ARRIVED or snapshots[0].status == _STILL_OPEN:
            return failed(job, error, *snapshots)
        return done(job, *snapshots)
    except Rejected as error:
        return failed(job, error, *await read_back(store, payment_id))
    get_logger().info("payment virtual account closed at portone", payment_id=payment_id)
    snapshot = await store.payments.get(payment_id)
    if snapshot is None:
        return retry(
            job, Transient("PAYMENT_NOT_FOUND", "PortOne closed the account but does not list the payment.")
        )
    if snapshot.status == _STILL_OPEN and job.failures < _LOOKS:
        # No webhook announces a closed account (assumed): what is shown now would stand until somebody asks again.
        late = Transient("VIRTUAL_ACCOUNT_STILL_OPEN", "PortOne does not show the account as closed yet.")
        return retry(job, late, snapshot)
    return done(job, snapshot)
