"""Decides which branch of ``worker.errors`` a PortOne error belongs to: a closed table, unknown means unknown.

Source: OpenAPI, every error type has exactly one HTTP status over all operations. A known type with another status, an
unknown type, or a body that is not PortOne's comes from something in between and says nothing about the outcome.
``IDEMPOTENCY_OUTSTANDING_REQUEST`` is in the idempotency docs only.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from worker.errors import Conflict, Misconfigured, Rejected, Transient, WorkerError
from worker.sentences import english

if TYPE_CHECKING:
    from collections.abc import Mapping

_PG_TEXT = 500

FAULTS: Final[dict[str, tuple[int, type[WorkerError]]]] = {
    "INVALID_REQUEST": (400, Rejected),
    "UNAUTHORIZED": (401, Misconfigured),
    "FORBIDDEN": (403, Rejected),
    "PG_PROVIDER": (502, Rejected),
    "CHANNEL_SPECIFIC": (502, Rejected),
    "IDEMPOTENCY_OUTSTANDING_REQUEST": (409, Transient),
    # State moved under us: read back, then decide.
    "ALREADY_PAID": (409, Conflict),
    "ALREADY_PAID_OR_WAITING": (409, Conflict),
    "PAYMENT_ALREADY_CANCELLED": (409, Conflict),
    "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN": (409, Conflict),
    "PAYMENT_NOT_WAITING_FOR_DEPOSIT": (409, Conflict),
    "BILLING_KEY_ALREADY_DELETED": (409, Conflict),
    "IDENTITY_VERIFICATION_ALREADY_VERIFIED": (409, Conflict),
    "PAYMENT_SCHEDULE_ALREADY_REVOKED": (409, Conflict),
    # Final answers.
    "PAYMENT_NOT_FOUND": (404, Rejected),
    "PAYMENT_CANCELLATION_NOT_FOUND": (404, Rejected),
    "PAYMENT_SCHEDULE_NOT_FOUND": (404, Rejected),
    "BILLING_KEY_NOT_FOUND": (404, Rejected),
    "BILLING_KEY_NOT_ISSUED": (404, Rejected),
    "IDENTITY_VERIFICATION_NOT_FOUND": (404, Rejected),
    "IDENTITY_VERIFICATION_NOT_SENT": (404, Rejected),
    "CHANNEL_NOT_FOUND": (404, Rejected),
    "WEBHOOK_NOT_FOUND": (404, Rejected),
    "INVALID_PAYMENT_TOKEN": (400, Rejected),
    "NEGATIVE_PROMOTION_ADJUSTED_CANCEL_AMOUNT": (400, Rejected),
    "PROMOTION_DISCOUNT_RETAIN_OPTION_SHOULD_NOT_BE_CHANGED": (400, Rejected),
    "PROMOTION_PAY_METHOD_DOES_NOT_MATCH": (400, Rejected),
    "DISCOUNT_AMOUNT_EXCEEDS_TOTAL_AMOUNT": (400, Rejected),
    "MAX_TRANSACTION_COUNT_REACHED": (400, Rejected),
    "MAX_WEBHOOK_RETRY_COUNT_REACHED": (400, Rejected),
    "PAYMENT_NOT_PAID": (409, Rejected),
    "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT": (409, Rejected),
    "SUM_OF_PARTS_EXCEEDS_CANCEL_AMOUNT": (409, Rejected),
    "SUM_OF_PARTS_EXCEEDS_TOTAL_AMOUNT": (409, Rejected),
    "CANCEL_TAX_FREE_AMOUNT_EXCEEDS_CANCELLABLE_TAX_FREE_AMOUNT": (409, Rejected),
    "CANCEL_TAX_AMOUNT_EXCEEDS_CANCELLABLE_TAX_AMOUNT": (409, Rejected),
    "MAX_CANCEL_COUNT_REACHED": (409, Rejected),
    "PAYMENT_CANCELLATION_NOT_PENDING": (409, Rejected),
    "INFORMATION_MISMATCH": (409, Rejected),
    "PAYMENT_SCHEDULE_ALREADY_EXISTS": (409, Rejected),
    "PAYMENT_SCHEDULE_ALREADY_PROCESSED": (409, Rejected),
    "BILLING_KEY_ALREADY_ISSUED": (409, Rejected),
    "IDENTITY_VERIFICATION_ALREADY_SENT": (409, Rejected),
}

# Refusals PortOne may give before it looks at the idempotency key: on a repeat they say nothing about the first send.
BEFORE_IDEMPOTENCY: Final = frozenset({"UNAUTHORIZED", "FORBIDDEN"})


def fault(
    status: int,
    body: bytes,
    headers: Mapping[str, str],
    *,
    setting: str = "PORTONE_API_SECRET",
    store_id: str | None = None,
) -> WorkerError:
    """Return the error for a PortOne answer that is not 2xx. Source: PortOne docs: errors, idempotency.

    ``setting`` and ``store_id`` say whose secret was sent, for the person who has to renew it after a 401.
    """
    if status == 401:
        whose = "" if store_id is None else f" for {store_id}"
        return Misconfigured(
            "UNAUTHORIZED",
            f"{setting}: PortOne refused it{whose} (expired or revoked?); issue a new V2 API secret in the PortOne "
            "console, set it and restart the worker.",
            status=401,
            korean=f"{setting}: PortOne이 거부했습니다{whose and f' ({store_id})'}. 만료되었거나 폐기된 시크릿입니다. "
            "PortOne 콘솔에서 V2 API 시크릿을 새로 발급해 설정하고 작업자를 다시 시작하세요.",
        )
    parsed = _parse(body)
    kind = parsed.get("type")
    known = FAULTS.get(kind) if isinstance(kind, str) else None
    if known is None or known[0] != status or not isinstance(kind, str):
        code = "PORTONE_RATE_LIMITED" if status == 429 else "PORTONE_UNAVAILABLE"
        return Transient(
            code, f"PortOne answered HTTP {status} without a usable error type.", status=status,
            retry_in=retry_after(headers),
        )  # fmt: skip
    branch = known[1]
    if issubclass(branch, Transient):
        return Transient(kind, english(kind) or kind, status=status)
    return branch(kind, english(kind) or kind, status=status, extra=_pg_details(parsed))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a ``Retry-After`` header, at most one hour; dates and nonsense give None."""
    value = headers.get("retry-after", "")
    return float(min(int(value), 3600)) if value.isascii() and value.isdigit() and len(value) < 10 else None


def _parse(body: bytes) -> dict[str, object]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _pg_details(parsed: Mapping[str, object]) -> dict[str, object]:
    """The PG's own words; of a channel group (CHANNEL_SPECIFIC) those of the first channel that gave any."""
    failures = parsed.get("failures")
    first = (
        next((entry for entry in failures if isinstance(entry, dict) and "pgCode" in entry), None)
        if isinstance(failures, list)
        else None
    )
    parsed = parsed if first is None else first
    details: dict[str, object] = {}
    for ours, theirs in (("pg_code", "pgCode"), ("pg_message", "pgMessage")):
        value = parsed.get(theirs)
        if isinstance(value, str):
            details[ours] = value[:_PG_TEXT]
    return details
