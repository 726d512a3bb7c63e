"""Decides how long a request waits for its operation, and what it answers when the time is over.

200 with the finished operation, 202 with ``Location`` and ``Retry-After`` while it is pending (RFC 7240: Prefer: wait).
"""

from __future__ import annotations

import asyncio
import re
import time
from typing import TYPE_CHECKING, Final

from starlette.responses import JSONResponse

from worker.errors import WorkerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from worker.deps import Deps

DEFAULT_WAIT: Final = 15
LONGEST_WAIT: Final = 30
_POLLS: Final = (0.1, 0.2, 0.4)
_LATER_POLLS: Final = 1.0
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*(\d{1,9})(?=$|[,;\s])", re.IGNORECASE)


def preferred_wait(prefer: str | None, default: int = DEFAULT_WAIT) -> int:
    """Return the seconds of ``Prefer: wait=N``, at most 30; preferences that cannot be read are ignored (RFC 7240)."""
    match = _WAIT.search(prefer or "")
    return min(int(match.group(1)), LONGEST_WAIT) if match is not None else default


async def finished_or_pending(
    deps: Deps,
    request: Request,
    operation: Mapping[str, object],
    *,
    token: str,
    default_wait: int = DEFAULT_WAIT,
) -> Response:
    """Wait for the operation as its caller and answer 200 or 202.

    A token that expires meanwhile, or a database that goes away, ends in 202: the job goes on without us. A client that
    leaves ends the wait, not the job.
    """
    seconds = preferred_wait(request.headers.get("prefer"), default_wait)
    if operation.get("status") == "pending" and seconds > 0:
        operation = await _wait(deps, request, operation, token=token, seconds=seconds)
    applied = {"Preference-Applied": f"wait={seconds}"}
    if operation.get("status") != "pending":
        return JSONResponse(dict(operation), headers=applied)
    location = {"Location": f"/operations/{operation['id']}", "Retry-After": "1"}
    return JSONResponse(dict(operation), status_code=202, headers={**applied, **location})


async def _wait(
    deps: Deps, request: Request, operation: Mapping[str, object], *, token: str, seconds: int
) -> Mapping[str, object]:
    identifier = str(operation["id"])
    deadline = time.monotonic() + seconds
    polls = 0
    with deps.waiters.waiting(identifier) as settled:
        while (left := deadline - time.monotonic()) > 0 and not await request.is_disconnected():
            early = polls < len(_POLLS)
            pause = _POLLS[polls] if early else _LATER_POLLS
            polls += 1
            woken = await _pause(settled, min(pause, left))
            if not woken and early and pause < left and deps.waiters.is_begun(identifier):
                # Worked on right here: its end wakes us. A claim that is lost meanwhile is found by the later polls.
                continue
            settled.clear()
            try:
                operation = await deps.users.operation(identifier, token=token)
            except WorkerError:
                break
            if operation.get("status") != "pending" or deps.waiters.closed:
                break
    return operation


async def _pause(settled: asyncio.Event, seconds: float) -> bool:
    """Wait for the event, at most so long; return whether it came."""
    try:
        async with asyncio.timeout(seconds):
            return await settled.wait()
    except TimeoutError:
        return False
