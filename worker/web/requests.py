"""Decides how a user's request becomes an operation: asked for with the caller's own token, under one key, then waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from worker.errors import DatabaseUnavailable, Rejected
from worker.web.guard import bearer_token
from worker.web.waiting import finished_or_pending

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from worker.deps import Deps


async def enqueue(deps: Deps, request: Request, function: str, arguments: dict[str, object]) -> Response:
    """Call a ``request_*`` function as the caller and answer 200 or 202; arguments that are None are left out.

    Raises ``Rejected`` with the database's status, field and hint.
    """
    token = caller_token(request)
    given = {name: value for name, value in arguments.items() if value is not None}
    # A lost reply must not become a second refund: one key for all tries of this request.
    given.setdefault("idempotency_key", f"http-{uuid4()}")
    try:
        operation = await deps.users.request(function, given, token=token)
    except DatabaseUnavailable:
        operation = await deps.users.request(function, given, token=token)
    deps.bell.ring()
    return await finished_or_pending(deps, request, operation, token=token)


def caller_token(request: Request) -> str:
    """Return the caller's JWT. Raises ``Rejected`` (401) without one."""
    token = bearer_token(request.headers.get("authorization"))
    if token is None:
        raise Rejected("TOKEN_REQUIRED", "This request needs a signed-in user's access token.", status=401)
    return token


def row_id(value: str, *, code: str, what: str) -> str:
    """Return a path part as a uuid; anything else is as unknown as a row that does not exist (404)."""
    try:
        return str(UUID(value))
    except ValueError:
        raise Rejected(code, f"There is no such {what}.", status=404) from None
