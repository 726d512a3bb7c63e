"""The routes of identity checks: begin, complete, and driving one by SMS or app.

Codes and resident digits must never be stored, so send, resend and confirm call PortOne right here instead of becoming
jobs; the database still decides first whether this user may (ownership, throttling), and a job reads the result back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

from fastapi import APIRouter, Body, Request
from starlette.responses import JSONResponse, Response

from worker.errors import Conflict, Misconfigured, Rejected
from worker.logs import get_logger
from worker.portone.identities import Person
from worker.web.address import address_hash, client_address
from worker.web.inputs import (  # FastAPI reads the annotations
    CompletionRequest,  # noqa: TC001
    IdentityCode,  # noqa: TC001
    IdentityRequest,  # noqa: TC001
    IdentitySend,  # noqa: TC001
)
from worker.web.outputs import ASKED, IdentityReply, StepReply, answered
from worker.web.requests import caller_token, enqueue, row_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

    from worker.deps import Deps
    from worker.portone.stores import Store

# Refusals the shop's operator has to mend; the customer can only wait.
_OPERATORS: frozenset[str] = frozenset({"FORBIDDEN", "CHANNEL_NOT_FOUND"})


def identity_routes(deps: Deps) -> APIRouter:
    """Return the routes under ``/identity-verifications``."""
    router = APIRouter()

    @router.post("/identity-verifications", responses=answered(IdentityReply, "Begun."))
    async def request_identity_verification(request: Request, body: IdentityRequest) -> Response:
        """Begin an identity check; consent is stored before anything is asked of anybody."""
        address = _address(deps, request)
        arguments = {**body.model_dump(), "address_hash": address_hash(deps.settings, address)}
        begun = await deps.users.ask("request_identity_verification", arguments, token=caller_token(request))
        return JSONResponse(
            {
                **begun,
                "storeId": begun.get("storeId") or deps.settings.portone_store_id,
                "channelKey": _channel(deps, begun.get("channelKey")),
            }
        )

    @router.post("/identity-verifications/{identity_id}/complete", responses=ASKED)
    async def complete_identity_verification(
        request: Request, identity_id: str, body: Annotated[CompletionRequest | None, Body()] = None
    ) -> Response:
        """Read the check back from PortOne, as the browser does after its window closed."""
        key = body.idempotency_key if body is not None else None
        return await _complete(deps, request, identity_id, key)

    @router.post("/identity-verifications/{identity_id}/send", responses=answered(StepReply, "Sent."))
    async def send(request: Request, identity_id: str, body: IdentitySend) -> Response:
        """Have a code sent, or the carrier's app asked."""
        step = await _authorized(deps, request, identity_id, "send")
        person = Person(
            name=body.name,
            phone_number=body.phone_number,
            identity_number=body.identity_number,
            ip_address=_address(deps, request),
            operator=body.operator,
            method=body.method,
        )
        call = step.store.identities.send(
            step.named, person, channel_key=step.channel_key, idempotency_key=_fresh_key("send")
        )
        await _asked(call, (body.name, body.phone_number, body.identity_number))
        return JSONResponse({"id": step.id, "step": "sent"})

    @router.post("/identity-verifications/{identity_id}/resend", responses=answered(StepReply, "Sent."))
    async def resend(request: Request, identity_id: str) -> Response:
        """Have the code sent again."""
        step = await _authorized(deps, request, identity_id, "resend")
        await _asked(step.store.identities.resend(step.named, idempotency_key=_fresh_key("resend")), ())
        return JSONResponse({"id": step.id, "step": "sent"})

    @router.post("/identity-verifications/{identity_id}/confirm", responses=ASKED)
    async def confirm(
        request: Request, identity_id: str, body: Annotated[IdentityCode | None, Body()] = None
    ) -> Response:
        """Hand over the code (none for the app), then read the check back and wait for it."""
        otp, key = (body.otp, body.idempotency_key) if body is not None else (None, None)
        step = await _authorized(deps, request, identity_id, "confirm")
        try:
            await _asked(
                step.store.identities.confirm(step.named, otp=otp, idempotency_key=_fresh_key("confirm")),
                (otp,),
            )
        except Conflict as error:
            if error.code != "IDENTITY_VERIFICATION_ALREADY_VERIFIED":
                raise
        return await _complete(deps, request, identity_id, key)

    return router


