"""Decides which operation runs for which job kind: one literal table, nothing registers itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from worker.deps import Deps
from worker.model import Job, Outcome
from worker.operations.cancel_payment import cancel_payment
from worker.operations.close_virtual_account import close_virtual_account
from worker.operations.prepare_payment import prepare_payment
from worker.operations.sync_payment import sync_payment

# None = the claim was lost while running: nothing may be settled.
Handler = Callable[[Deps, Job], Awaitable[Outcome | None]]

HANDLERS: Final[dict[str, Handler]] = {
    "prepare_payment": prepare_payment,
    "sync_payment": sync_payment,
    "cancel_payment": cancel_payment,
    "close_virtual_account": close_virtual_account,
}
