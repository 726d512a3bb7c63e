"""Decides what is charged to a saved card, now or later: the database's price, through the card's own channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.errors import Rejected
from worker.operations.channels import channel_problem, kind_problem
from worker.portone.charges import billing_key_payment

if TYPE_CHECKING:
    from worker.deps import Deps
    from worker.model import Job
    from worker.portone.stores import Store


def card_payment(deps: Deps, job: Job, store: Store) -> dict[str, object] | Rejected:
    """Return the part of the body a charge and a schedule share, or why nothing can be charged.

    A billing key works only in the channel it was issued in, so its own channel key is sent where it is known and none
    otherwise: PortOne then takes the key's (OpenAPI: channelKey, "when the key covers several channels").
    """
    payment, card = job.payment, job.card
    if (
        payment is None
        or payment.amount is None
        or payment.currency is None
        or card is None
        or not card.billing_key
    ):
        return Rejected(
            "CONTEXT_INCOMPLETE", "The job has no saved card or no payment with amount and currency."
        )
    # A card of the time before the shop went live stays where it was issued: it would pay with no money.
    problem = channel_problem(deps, job) or (
        kind_problem(deps, card.channel_kind) if card.channel_kind else None
    )
    if problem is not None:
        return problem
    return billing_key_payment(
        payment,
        store_id=store.store_id,
        billing_key=card.billing_key,
        channel_key=card.channel_key,
        customer_id=card.customer_id,
        notice_urls=deps.settings.notice_urls,
    )
