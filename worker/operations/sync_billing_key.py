"""Reads a saved card from PortOne and hands over whatever is true: the answer to BillingKey webhooks and sweeps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from worker.errors import Rejected
from worker.operations.channels import kind_problem
from worker.operations.outcomes import dead, done

if TYPE_CHECKING:
    from worker.deps import Deps
    from worker.model import Job, Outcome


async def sync_billing_key(deps: Deps, job: Job) -> Outcome:
    """GET the billing key and settle with it, or with ``deleted`` when PortOne says it is gone or never was.

    A key of the wrong channel kind is handed over only once it is deleted: an ISSUED one would become a card that pays
    with no money. Raises ``Transient`` and ``Misconfigured``.
    """
    card = job.card
    if card is None or not card.billing_key:
        return dead(job, Rejected("CONTEXT_INCOMPLETE", "The job names no billing key."))
    try:
        reading = await deps.stores.of(job.store_id).billing_keys.get(card.billing_key)
    except Rejected as error:
        return dead(job, error)
    if reading is None:
        return replace(done(job, not_found=True), deleted=True)
    if reading.status == "DELETED":
        return replace(done(job), billing_key=reading, deleted=True)
    if deps.settings.channel_kind in reading.channel_kinds:
        return replace(done(job), billing_key=reading.through(deps.settings.channel_kind))
    kind = reading.channel_kinds[0] if reading.channel_kinds else None
    return dead(job, kind_problem(deps, kind) or Rejected("CHANNEL_KIND_MISMATCH", "Unknown channel kind."))
