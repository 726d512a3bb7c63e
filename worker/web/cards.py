"""The routes of saved cards: issue, register, delete, charge, schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from worker.errors import Misconfigured
from worker.web.inputs import (  # FastAPI reads the annotations
    BillingKeyIssueRequest,
    BillingKeyRegistration,
    BillingPaymentRequest,
    IdempotencyKey,
    ScheduleRequest,
)
from worker.web.outputs import ASKED, BillingKeyIssueReply, answered
from worker.web.requests import caller_token, enqueue, row_id

if TYPE_CHECKING:
    from worker.deps import Deps

# A DELETE has no body that every proxy lets through, so its key travels in the query.
KeyInQuery = Annotated[IdempotencyKey | None, Query()]


def card_routes(deps: Deps) -> APIRouter:
    """Return the routes under ``/billing-keys``, ``/billing-payments`` and ``/schedules``."""
    router = APIRouter()

    @router.post("/billing-keys/issue", responses=answered(BillingKeyIssueReply, "Begun."))
    async def request_billing_key_issue(request: Request, body: BillingKeyIssueRequest) -> Response:
        """Begin a registration: the server's issue id, and what the browser opens the card window with."""
        begun = await deps.users.ask(
            "request_billing_key_issue", body.model_dump(), token=caller_token(request)
        )
        settings = deps.settings
        channel_key = begun.get("channelKey") or settings.portone_billing_channel
        if channel_key is None:
            raise Misconfigured(
                "NOT_CONFIGURED",
                "PORTONE_BILLING_CHANNEL: is not set; saved cards need a channel for them.",
                korean="PORTONE_BILLING_CHANNEL: 설정되지 않았습니다. 카드를 등록하려면 전용 채널이 필요합니다.",
            )
        return JSONResponse(
            {
                **begun,
                "storeId": begun.get("storeId") or settings.portone_store_id,
                "channelKey": channel_key,
                "noticeUrls": list(settings.notice_urls),
            }
        )

    @router.post("/billing-keys", responses=ASKED)
    async def register_billing_key(request: Request, body: BillingKeyRegistration) -> Response:
        """Register the billing key the window gave; PortOne is asked whether it belongs to this user's issue."""
        return await enqueue(deps, request, "register_billing_key", body.model_dump())

    @router.delete("/billing-keys/{billing_key_id}", responses=ASKED)
    async def delete_billing_key(
        request: Request, billing_key_id: str, idempotency_key: KeyInQuery = None
    ) -> Response:
        """Delete a saved card; what is scheduled on it is revoked first."""
        named = row_id(billing_key_id, code="BILLING_KEY_NOT_FOUND", what="saved card")
        return await enqueue(
            deps, request, "delete_billing_key", {"id": named, "idempotency_key": idempotency_key}
        )

    @router.post("/billing-payments", responses=ASKED)
    async def request_billing_payment(request: Request, body: BillingPaymentRequest) -> Response:
        """Pay an order with a saved card, now."""
        return await enqueue(deps, request, "request_billing_payment", body.model_dump())

    @router.post("/schedules", responses=ASKED)
    async def request_schedule(request: Request, body: ScheduleRequest) -> Response:
        """Pay an order with a saved card, later."""
        return await enqueue(deps, request, "request_schedule", body.model_dump())

    @router.delete("/schedules/{schedule_id}", responses=ASKED)
    async def revoke_schedule(
        request: Request, schedule_id: str, idempotency_key: KeyInQuery = None
    ) -> Response:
        """Revoke a scheduled payment."""
        named = row_id(schedule_id, code="SCHEDULE_NOT_FOUND", what="schedule")
        return await enqueue(
            deps, request, "revoke_schedule", {"id": named, "idempotency_key": idempotency_key}
        )

    return router
