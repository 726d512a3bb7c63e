"""Decides which control routes a shop's page in a browser may call from its own origin: only those of sdk.js."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def browser_route(path: str, endpoint: Callable[..., Awaitable[Any]]) -> Route:
    """Return a POST route that answers to every origin, as PortOne's own window API does."""
    cors = Middleware(
        CORSMiddleware, allow_origins=["*"], allow_methods=["POST"], allow_headers=["content-type"]
    )
    return Route(path, endpoint, methods=["POST", "OPTIONS"], middleware=[cors])
