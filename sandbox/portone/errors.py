"""Decides the HTTP status of every PortOne error type; the type alone identifies an error.

``PortOneError`` is an answer of the PortOne API, ``ControlError`` one of the simulator's own control API.
"""

from __future__ import annotations

import json
from typing import Any, Final

# OpenAPI: x-portone-error of each operation. Every type has one status across all operations.
STATUS_OF: Final[dict[str, int]] = {
    "INVALID_REQUEST": 400,
    "INVALID_PAYMENT_TOKEN": 400,
    "MAX_TRANSACTION_COUNT_REACHED": 400,
    "MAX_WEBHOOK_RETRY_COUNT_REACHED": 400,
    "UNAUTHORIZED": 401,
    "FORBIDDEN": 403,
    "PAYMENT_NOT_FOUND": 404,
    "PAYMENT_CANCELLATION_NOT_FOUND": 404,
    "WEBHOOK_NOT_FOUND": 404,
    "CHANNEL_NOT_FOUND": 404,
    "BILLING_KEY_NOT_FOUND": 404,
    "BILLING_KEY_NOT_ISSUED": 404,
    "PAYMENT_SCHEDULE_NOT_FOUND": 404,
    "IDENTITY_VERIFICATION_NOT_FOUND": 404,
    "IDENTITY_VERIFICATION_NOT_SENT": 404,
    "ALREADY_PAID": 409,
    "PAYMENT_NOT_PAID": 409,
    "PAYMENT_ALREADY_CANCELLED": 409,
    "PAYMENT_NOT_WAITING_FOR_DEPOSIT": 409,
    "PAYMENT_CANCELLATION_NOT_PENDING": 409,
    "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN": 409,
    "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT": 409,
    "SUM_OF_PARTS_EXCEEDS_CANCEL_AMOUNT": 409,
    "CANCEL_TAX_FREE_AMOUNT_EXCEEDS_CANCELLABLE_TAX_FREE_AMOUNT": 409,
    "CANCEL_TAX_AMOUNT_EXCEEDS_CANCELLABLE_TAX_AMOUNT": 409,
    "MAX_CANCEL_COUNT_REACHED": 409,
    "ALREADY_PAID_OR_WAITING": 409,
    "INFORMATION_MISMATCH": 409,
    "SUM_OF_PARTS_EXCEEDS_TOTAL_AMOUNT": 409,
    "BILLING_KEY_ALREADY_DELETED": 409,
    "BILLING_KEY_ALREADY_ISSUED": 409,
    "PAYMENT_SCHEDULE_ALREADY_EXISTS": 409,
    "PAYMENT_SCHEDULE_ALREADY_PROCESSED": 409,
    "PAYMENT_SCHEDULE_ALREADY_REVOKED": 409,
    "IDENTITY_VERIFICATION_ALREADY_SENT": 409,
    "IDENTITY_VERIFICATION_ALREADY_VERIFIED": 409,
    # PortOne docs: idempotency; in no OpenAPI error union.
    "IDEMPOTENCY_OUTSTANDING_REQUEST": 409,
    "PG_PROVIDER": 502,
    "CHANNEL_SPECIFIC": 502,
    # Not PortOne's: a path the simulator does not serve.
    "SIM_NO_SUCH_ROUTE": 404,
    "SIM_METHOD_NOT_ALLOWED": 405,
}


class PortOneError(Exception):
    """An error reply of the PortOne API: ``{"type", "message", ...extra}`` with the status of its type."""

    def __init__(self, type_: str, message: str, *, status: int | None = None, **extra: Any) -> None:
        super().__init__(f"{type_}: {message}")
        self.type = type_
        self.status = STATUS_OF[type_] if status is None else status
        self.payload: dict[str, Any] = {"type": type_, "message": message, **extra}

    def body(self) -> bytes:
        """Return the JSON body (OpenAPI: *Error schemas)."""
        return json.dumps(self.payload, ensure_ascii=False).encode()


class ControlError(Exception):
    """A refusal of the control API; ``message`` names the field and the fix."""

    def __init__(self, status: int, type_: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.payload = {"type": type_, "message": message}


def invalid_request(message: str) -> PortOneError:
    """Return the 400 PortOne answers to a malformed request."""
    return PortOneError("INVALID_REQUEST", message)


def pg_provider(code: str, message: str) -> PortOneError:
    """Return the 502 by which PortOne reports a refusal of the PG (OpenAPI: PgProviderError)."""
    return PortOneError("PG_PROVIDER", "the PG refused the request", pgCode=code, pgMessage=message)
