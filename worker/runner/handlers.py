"""Decides which operation runs for which job kind: one literal table, nothing registers itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from worker.deps import Deps
from worker.model import Job, Outcome
from worker.operations.cancel_payment import cancel_payment
from worker.operations.charge_billing_key import charge_billing_key
from worker.operations.close_virtual_account import close_virtual_account
from worker.operations.confirm_payment import confirm_payment
from worker.operations.create_schedule import create_schedule
from worker.operations.delete_billing_key import delete_billing_key
from worker.operations.prepare_payment import prepare_payment
from worker.operations.read_identity import read_identity
from worker.operations.register_billing_key import register_billing_key
from worker.operations.resend_webhook import resend_webhook
from worker.operations.revoke_schedule import revoke_schedule
from worker.operations.stop_cancellation import stop_cancellation
from worker.operations.sweep_payments import sweep_payments
from worker.operations.sync_billing_key import sync_billing_key
from worker.operations.sync_payment import sync_payment

# None = the claim was lost while running: nothing may be settled.
Handler = Callable[[Deps, Job], Awaitable[Outcome | None]]

HANDLERS: Final[dict[str, Handler]] = {
    "prepare_payment": prepare_payment,
    "sync_payment": sync_payment,
    "cancel_payment": cancel_payment,
    "stop_cancellation": stop_cancellation,
    "close_virtual_account": close_virtual_account,
    "register_billing_key": register_billing_key,
    "sync_billing_key": sync_billing_key,
    "delete_billing_key": delete_billing_key,
    "charge_billing_key": charge_billing_key,
    "confirm_payment": confirm_payment,
    "create_schedule": create_schedule,
    "revoke_schedule": revoke_schedule,
    "read_identity": read_identity,
    "resend_webhook": resend_webhook,
    "sweep_payments": sweep_payments,
    "compare_payments": sweep_payments,
}
