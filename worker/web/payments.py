"""The user routes: forward the caller's token to the same SQL functions the browser could call, then wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Body, Path, Request
from starlette.responses import Response  # noqa: TC002  FastAPI reads the annotations

from worker.errors import Rejected
from worker.web.inputs import (  # FastAPI reads the annotations
    CancellationRequest,  # noqa: TC001
    CompletionRequest,  # noqa: TC001
    ConfirmationRequest,  # noqa: TC001
    PaymentRequest,  # noqa: TC001
)
from worker.web.outputs import ASKED
from worker.web.requests import caller_token, enqueue, row_id
from worker.web.waiting import finished_or_pending

if TYPE_CHECKING:
    from worker.deps import Deps

PaymentId = Annotated[str, Path(min_length=1, max_length=256)]

# What the database calls its arguments, and what the body of the route calls them.
_BODY_NAMES: Final = {
    "refund_bank": "refund_account.bank",
    "refund_account_number": "refund_account.number",
    "refund_account_holder": "refund_account.holder_name",
    "refund_account_phone": "refund_account.holder_phone_number",
}


def payment_routes(deps: Deps) -> APIRouter:
    """Return the routes under ``/payments``, ``/cancellations`` and ``/operations``."""
    router = APIRouter()

    @router.post("/payments", responses=ASKED)
    async def request_payment(request: Request, body: PaymentRequest) -> Response:
        """Prepare a payment for an order; the result holds what the browser opens the window with."""
        return await enqueue(deps, request, "request_payment", body.model_dump())

    @router.post("/payments/{payment_id}/complete", responses=ASKED)
    async def request_completion(
        request: Request, payment_id: PaymentId, body: Annotated[CompletionRequest | None, Body()] = None
    ) -> Response:
        """Read the payment back from PortOne now, as the browser does after its window closed."""
        key = body.idempotency_key if body is not None else None
        return await enqueue(
            deps, request, "request_completion", {"payment_id": payment_id, "idempotency_key": key}
        )

    @router.post("/payments/{payment_id}/confirm", responses=ASKED)
    async def request_confirmation(
        request: Request, payment_id: PaymentId, body: ConfirmationRequest
    ) -> Response:
        """Approve a payment by hand: only now money moves, and only for the price the database knows."""
        return await enqueue(
            deps, request, "request_confirmation", {"payment_id": payment_id, **body.model_dump()}
        )

    @router.post("/payments/{payment_id}/cancel", responses=ASKED)
    async def request_cancellation(
        request: Request, payment_id: PaymentId, body: CancellationRequest
    ) -> Response:
        """Refund all or part of a payment, or close an unpaid virtual account."""
        account = body.refund_account
        arguments: dict[str, object] = {
            "payment_id": payment_id,
            "amount": body.amount,
            "reason": body.reason,
            "tax_free_amount": body.tax_free_amount,
            "idempotency_key": body.idempotency_key,
        }
        if account is not None:
            arguments |= {
                "refund_bank": account.bank,
                "refund_account_number": account.number,
                "refund_account_holder": account.holder_name,
                "refund_account_phone": account.holder_phone_number,
            }
        try:
            return await enqueue(deps, request, "request_cancellation", arguments)
        except Rejected as error:
            raise _in_body_names(error) from None

    @router.post("/cancellations/{cancellation_id}/stop", responses=ASKED)
    async def stop_cancellation(
        request: Request, cancellation_id: str, body: Annotated[CompletionRequest | None, Body()] = None
    ) -> Response:
        """Stop a refund that PortOne has taken and not carried out."""
        named = row_id(cancellation_id, code="CANCELLATION_NOT_FOUND", what="refund")
        key = body.idempotency_key if body is not None else None
        return await enqueue(deps, request, "stop_cancellation", {"id": named, "idempotency_key": key})

    @router.get("/operations/{operation_id}", responses=ASKED)
    async def get_operation(request: Request, operation_id: str) -> Response:
        """Read one of the caller's operations; waits only when asked with ``Prefer: wait``."""
        token = caller_token(request)
        operation = await deps.users.operation(
            row_id(operation_id, code="OPERATION_NOT_FOUND", what="operation"), token=token
        )
        return await finished_or_pending(deps, request, operation, token=token, default_wait=0)

    return router


def _in_body_names(error: Rejected) -> Rejected:
    """Name the fields as the caller sent them, in the message and in the facts."""

    def renamed(value: object) -> object:
        if isinstance(value, list):
            return [renamed(part) for part in value]
        if isinstance(value, str):
            for argument, name in _BODY_NAMES.items():
                value = value.replace(argument, name)
        return value

    extra = {key: renamed(value) for key, value in error.extra.items()}
    return Rejected(error.code, str(renamed(error.message)), status=error.status, extra=extra)
