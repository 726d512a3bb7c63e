"""Decides whether a delivery was signed with one of our secrets: pure, over the raw bytes as they arrived.

Standard Webhooks as PortOne uses it (PortOne docs: webhook, version 2024-04-25): HMAC-SHA256 over
``<webhook-id>.<webhook-timestamp>.<body>``, timestamps within 300 s inclusive, any ``v1`` signature may match any
configured secret. Agrees with ``portone_server_sdk.webhook.verify``, and is stricter only where an id is empty or a
header is absurdly long.
"""

from __future__ import annotations

import binascii
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TOLERANCE_SECONDS: Final = 300
_LONGEST_ID: Final = 255
_LONGEST_TIMESTAMP: Final = 20
_MOST_SIGNATURES: Final = 32

Reason = Literal["malformed_headers", "too_old", "too_new", "no_matching_signature"]


@dataclass(frozen=True, slots=True)
class Verified:
    """A genuine delivery; ``secret_index`` says which configured secret signed it."""

    webhook_id: str
    secret_index: int


class WebhookRefused(Exception):
    """Not accepted; ``reason`` separates 400 (malformed, too old, too new) from 401 (no matching signature)."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


def verify_webhook(
    body: bytes, headers: Mapping[str, str], *, secrets: Sequence[bytes], now: float
) -> Verified:
    """Check one delivery; ``headers`` are lower-case, ``secrets`` decoded keys, ``now`` Unix seconds.

    Raises ``WebhookRefused``. Every secret and signature is compared, in constant time each.
    """
    webhook_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    signatures = headers.get("webhook-signature", "")
    if not signatures or not webhook_id.isprintable() or not 0 < len(webhook_id) <= _LONGEST_ID:
        raise WebhookRefused("malformed_headers")
    _check_timestamp(timestamp, now)
    offered = _decoded_signatures(signatures)
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    match: int | None = None
    for index, secret in enumerate(secrets):
        expected = hmac.digest(secret, signed, "sha256")
        for candidate in offered:
            if hmac.compare_digest(expected, candidate) and match is None:
                match = index
    if match is None:
        raise WebhookRefused("no_matching_signature")
    return Verified(webhook_id, match)


def _check_timestamp(timestamp: str, now: float) -> None:
    if not 0 < len(timestamp) <= _LONGEST_TIMESTAMP:
        raise WebhookRefused("malformed_headers")
    try:
        sent = int(timestamp)
    except ValueError:
        raise WebhookRefused("malformed_headers") from None
    if int(now) - sent > TOLERANCE_SECONDS:
        raise WebhookRefused("too_old")
    if sent > int(now) + TOLERANCE_SECONDS:
        raise WebhookRefused("too_new")


def _decoded_signatures(header: str) -> list[bytes]:
    decoded: list[bytes] = []
    for entry in header.split(" ")[:_MOST_SIGNATURES]:
        version, _, signature = entry.partition(",")
        if version != "v1":
            continue
        try:
            # The SDK splits at commas and ignores what follows a second one; decoding is lax, as in the SDK.
            decoded.append(binascii.a2b_base64(signature.split(",")[0].encode("utf-8", "replace")))
        except (ValueError, binascii.Error):
            continue
    return decoded
