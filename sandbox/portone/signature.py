"""Decides how a webhook is signed: Standard Webhooks, one ``v1`` signature per active secret.

PortOne docs: webhook. Content signed is ``{id}.{timestamp}.`` followed by the raw body.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def sign(secret: str, message_id: str, timestamp: int | str, body: bytes) -> str:
    """Return ``v1,<base64>`` for one secret (``whsec_`` optional); raises ValueError when it is not base64."""
    key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    digest = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def signed_headers(
    secrets: Iterable[str], message_id: str, timestamp: int | str, body: bytes
) -> dict[str, str]:
    """Return the three webhook headers, signed with every secret given."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(sign(secret, message_id, timestamp, body) for secret in secrets),
    }
