"""Decides how a refusal looks over HTTP: ``{"error": {code, message, message_ko, field, hint, …}}`` and the fitting status."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from starlette.responses import JSONResponse

from worker.errors import Conflict, DatabaseUnavailable, Misconfigured, Rejected, Transient, WorkerError
from worker.sentences import korean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Send

RETRY_AFTER_SECONDS: Final = "5"


def error_body(code: str, message: str, **facts: object) -> dict[str, object]:
    """Return the JSON body of a refusal, with ``message_ko`` where the code has one; facts that are None are left out."""
    said = {"message_ko": korean(code), **facts}
    return {"error": {"code": code, "message": message, **{k: v for k, v in said.items() if v is not None}}}


def error_response(error: WorkerError) -> JSONResponse:
    """Return the response for an error raised below a route."""
    if isinstance(error, Rejected | Conflict):
        facts = {
            key: value for key, value in error.extra.items() if key not in ("code", "message", "sqlstate")
        }
        status = error.status if error.status is not None and 400 <= error.status < 500 else 422
        wait = facts.get("retry_after_seconds")
        headers = {"Retry-After": str(wait)} if status == 429 and isinstance(wait, int) else None
        return JSONResponse(
            error_body(error.code, error.message, **facts), status_code=status, headers=headers
        )
    if isinstance(error, Transient | Misconfigured):
        message = (
            "The database cannot be reached right now. Try again; with the same idempotency_key nothing happens twice."
            if isinstance(error, DatabaseUnavailable)
            else error.message
            if isinstance(error, Transient)
            else "The payment service is not set up correctly; its operator can see why in the worker's log."
        )
        return JSONResponse(
            error_body(error.code, message), status_code=503, headers={"Retry-After": RETRY_AFTER_SECONDS}
        )
    return JSONResponse(error_body("INTERNAL_ERROR", "Something went wrong."), status_code=500)


async def send_json(
    send: Send, status: int, body: Mapping[str, object], headers: Mapping[str, str] | None = None
) -> None:
    """Send a small JSON answer straight through ASGI."""
    content = json.dumps(body).encode()
    raw = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    raw += [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": content})
