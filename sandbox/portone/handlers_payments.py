"""Decides how the input of payment reads, cancellations and webhook re-sends reaches the state (OpenAPI: payment)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import cancel as cancelling
from .banks import BANKS
from .clock import seconds_text
from .errors import PortOneError
from .faults import raise_fault
from .inputs import (
    CancelInput,
    CursorInput,
    ListInput,
    PreRegisterInput,
    ResendInput,
    StoreInput,
    read_portone,
)
from .listing import events_by_cursor, page_of_payments, payments_by_cursor
from .model import PreRegistration, RefundAccount
from .replies import Reply, json_reply
from .views import cancellation_body, payment_bytes, transaction_body

if TYPE_CHECKING:
    from .calls import Call


async def pre_register(call: Call) -> Reply:
    """POST /payments/{id}/pre-register: fix amounts before the window opens; 200 ``{}``."""
    body = read_portone(PreRegisterInput, call.raw)
    amounts = PreRegistration(body.totalAmount, body.taxFreeAmount, body.currency)
    call.store(body.storeId).ledger.pre_register(call.parameters[0], amounts)
    return Reply(200, b"{}")


async def get_payment(call: Call) -> Reply:
    """GET /payments/{id}: the payment; a foreign store is 404 here (observed)."""
    store_id, rules = call.query_value("storeId"), call.simulator.rules
    if rules.foreign_store_on_get == "not_found" and store_id not in (None, *(one.id for one in call.stores)):
        raise PortOneError("PAYMENT_NOT_FOUND", f"payment {call.parameters[0]} does not exist in that store")
    ledger = call.store(store_id).ledger
    return Reply(200, payment_bytes(ledger.find(call.parameters[0]), rules))


async def list_transactions(call: Call) -> Reply:
    """GET /payments/{id}/transactions: every attempt under one payment id, oldest first (assumed)."""
    payment = call.store(call.query_value("storeId")).ledger.find(call.parameters[0])
    rows = [transaction_body(payment, attempt, call.simulator.rules) for attempt in payment.attempts]
    return json_reply({"items": rows})


async def list_payments(call: Call) -> Reply:
    """GET /payments: one page."""
    query = read_portone(ListInput, call.list_query())
    return json_reply(page_of_payments(call.store(query.filter.storeId).ledger, query))


async def list_by_cursor(call: Call) -> Reply:
    """GET /payments-by-cursor."""
    query = read_portone(CursorInput, call.list_query())
    return json_reply(payments_by_cursor(call.store(query.storeId).ledger, query))


async def list_events(call: Call) -> Reply:
    """GET /payment-events-by-cursor."""
    query = read_portone(CursorInput, call.list_query())
    return json_reply(events_by_cursor(call.store(query.storeId).ledger, query))


async def cancel_payment(call: Call) -> Reply:
    """POST /payments/{id}/cancel: 200 ``{cancellation}``; 200 does not mean refunded, its status does."""
    body = read_portone(CancelInput, call.raw)
    ledger = call.store(body.storeId).ledger
    account = body.refundAccount
    command = cancelling.CancelCommand(
        reason=body.reason,
        amount=body.amount,
        tax_free=body.taxFreeAmount,
        vat=body.vatAmount,
        current_cancellable=body.currentCancellableAmount,
        refund_account=None
        if account is None
        else RefundAccount(account.bank, account.number, account.holderName, account.holderPhoneNumber),
        skip_webhook=body.skipWebhook,
    )
    entry = cancelling.cancel(ledger, ledger.find(call.parameters[0]), command, call.pg_fault)
    return json_reply({"cancellation": cancellation_body(entry)})


async def stop_cancellation(call: Call) -> Reply:
    """POST /payments/{id}/cancellations/{cancellationId}/stop: 200 ``{stoppedAt}``."""
    ledger = call.store(read_portone(StoreInput, call.raw).storeId).ledger
    stopped = cancelling.stop(ledger, ledger.find(call.parameters[0]), call.parameters[1], call.pg_fault)
    return json_reply({"stoppedAt": seconds_text(stopped)})


async def close_virtual_account(call: Call) -> Reply:
    """POST /payments/{id}/virtual-account/close?storeId=: 200 ``{closedAt}``."""
    ledger = call.store(call.query_value("storeId")).ledger
    payment = ledger.find(call.parameters[0])
    if payment.shown.status == "VIRTUAL_ACCOUNT_ISSUED":
        raise_fault(call.pg_fault())
    return json_reply({"closedAt": seconds_text(ledger.close_account(payment))})


async def resend_webhook(call: Call) -> Reply:
    """POST /payments/{id}/resend-webhook: sends now and returns the delivery log entry."""
    body = read_portone(ResendInput, call.raw)
    simulator, store = call.simulator, call.store(body.storeId)
    payment = store.ledger.find(call.parameters[0])
    chosen = [entry for entry in payment.messages if body.webhookId in (None, entry.delivery_id, entry.id)]
    if not chosen:
        raise PortOneError("WEBHOOK_NOT_FOUND", f"payment {payment.id} has no such webhook")
    message = chosen[-1]
    if message.manual >= simulator.rules.manual_resend_limit:
        raise PortOneError("MAX_WEBHOOK_RETRY_COUNT_REACHED", "webhookId: was re-sent too often")
    await store.announcer.redeliver(message, manual=True)
    return json_reply({"webhook": message.portone_body(len(simulator.rules.webhook_waits_minutes))})


async def list_banks(_: Call) -> Reply:
    """GET /banks: every bank word with its Korean name."""
    return json_reply({"items": [{"bank": bank, "name": {"ko": name}} for bank, name in BANKS.items()]})
