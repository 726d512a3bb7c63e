"""Approves a payment by hand: the window is closed, no money moves until this call, and only for the price we know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.errors import Rejected
from worker.operations.money_call import Draft
from worker.operations.outcomes import dead
from worker.operations.payment_call import PaymentCall

if TYPE_CHECKING:
    from worker.deps import Deps
    from worker.model import Job, Outcome


async def confirm_payment(deps: Deps, job: Job) -> Outcome | None:
    """Confirm the job's payment (OpenAPI: confirmPayment); None means the claim was lost. Raises the reads' branches.

    INFORMATION_MISMATCH ends the operation failed: the window asked for something else than our database.
    """
    if job.payment_id is None:
        return dead(job, Rejected("CONTEXT_INCOMPLETE", "The job names no payment."))
    return await _Confirm(deps, job, job.payment_id).run()


class _Confirm(PaymentCall):
    verb = "confirm"

    async def draft(self) -> Draft | Outcome:
        payment, approval = self.job.payment, self.job.approval
        if payment is None or payment.amount is None or payment.currency is None or approval is None:
            return dead(
                self.job,
                Rejected("CONTEXT_INCOMPLETE", "The job has no approval token or no payment with amount."),
            )
        is_test = self.deps.settings.channel_kind == "TEST"
        return Draft(self.store.charges.confirm_body(payment, approval, is_test=is_test))

    async def send(self, body: bytes, idempotency_key: str) -> None:
        await self.store.charges.confirm(self.payment_id, body=body, idempotency_key=idempotency_key)
