"""Decides who may call the PortOne API: ``Authorization: PortOne <V2 API secret>`` (PortOne docs: authentication)."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from .errors import PortOneError

if TYPE_CHECKING:
    from collections.abc import Iterable


def check_secret(header: str | None, secrets: Iterable[str]) -> None:
    """Raise UNAUTHORIZED unless the header carries one of the secrets."""
    scheme, _, given = (header or "").partition(" ")
    accepted = [hmac.compare_digest(given.encode(), secret.encode()) for secret in secrets]
    if scheme != "PortOne" or not any(accepted):
        raise PortOneError("UNAUTHORIZED", "Authorization: send 'PortOne <V2 API secret>' of this store")
