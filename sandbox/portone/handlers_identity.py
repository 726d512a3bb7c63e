"""Decides how the input of identity and login calls reaches the state (OpenAPI: identity verification, auth)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .auth import stores_of_secret
from .errors import PortOneError
from .identity import age_limit_of
from .inputs import read_portone
from .inputs_billing import ConfirmIdentityInput, IdentitiesInput, LoginInput, RefreshInput, SendInput
from .pages import page_of, time_window
from .persons import IdentityRequest
from .replies import Reply, json_reply
from .views_extra import identity_body

if TYPE_CHECKING:
    from .calls import Call
    from .identity import Verification
    from .inputs_billing import IdentityCustomerFilterInput, IdentityFilterInput


async def login(call: Call) -> Reply:
    """POST /login/api-secret: 200 ``{accessToken, refreshToken}``."""
    secret = read_portone(LoginInput, call.raw).apiSecret
    if not stores_of_secret(call.simulator, secret):
        raise PortOneError("UNAUTHORIZED", "apiSecret: is not a V2 API secret of this merchant")
    return json_reply(call.simulator.tokens.login(secret))


async def refresh(call: Call) -> Reply:
    """POST /token/refresh: 200 ``{accessToken, refreshToken}``; the old refresh token ends."""
    return json_reply(call.simulator.tokens.renew(read_portone(RefreshInput, call.raw).refreshToken))


async def get(call: Call) -> Reply:
    """GET /identity-verifications/{id}."""
    store = call.store(call.query_value("storeId"))
    return json_reply(identity_body(store.identity.find(call.parameters[0])))


async def send(call: Call) -> Reply:
    """POST /identity-verifications/{id}/send: 200 ``{}``; creates the id (inferred)."""
    body = read_portone(SendInput, call.raw)
    store = call.store(body.storeId)
    channel = store.channels.get(body.channelKey)
    if channel is None or not channel.identity:
        raise PortOneError("CHANNEL_NOT_FOUND", f"channelKey: {body.channelKey} does not verify identities")
    customer = body.customer.model_dump(exclude_none=True, include={"id", "name", "phoneNumber"})
    limit = age_limit_of(body.bypass)
    request = IdentityRequest(customer, body.customData, limit, body.operator, body.method)
    store.identity.send(
        call.parameters[0],
        channel,
        request,
        body.customer.identityNumber,
        body.customer.ipAddress,
        call.pg_fault,
    )
    return json_reply({})


async def resend(call: Call) -> Reply:
    """POST /identity-verifications/{id}/resend: 200 ``{}``."""
    store = call.store(call.query_value("storeId"))
    store.identity.resend(call.parameters[0], call.pg_fault)
    return json_reply({})


async def confirm(call: Call) -> Reply:
    """POST /identity-verifications/{id}/confirm: 200 ``{identityVerification}``, always VERIFIED."""
    body = read_portone(ConfirmIdentityInput, call.raw)
    store = call.store(body.storeId)
    entry = store.identity.confirm(call.parameters[0], body.otp, call.pg_fault)
    return json_reply({"identityVerification": identity_body(entry)})


async def page(call: Call) -> Reply:
    """GET /identity-verifications: one page."""
    query = read_portone(IdentitiesInput, call.list_query())
    store = call.store(query.filter.storeId)
    since, until = time_window(store.clock.now(), query.filter.from_, query.filter.until)
    rows = [
        entry
        for entry in store.identity.entries.values()
        if since <= _moment(entry, query.filter.timeRangeField) <= until and _matches(entry, query.filter)
    ]
    rows.sort(
        key=lambda entry: (_moment(entry, query.sort.by), entry.number), reverse=query.sort.order == "DESC"
    )
    return json_reply(page_of(query.page, rows, identity_body))


def _moment(entry: Verification, kind: str) -> int:
    moments = {
        "VERIFIED_AT": entry.verified_at,
        "FAILED_AT": entry.failed_at,
        "STATUS_UPDATED_AT": entry.status_changed_at,
    }
    return moments.get(kind, entry.requested_at) or 0


def _matches(entry: Verification, wanted: IdentityFilterInput) -> bool:
    operator = entry.person.operator if entry.person is not None else entry.request.operator
    return (
        wanted.identityVerificationId in (None, entry.id)
        and wanted.identityVerificationTxId in (None, entry.tx_id)
        and (wanted.isTest is None or wanted.isTest == (entry.channel.type == "TEST"))
        and (wanted.statuses is None or entry.status in wanted.statuses)
        and wanted.pgTxId in (None, entry.pg_tx_id)
        and wanted.pgMerchantId in (None, entry.channel.pg_merchant_id)
        and (wanted.pgProviders is None or entry.channel.pg_provider in wanted.pgProviders)
        and (wanted.carriers is None or operator in wanted.carriers)
        and wanted.version in (None, "V2")
        and _is_customer(entry, wanted.customer)
    )


def _is_customer(entry: Verification, wanted: IdentityCustomerFilterInput) -> bool:
    person, customer = entry.person, entry.request.customer
    year, month, day = person.birth_date.split("-") if person is not None else (None, None, None)
    return (
        wanted.name in (None, person.name if person else customer.get("name"))
        and wanted.phoneNumber in (None, person.phone if person else customer.get("phoneNumber"))
        and wanted.gender in (None, person.gender if person else None)
        and wanted.birthYear in (None, year)
        and wanted.birthMonth in (None, month)
        and wanted.birthDay in (None, day)
    )
