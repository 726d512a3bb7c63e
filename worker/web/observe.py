"""Decides what is noted of every user request: its id, how long it took, how it ended; webhooks note themselves."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from worker.correlation import HEADER, following, new_id, usable
from worker.logs import get_logger
from worker.tracing import TRACING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from worker.metrics import Metrics

# Asked every few seconds by machines, or files of a page: not worth a line.
_QUIET = ("/health/", "/metrics", "/console")


class Observe:
    """ASGI middleware around the user routes."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry point."""
        if scope["type"] != "http" or scope["path"].startswith(_QUIET):
            await self._app(scope, receive, send)
            return
        request_id = usable(_header(scope)) or new_id()
        status = 500
        started = time.perf_counter()

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (HEADER.encode(), request_id.encode())]
            await send(message)

        with following(request_id), TRACING.span(f"http {scope['method']}", request_id=request_id):
            try:
                await self._app(scope, receive, answer)
            finally:
                seconds = time.perf_counter() - started
                self._metrics.http.labels(f"{status // 100}xx").observe(seconds)
                get_logger().info(
                    "payment request answered",
                    method=scope["method"],
                    path=scope["path"],
                    status=status,
                    seconds=round(seconds, 3),
                )


def _header(scope: Scope) -> str | None:
    name = HEADER.encode()
    return next((value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name), None)
