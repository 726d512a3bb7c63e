"""Decides what a user request must look like before any of it is parsed: token, JSON, size.

Also keeps the answer for a missing token the same whether the body is right or wrong.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from worker.web.body import BodyTooLarge, BodyTooSlow, ClientGone, is_json, read_body
from worker.web.replies import error_body, send_json

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_LIMIT: Final = 64 * 1024
_GUARDED: Final = (
    "/payments",
    "/cancellations/",
    "/operations/",
    "/billing-keys",
    "/billing-payments",
    "/schedules",
    "/identity-verifications",
)
# The rest of the body is not read: the connection cannot be used again.
_CLOSE: Final = {"connection": "close"}
_BEARER = re.compile(r"[Bb]earer ([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)")


def bearer_token(authorization: str | None) -> str | None:
    """Return the JWT of an ``Authorization: Bearer`` header, or None; nothing in it is decoded or believed here."""
    match = _BEARER.fullmatch(authorization or "")
    return match.group(1) if match is not None else None


class Guard:
    """ASGI middleware in front of the user routes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry point."""
        guarded = (
            scope["type"] == "http" and scope["path"].startswith(_GUARDED) and scope["method"] != "OPTIONS"
        )
        if not guarded:
            await self._app(scope, receive, send)
            return
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        if bearer_token(headers.get("authorization")) is None:
            await send_json(
                send, 401,
                error_body(
                    "TOKEN_REQUIRED", "This request needs a signed-in user's access token.", field="Authorization",
                    hint="Send `Authorization: Bearer <access token>`; API keys are not accepted here.",
                ),
                {"www-authenticate": "Bearer"},
            )  # fmt: skip
            return
        try:
            body = await read_body(receive, headers, BODY_LIMIT)
        except BodyTooLarge:
            await send_json(
                send, 413, error_body("BODY_TOO_LARGE", "The body is at most 64 KiB.", max=BODY_LIMIT)
            )
            return
        except BodyTooSlow:
            await send_json(
                send, 408, error_body("BODY_TOO_SLOW", "The body did not arrive in time."), _CLOSE
            )
            return
        except ClientGone:
            return
        if body and not is_json(headers):
            await send_json(
                send, 415,
                error_body("NOT_JSON", "The body must be JSON.", field="Content-Type", hint="Send application/json."),
            )  # fmt: skip
            return
        await self._app(scope, _replay(body, receive), send)


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
