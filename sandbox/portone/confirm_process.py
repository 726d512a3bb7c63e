"""Decides whether a payment with a confirmUrl may proceed: the shop's server has the last word (PortOne docs: confirm).

Only HTTP 200 lets it proceed; any other answer or a timeout fails the attempt, with the server's ``errorMessage``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .clock import SECOND
from .signature import signed_headers

if TYPE_CHECKING:
    from .model import Attempt, Payment
    from .simulator import Simulator

CONFIRM_FAILED = "CONFIRM_PROCESS_FAILED"


async def approve_confirmed(
    simulator: Simulator, payment: Payment, attempt: Attempt, *, late: bool, discount: int
) -> None:
    """Ask the confirmUrl, if there is one, then let the PG approve; a refusal makes the attempt FAILED."""
    ledger = simulator.store(payment.store_id).ledger
    if attempt.order.confirm_url is not None and attempt.status == "READY":
        objection = await _ask(simulator, payment, attempt, attempt.order.confirm_url)
        if objection is not None:
            ledger.fail(payment, attempt, CONFIRM_FAILED, objection)
            return
    ledger.approve(payment, attempt, late=late, discount=discount)


async def _ask(simulator: Simulator, payment: Payment, attempt: Attempt, url: str) -> str | None:
    """Return None when the server agrees, else what it said."""
    announcer = simulator.store(payment.store_id).announcer
    environment = attempt.channel.type
    data = {
        "paymentId": payment.id,
        "transactionId": attempt.transaction_id,
        "totalAmount": attempt.order.total,
    }
    raw, content_type = announcer.body("Transaction.Confirm", data, simulator.clock.now(), environment)
    stamp, message_id = simulator.clock.wall() // SECOND, simulator.ids.uuid7()
    headers = signed_headers(announcer.settings.secrets[environment], message_id, stamp, raw)
    headers["content-type"] = content_type
    limit = simulator.rules.confirm_timeout_seconds
    delivery = await simulator.courier.post(url, headers, raw, timeout=limit)
    if delivery.status == 200:
        return None
    try:
        message = json.loads(delivery.response_body).get("errorMessage")
    except (ValueError, AttributeError):
        message = None
    return str(message or delivery.error or f"confirmUrl answered {delivery.status}")
