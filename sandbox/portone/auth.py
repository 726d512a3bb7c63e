"""Decides who may call the PortOne API: ``PortOne <V2 API secret>`` or ``Bearer <access token>`` (PortOne docs)."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from .errors import PortOneError

if TYPE_CHECKING:
    from .simulator import Simulator
    from .store import Store


def authorize(simulator: Simulator, header: str | None) -> list[Store]:
    """Return the stores the caller may use, its own first; raises UNAUTHORIZED."""
    scheme, _, given = (header or "").partition(" ")
    if scheme == "Bearer":
        given = simulator.tokens.secret_of(given) or ""
    if scheme not in ("PortOne", "Bearer"):
        given = ""
    stores = stores_of_secret(simulator, given)
    if not stores:
        raise PortOneError("UNAUTHORIZED", "Authorization: send 'PortOne <V2 API secret>' of this store")
    return stores


def stores_of_secret(simulator: Simulator, secret: str) -> list[Store]:
    """Return the stores that list the secret, in constant time per secret."""
    return [
        store
        for store in simulator.stores.values()
        if any([hmac.compare_digest(secret.encode(), one.encode()) for one in store.api_secrets])
    ]
