"""Decides how the input of confirm, capture, billing-key and instant payments reaches the state (OpenAPI)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import charges
from .clock import seconds_text
from .errors import PortOneError, invalid_request
from .faults import raise_fault
from .inputs import StoreInput, read_portone
from .inputs_charges import BillingKeyPayInput, ConfirmInput, InstantInput
from .model import PAID_STATUSES
from .replies import Reply, json_reply

if TYPE_CHECKING:
    from .calls import Call
    from .model import Attempt


async def confirm_payment(call: Call) -> Reply:
    """POST /payments/{id}/confirm: 200 ``{pgTxId, paidAt}``; for a virtual account the time of issue."""
    body = read_portone(ConfirmInput, call.raw)
    store = call.store(body.storeId)
    attempt = charges.confirm(store, store.ledger.find(call.parameters[0]), body, call.pg_fault)
    return json_reply(_summary(attempt))


async def capture_payment(call: Call) -> Reply:
    """POST /payments/{id}/capture: 200 ``{}`` for a paid payment (manual acquisition)."""
    ledger = call.store(read_portone(StoreInput, call.raw).storeId).ledger
    payment = ledger.find(call.parameters[0])
    if payment.shown.status not in PAID_STATUSES:
        raise PortOneError("PAYMENT_NOT_PAID", f"payment {payment.id} is {payment.shown.status}")
    raise_fault(call.pg_fault())
    return json_reply({})


async def pay_with_billing_key(call: Call) -> Reply:
    """POST /payments/{id}/billing-key: 200 ``{payment: {pgTxId, paidAt}}``; a decline is 502 and a FAILED payment."""
    body = read_portone(BillingKeyPayInput, call.raw)
    store, payment_id = call.store(body.storeId), call.parameters[0]
    charges.check_new_attempt(store, payment_id)
    charges.check_amounts(body)
    key, channel = store.vault.usable(body.billingKey, body.channelKey)
    charges.check_attempt_count(store, payment_id)
    order = charges.order_of(body, key.request.method, billing_key=key.key)
    attempt = charges.charge(
        store, payment_id, channel, order, None, call.pg_fault, key=key, skip_webhook=body.skipWebhook
    )
    return json_reply({"payment": _summary(attempt)})


async def pay_instantly(call: Call) -> Reply:
    """POST /payments/{id}/instant: a virtual account, or a card where assumed to be allowed."""
    body = read_portone(InstantInput, call.raw)
    store, payment_id = call.store(body.storeId), call.parameters[0]
    card, account = body.method.card, body.method.virtualAccount
    if (card is None) == (account is None):
        raise invalid_request("method: give card or virtualAccount, not both")
    if (body.channelKey is None) == (body.channelGroupId is None):
        raise invalid_request("channelKey, channelGroupId: give one of them")
    if card is not None and store.rules.instant_card == "forbidden":
        raise PortOneError("FORBIDDEN", "method.card: paying with card data by API needs a contract")
    charges.check_new_attempt(store, payment_id)
    charges.check_amounts(body)
    keys = (body.channelKey,) if body.channelKey else store.channel_groups.get(body.channelGroupId or "", ())
    channel = next((store.channels[key] for key in keys if key in store.channels), None)
    method = "CARD" if account is None else "VIRTUAL_ACCOUNT"
    if channel is None or method not in channel.pay_methods:
        raise PortOneError("CHANNEL_NOT_FOUND", "channelKey: is not a channel of this store for this method")
    charges.check_attempt_count(store, payment_id)
    order = charges.order_of(body, method)
    if account is not None:
        attempt = charges.issue_account(
            store, payment_id, channel, order, account, call.pg_fault, skip_webhook=body.skipWebhook
        )
    else:
        shown = charges.masked(card.credential, store.clock.now()) if card is not None else None
        attempt = charges.charge(
            store, payment_id, channel, order, shown, call.pg_fault, skip_webhook=body.skipWebhook
        )
    return json_reply({"payment": _summary(attempt)})


def _summary(attempt: Attempt) -> dict[str, str]:
    """Return OpenAPI: *PaymentSummary; ``paidAt`` is the time of issue for a virtual account."""
    return {"pgTxId": attempt.pg_tx_id or "", "paidAt": seconds_text(attempt.paid_at or attempt.updated_at)}
