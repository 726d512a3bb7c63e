"""Decides how the input of billing-key calls reaches the state (OpenAPI: billing key)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import charges
from .billing import KeyRequest
from .clock import seconds_text
from .errors import PortOneError, invalid_request, pg_provider
from .inputs import read_portone
from .inputs_billing import ConfirmKeyAndPayInput, ConfirmKeyInput, IssueInput, KeysInput
from .model import PAID_STATUSES
from .pages import listed_until, page_of, time_window
from .replies import Reply, json_reply
from .views_extra import billing_key_body

if TYPE_CHECKING:
    from .billing import BillingKey
    from .calls import Call
    from .channels import Channel
    from .inputs_billing import KeyFilterInput, KeySearchInput
    from .store import Store


async def issue(call: Call) -> Reply:
    """POST /billing-keys: issue with card data, on one channel or on every channel of a group."""
    body = read_portone(IssueInput, call.raw)
    store = call.store(body.storeId)
    if (body.channelKey is None) == (body.channelGroupId is None):
        raise invalid_request("channelKey, channelGroupId: give one of them")
    wanted = (
        (body.channelKey,) if body.channelKey else store.channel_groups.get(body.channelGroupId or "", ())
    )
    channels = [store.channels[key] for key in wanted if key in store.channels]
    if not channels:
        raise PortOneError("CHANNEL_NOT_FOUND", "channelKey, channelGroupId: not of this store")
    card = charges.masked(body.method.card.credential, store.clock.now())
    failures = {
        channel.key: failure for channel in channels if (failure := _refusal(call, channel)) is not None
    }
    accepted = [channel for channel in channels if channel.key not in failures]
    if not accepted and body.channelKey is not None:
        raise pg_provider(*failures[body.channelKey])
    shown = [_failure_body(channel, failures[channel.key]) for channel in channels if channel.key in failures]
    if not accepted:
        raise PortOneError("CHANNEL_SPECIFIC", "no channel issued", failures=shown, succeededChannels=[])
    request = KeyRequest(
        "CARD", body.customer.body(), custom_data=body.customData, notice_urls=tuple(body.noticeUrls)
    )
    entry = store.vault.open(accepted, request, quiet=True)
    entry.card, entry.group = card, body.channelGroupId
    store.vault.issue(entry, skip_webhook=body.skipWebhook)
    info: dict[str, Any] = {
        "billingKey": entry.key,
        "channels": [channel.body() for channel in accepted],
        "issuedAt": seconds_text(entry.issued_at or 0),
    }
    reply: dict[str, Any] = {"billingKeyInfo": info}
    if shown:
        reply["channelSpecificFailures"] = shown
    return json_reply(reply)


def _refusal(call: Call, channel: Channel) -> tuple[str, str] | None:
    fault = call.pg_fault()
    if fault is not None:
        return fault.pg_code, fault.pg_message
    if not channel.api_issue:
        return "NOT_CONTRACTED", f"{channel.pg_provider} issues billing keys by API only with a contract"
    return None


def _failure_body(channel: Channel, failure: tuple[str, str]) -> dict[str, Any]:
    return {"type": "PG_PROVIDER", "channel": channel.body(), "pgCode": failure[0], "pgMessage": failure[1]}


async def get(call: Call) -> Reply:
    """GET /billing-keys/{key}: ISSUED or DELETED."""
    store = call.store(call.query_value("storeId"))
    return json_reply(billing_key_body(store, store.vault.shown(call.parameters[0])))


async def delete(call: Call) -> Reply:
    """DELETE /billing-keys/{key}: 200 ``{deletedAt}``."""
    store, key = call.store(call.query_value("storeId")), call.parameters[0]
    requester = call.query_value("requester")
    if requester not in (None, "CUSTOMER", "ADMIN"):
        raise invalid_request("requester: must be CUSTOMER or ADMIN")
    deleted = store.vault.delete_by_api(
        key,
        call.query_value("reason"),
        requester,
        live_schedules=store.planner.has_live(key),
        skip_webhook=call.query_flag("skipWebhook"),
        pg_fault=call.pg_fault,
    )
    return json_reply({"deletedAt": seconds_text(deleted)})


async def confirm(call: Call) -> Reply:
    """POST /billing-keys/confirm: end a manual issue; 200 ``{billingKey}``."""
    body = read_portone(ConfirmKeyInput, call.raw)
    store = call.store(body.storeId)
    entry = store.vault.by_token(body.billingIssueToken)
    charges.check_information(("isTest", body.isTest, entry.channels[0].type == "TEST"))
    _confirm(call, store, entry, skip_webhook=body.skipWebhook)
    return json_reply({"billingKey": entry.key})


async def confirm_issue_and_pay(call: Call) -> Reply:
    """POST /billing-keys/confirm-issue-and-pay: 200 ``{billingKey, paymentId}``."""
    body = read_portone(ConfirmKeyAndPayInput, call.raw)
    store = call.store(body.storeId)
    entry = store.vault.by_token(body.billingIssueToken)
    payment = store.ledger.payments.get(entry.payment_id or "")
    if payment is None or payment.shown.status in PAID_STATUSES:
        raise PortOneError("BILLING_KEY_NOT_FOUND", "billingIssueToken: was issued without a payment")
    attempt = payment.shown
    charges.check_information(
        ("isTest", body.isTest, attempt.channel.type == "TEST"),
        ("paymentId", body.paymentId, payment.id),
        ("currency", body.currency, attempt.order.currency),
        ("totalAmount", body.totalAmount, attempt.order.total),
        ("taxFreeAmount", body.taxFreeAmount, attempt.order.tax_free),
    )
    try:
        _confirm(call, store, entry, skip_webhook=body.skipWebhook)
    except PortOneError as refusal:
        store.ledger.refuse(payment, attempt, refusal.payload["pgCode"], refusal.payload["pgMessage"])
        raise
    store.ledger.confirmed(payment, attempt, skip_webhook=body.skipWebhook)
    return json_reply({"billingKey": entry.key, "paymentId": payment.id})


def _confirm(call: Call, store: Store, entry: BillingKey, *, skip_webhook: bool) -> None:
    refusal = charges.approval_refusal(store.rules, entry.changed_at, store.clock.now(), call.pg_fault)
    if refusal is not None:
        store.vault.fail(entry, *refusal)
        raise pg_provider(*refusal)
    store.vault.issue(entry, skip_webhook=skip_webhook)


async def page(call: Call) -> Reply:
    """GET /billing-keys: one page of issued and deleted keys."""
    query = read_portone(KeysInput, call.list_query())
    store = call.store(query.filter.storeId)
    since, until = time_window(store.clock.now(), query.filter.from_, query.filter.until)
    known = listed_until(store.clock.now(), store.rules)
    rows = [
        entry
        for entry in store.vault.keys.values()
        if entry.status in ("ISSUED", "DELETED")
        and since <= _moment(entry, query.filter.timeRangeField) <= until
        and (entry.issued_at or 0) <= known
        and _matches(entry, query.filter)
    ]
    rows.sort(
        key=lambda entry: (_moment(entry, query.sort.by), entry.number), reverse=query.sort.order == "DESC"
    )
    return json_reply(page_of(query.page, rows, lambda entry: billing_key_body(store, entry)))


def _moment(entry: BillingKey, kind: str) -> int:
    moments = {
        "ISSUED_AT": entry.issued_at,
        "DELETED_AT": entry.deleted_at,
        "STATUS_TIMESTAMP": entry.changed_at,
    }
    return moments.get(kind, entry.requested_at) or 0


def _matches(entry: BillingKey, wanted: KeyFilterInput) -> bool:
    return (
        (wanted.status is None or entry.status in wanted.status)
        and (wanted.customerId is None or wanted.customerId == entry.request.customer.get("id"))
        and (wanted.methods is None or entry.request.method in wanted.methods)
        and (wanted.channelGroupIds is None or entry.group in wanted.channelGroupIds)
        and (
            wanted.pgProviders is None
            or any(channel.pg_provider in wanted.pgProviders for channel in entry.channels)
        )
        and wanted.version in (None, "V2")
        and (wanted.textSearch is None or _contains(entry, wanted.textSearch))
    )


def _contains(entry: BillingKey, search: KeySearchInput) -> bool:
    card, customer = entry.card or {}, entry.request.customer
    texts = {
        "BILLING_KEY": entry.key,
        "CARD_BIN": card.get("bin", ""),
        "CARD_NUMBER": card.get("number", ""),
        "PG_MERCHANT_ID": entry.channels[0].pg_merchant_id,
        "CUSTOMER_NAME": customer.get("name", ""),
        "CUSTOMER_EMAIL": customer.get("email", ""),
        "CUSTOMER_PHONE_NUMBER": customer.get("phoneNumber", ""),
    }
    return search.value in texts.get(search.field, "")
