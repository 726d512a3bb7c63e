"""Decides which address a request came from: the socket's, or what the shop's own proxies say.

``TRUSTED_PROXY_HOPS`` is how many proxies stand in front. Only as many entries of ``X-Forwarded-For`` are believed,
counted from the right: the rest is whatever the client wrote.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from worker.seal import Fingerprint

if TYPE_CHECKING:
    from starlette.requests import Request

    from worker.settings import Settings


def client_address(request: Request, hops: int) -> str:
    """Return the client's IP address as text; the peer's where the header has no usable entry."""
    peer = request.client.host if request.client is not None else "0.0.0.0"  # noqa: S104  not a bind address
    if hops == 0:
        return peer
    forwarded = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
    named = forwarded[-hops].strip() if len(forwarded) >= hops else ""
    try:
        return str(ipaddress.ip_address(named))
    except ValueError:
        return peer


def address_hash(settings: Settings, address: str) -> str:
    """Return the keyed hash the database throttles by. Raises ``Misconfigured`` without IDENTITY_HASH_KEY."""
    return Fingerprint(settings.identity_key()).of(f"address:{address}")
