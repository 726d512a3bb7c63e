"""Decides what a signed webhook body says: which entity to re-read, or why there is nothing to do.

The type never says what to write (PortOne docs: webhook, the body is only a pointer). Nothing here refuses a signed
body: what cannot be understood is stored with the reason.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import parse_qsl

import orjson

from worker.model import Delivery
from worker.web.body import is_form

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.portone.webhook import Verified
    from worker.settings import WebhookKey

# PortOne docs: webhook, version 2024-04-25.
PAYMENT_TYPES: Final = frozenset(
    f"Transaction.{name}"
    for name in (
        "Ready", "Paid", "VirtualAccountIssued", "PayPending", "Failed", "PartialCancelled", "Cancelled",
        "CancelPending", "DisputeCreated", "DisputeResolved",
    )
)  # fmt: skip
BILLING_KEY_TYPES: Final = frozenset(
    f"BillingKey.{name}" for name in ("Ready", "Issued", "Failed", "Deleted", "Updated")
)
# Asks for an approval that this shop never requested; there is nothing to read back.
NOT_ACTIONABLE: Final = frozenset({"Transaction.Confirm"})

_LONGEST_ID: Final = 255
_LONGEST_TYPE: Final = 100
_MOST_FORM_FIELDS: Final = 50
_KEPT_HEADERS: Final = 64
_KEPT_HEADER_LENGTH: Final = 1024
_NEVER_KEPT: Final = frozenset({"authorization", "cookie", "apikey", "proxy-authorization", "x-api-key"})
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")


def read_delivery(
    body: bytes, headers: Mapping[str, str], verified: Verified, signed_by: WebhookKey | None = None
) -> Delivery:
    """Return the delivery to store; never raises. Its store is the one the body names, else the one whose secret signed.

    A form is never more than a legacy body (PortOne docs: webhook, only version 2024-01-01 has forms).
    """
    parsed = _parse_form(body) if is_form(headers) else _parse(body)
    kind, skip = _kind(parsed)
    data = parsed.get("data") if isinstance(parsed, dict) else None
    fields: Mapping[str, object] = data if isinstance(data, dict) else {}
    subject, subject_kind = _subject(kind, fields)
    if skip is None and subject is None:
        skip = "unparsable"
    return Delivery(
        webhook_id=verified.webhook_id,
        webhook_type=kind,
        body=body,
        headers=kept_headers(headers),
        subject_id=subject,
        subject_kind=subject_kind,
        provider_transaction_id=_identifier(fields.get("transactionId")),
        event_at=_time(parsed.get("timestamp")) if isinstance(parsed, dict) else None,
        secret_index=verified.secret_index,
        secret_name=None if signed_by is None else signed_by.name,
        store_id=_identifier(fields.get("storeId")) or (None if signed_by is None else signed_by.store_id),
        skip_reason=skip,
    )


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers worth keeping: bounded, and none that carries somebody's credentials."""
    kept = [(k, v[:_KEPT_HEADER_LENGTH]) for k, v in headers.items() if k not in _NEVER_KEPT]
    return dict(kept[:_KEPT_HEADERS])


def _parse(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except ValueError:
        pass
    # Escaped lone surrogates and NaN are no JSON, but Python reads them: what was signed should not be lost for that.
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _parse_form(body: bytes) -> object:
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=_MOST_FORM_FIELDS)
    except ValueError:
        return None
    return {name: value for name, value in pairs if name != "type"}


def _kind(parsed: object) -> tuple[str | None, str | None]:
    """Return the webhook's type and why it is skipped, if it is."""
    if not isinstance(parsed, dict):
        return None, "unparsable"
    kind = parsed.get("type")
    if not isinstance(kind, str):
        # PortOne docs: webhook, version 2024-01-01; the confirm call has total_amount instead of status.
        legacy = "payment_id" in parsed and any(
            name in parsed for name in ("status", "tx_id", "total_amount")
        )
        return None, "legacy_version" if legacy else "unparsable"
    if len(kind) > _LONGEST_TYPE:
        return None, "unparsable"
    if kind in NOT_ACTIONABLE:
        return kind, "not_actionable"
    return kind, None if kind in PAYMENT_TYPES or kind in BILLING_KEY_TYPES else "unknown_type"


def _subject(
    kind: str | None, data: Mapping[str, object]
) -> tuple[str | None, Literal["payment", "billing_key"] | None]:
    if kind in BILLING_KEY_TYPES:
        billing_key = _identifier(data.get("billingKey"))
        return billing_key, "billing_key" if billing_key is not None else None
    if kind is None:
        return None, None
    payment_id = _identifier(data.get("paymentId"))
    return payment_id, "payment" if payment_id is not None else None


def _identifier(value: object) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= _LONGEST_ID and value.isprintable() else None


def _time(value: object) -> str | None:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        return None
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return None
    return value
