"""Decides which control routes a shop's page in a browser may call from its own origin: only those of sdk.js."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse
from starlette.routing import Route

from .pg_rules import window_type_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .control_inputs import WindowInput
    from .control_inputs_more import KeyWindowInput
    from .simulator import Simulator

# Response header that tells sdk.js which window type a PG has on this device, where it has only one.
WINDOW_TYPE: Final = "x-sim-window-type"


def browser_route(path: str, endpoint: Callable[..., Awaitable[Any]]) -> Route:
    """Return a POST route that answers to every origin, as PortOne's own window API does."""
    cors = Middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["POST"],
        allow_headers=["content-type"],
        expose_headers=[WINDOW_TYPE],
    )
    return Route(path, endpoint, methods=["POST", "OPTIONS"], middleware=[cors])


def window_reply(
    simulator: Simulator, window: WindowInput | KeyWindowInput, answer: dict[str, Any]
) -> JSONResponse:
    """Return what a window call answered, with the PG's only window type where it has one on this device."""
    store = simulator.stores.get(window.storeId)
    channel = store.channels.get(window.channelKey) if store is not None else None
    only = window_type_of(channel, window.userAgent) if channel is not None else None
    return JSONResponse(answer, headers={} if only is None else {WINDOW_TYPE: only})