class _Step:
    """What the database allowed: our id, PortOne's id, and through which store and channel."""

    def __init__(self, id_: str, named: str, store: Store, channel_key: str) -> None:
        self.id = id_
        self.named = named
        self.store = store
        self.channel_key = channel_key


async def _authorized(deps: Deps, request: Request, identity_id: str, step: str) -> _Step:
    identifier = _identity_id(identity_id)
    arguments = {
        "id": identifier,
        "step": step,
        "address_hash": address_hash(deps.settings, _address(deps, request)),
    }
    allowed = await deps.users.ask("authorize_identity_call", arguments, token=caller_token(request))
    named, store_id = allowed.get("identityVerificationId"), allowed.get("storeId")
    if not isinstance(named, str) or not named:
        raise Rejected("IDENTITY_VERIFICATION_NOT_FOUND", "There is no such identity check.", status=404)
    store = deps.stores.of(store_id if isinstance(store_id, str) else None)
    get_logger().info("portone identity check asked", step=step)
    return _Step(identifier, named, store, _channel(deps, allowed.get("channelKey")))


def _address(deps: Deps, request: Request) -> str:
    """Return the customer's address; a proxy nobody declared makes all customers one, throttled together."""
    hops = deps.settings.trusted_proxy_hops
    if hops == 0 and "x-forwarded-for" in request.headers:
        get_logger().warning(
            "portone identity check through a proxy: every customer has its address",
            fix="TRUSTED_PROXY_HOPS: say how many proxies of yours append to X-Forwarded-For",
        )
    return client_address(request, hops)


async def _complete(deps: Deps, request: Request, identity_id: str, key: str | None) -> Response:
    arguments: dict[str, object] = {"id": _identity_id(identity_id), "idempotency_key": key}
    return await enqueue(deps, request, "complete_identity_verification", arguments)


async def _asked(call: Awaitable[None], typed: Iterable[str | None]) -> None:
    """Run a call; what a person typed is taken out of the PG's words before they go anywhere.

    Raises the fault table's branches; what only the operator can mend becomes ``Misconfigured``.
    """
    try:
        await call
    except Rejected as error:
        if error.code in _OPERATORS:
            raise Misconfigured(error.code, error.message, status=error.status) from None
        extra = {name: _without(value, typed) for name, value in error.extra.items()}
        raise Rejected(error.code, error.message, status=error.status, extra=extra) from None


def _without(value: object, typed: Iterable[str | None]) -> object:
    if not isinstance(value, str):
        return value
    for secret in typed:
        if secret:
            value = value.replace(secret, "***")
    return value


def _channel(deps: Deps, chosen: object) -> str:
    channel_key = chosen if isinstance(chosen, str) else deps.settings.portone_identity_channel
    if channel_key is None:
        raise Misconfigured(
            "NOT_CONFIGURED",
            "PORTONE_IDENTITY_CHANNEL: is not set; identity checks need a channel for them.",
            korean="PORTONE_IDENTITY_CHANNEL: 설정되지 않았습니다. 본인인증에는 전용 채널이 필요합니다.",
        )
    return channel_key


def _identity_id(value: str) -> str:
    return row_id(value, code="IDENTITY_VERIFICATION_NOT_FOUND", what="identity check")


def _fresh_key(step: str) -> str:
    """Each request is a try of its own: a stored refusal of the code before must not answer for the next code."""
    return f"identity-{step}-{uuid4()}"
