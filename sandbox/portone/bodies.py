"""Decides the exact bytes of a webhook in each version and encoding of the console (PortOne docs: webhook)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlencode

from .clock import millis_text

if TYPE_CHECKING:
    from collections.abc import Mapping

Version = Literal["2024-04-25", "2024-01-01"]
Encoding = Literal["json", "form"]

# The legacy version knows these; of disputes and billing keys it says nothing (inferred from its status list).
LEGACY_EVENTS: Final = frozenset(
    f"Transaction.{status}"
    for status in (
        "Ready",
        "Paid",
        "VirtualAccountIssued",
        "PartialCancelled",
        "Cancelled",
        "Failed",
        "PayPending",
        "CancelPending",
    )
)
_FORM: Final = "application/x-www-form-urlencoded"


def webhook_body(
    type_: str, data: Mapping[str, Any], now: int, version: Version, encoding: Encoding
) -> bytes:
    """Return the body; ``now`` in nanoseconds. Only the legacy version can be form-encoded."""
    if version == "2024-04-25":
        return _compact({"type": type_, "timestamp": millis_text(now), "data": data})
    legacy = {"payment_id": data.get("paymentId"), "tx_id": data.get("transactionId")}
    if type_ == "Transaction.Confirm":
        legacy["total_amount"] = data.get("totalAmount")
    else:
        legacy["status"] = type_.partition(".")[2]
    if encoding == "form":
        return urlencode({name: value for name, value in legacy.items() if value is not None}).encode()
    return _compact(legacy)


def content_type_of(version: Version, encoding: Encoding) -> str:
    """Return the content type; version 2024-04-25 is JSON only."""
    return _FORM if version == "2024-01-01" and encoding == "form" else "application/json"


def _compact(payload: Mapping[str, Any]) -> bytes:
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()
