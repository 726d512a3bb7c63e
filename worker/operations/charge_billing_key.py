"""Charges a saved card: synchronous, and a declined card is a final business answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.errors import Rejected
from worker.operations.card_payment import card_payment
from worker.operations.money_call import Draft
from worker.operations.outcomes import dead, failed
from worker.operations.payment_call import PaymentCall
from worker.portone.encoding import encode

if TYPE_CHECKING:
    from worker.deps import Deps
    from worker.model import Job, Outcome


async def charge_billing_key(deps: Deps, job: Job) -> Outcome | None:
    """Charge the job's payment to its saved card; None means the claim was lost. Raises the reads' branches."""
    if job.payment_id is None:
        return dead(job, Rejected("CONTEXT_INCOMPLETE", "The job names no payment."))
    return await _Charge(deps, job, job.payment_id).run()


class _Charge(PaymentCall):
    verb = "charge"

    async def draft(self) -> Draft | Outcome:
        made = card_payment(self.deps, self.job, self.store)
        if isinstance(made, Rejected):
            build = dead if made.code == "CONTEXT_INCOMPLETE" else failed
            return build(self.job, made)
        return Draft(encode(made))

    async def send(self, body: bytes, idempotency_key: str) -> None:
        await self.store.charges.charge(self.payment_id, body=body, idempotency_key=idempotency_key)
