"""Fixes the amount at PortOne before the payment id becomes visible to anybody.

The database named the price; pre-registration makes PortOne refuse a window that asks for another amount. There is
nothing to read back: PortOne knows no payment before the window opens (assumed), and only ``prepared`` of a settled job
publishes the id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.errors import Conflict, Rejected
from worker.logs import get_logger
from worker.model import Prepared
from worker.operations.channels import channel_problem
from worker.operations.outcomes import dead, done, failed, read_back

if TYPE_CHECKING:
    from worker.deps import Deps
    from worker.model import Job, Outcome


async def prepare_payment(deps: Deps, job: Job) -> Outcome:
    """Pre-register the payment (OpenAPI: preRegisterPayment) under the key ``prepare-<operation id>``.

    ALREADY_PAID ends the operation failed, with the snapshot that shows why. Raises the client's other branches.
    """
    payment, settings = job.payment, deps.settings
    if payment is None or payment.amount is None or payment.currency is None:
        return dead(job, Rejected("CONTEXT_INCOMPLETE", "The job has no payment with amount and currency."))
    problem = channel_problem(deps, job)
    if problem is not None:
        return failed(job, problem)
    store = deps.stores.of(job.channel.store_id if job.channel is not None else None)
    channel_key = (
        job.channel.channel_key
        if job.channel is not None
        else settings.portone_channels.get(payment.pay_method or "")
    )
    if channel_key is None:
        return failed(
            job,
            Rejected(
                "PAY_METHOD_NOT_CONFIGURED",
                f"This shop has no channel for {payment.pay_method}.",
                extra={
                    "field": "pay_method",
                    "hint": "Use another pay method, or add it to PORTONE_CHANNELS.",
                },
            ),
        )
    try:
        await store.payments.pre_register(
            payment.payment_id,
            total=payment.amount,
            tax_free=payment.tax_free_amount,
            currency=payment.currency,
            idempotency_key=f"prepare-{job.command_id}",
        )
    except Conflict as error:
        return failed(job, error, *await read_back(store, payment.payment_id))
    get_logger().info("payment prepared: pre-register accepted by portone", payment_id=payment.payment_id)
    return done(
        job,
        prepared=Prepared(store.store_id, channel_key, settings.channel_kind, settings.notice_urls),
    )
