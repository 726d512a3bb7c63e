"""Decides whether a billing key a browser reports is what our own issue produced: PortOne is asked, nobody is believed.

A billing key is a bearer instrument: whoever could register somebody else's would pay with a stranger's card. The
unguessable issue id, made by our database for one user, is what binds it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from worker.errors import Rejected
from worker.logs import get_logger
from worker.operations.channels import kind_problem
from worker.operations.outcomes import dead, done, failed, retry

if TYPE_CHECKING:
    from worker.deps import Deps
    from worker.model import Job, Outcome
    from worker.readings import BillingKeyReading
    from worker.subjects import SavedCard

# A key may be read back a moment after its window closed; a made-up one should not be asked for much longer.
_READS: Final = 3
_NEXT_READ_SECONDS: Final = 1.0


async def register_billing_key(deps: Deps, job: Job) -> Outcome:
    """Read the reported billing key (OpenAPI: getBillingKeyInfo) and settle with it only when everything agrees.

    Raises ``Transient`` and ``Misconfigured``; a read that PortOne refuses ends the operation.
    """
    card = job.card
    if card is None or not card.billing_key or not card.issue_id:
        return dead(job, Rejected("CONTEXT_INCOMPLETE", "The job has no billing key or no issue."))
    store = deps.stores.of(job.store_id)
    reading = await store.billing_keys.get(card.billing_key)
    if reading is None:
        unknown = Rejected("BILLING_KEY_NOT_FOUND", "PortOne does not know this billing key in this store.")
        if job.failures < _READS - 1:
            return retry(job, unknown, in_seconds=_NEXT_READ_SECONDS, not_found=True)
        return failed(job, unknown, not_found=True)
    problem = _problem(deps, card, reading, store.store_id)
    if problem is not None:
        get_logger().warning("billing key for payment not accepted", code=problem.code)
        return failed(job, problem)
    return replace(done(job), billing_key=reading.through(deps.settings.channel_kind))


def _problem(deps: Deps, card: SavedCard, reading: BillingKeyReading, store_id: str) -> Rejected | None:
    """Every key that is not provably this user's own looks the same from outside: which check failed is no help."""
    mismatch = Rejected(
        "BILLING_KEY_NOT_YOURS",
        "This billing key does not belong to this registration; register the card again.",
        extra={"field": "billing_key"},
    )
    if reading.status != "ISSUED":
        return Rejected(
            "BILLING_KEY_ALREADY_DELETED", "This card has been deleted already; register the card again."
        )
    if reading.issue_id != card.issue_id or reading.store_id != store_id:
        return mismatch
    if card.customer_id and reading.customer_id and reading.customer_id != card.customer_id:
        return mismatch
    if deps.settings.channel_kind in reading.channel_kinds:
        return None
    return kind_problem(deps, reading.channel_kinds[0] if reading.channel_kinds else None)
