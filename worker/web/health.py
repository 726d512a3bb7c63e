"""Decides what "alive" and "ready" mean, and says which setting to change when not ready."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from worker import __version__
from worker.errors import Misconfigured, WorkerError
from worker.web.outputs import HealthReply, Responses

if TYPE_CHECKING:
    from worker.deps import Deps
    from worker.state import RunnerState

_CACHE_SECONDS: Final = 1.0


def health_routes(deps: Deps, state: RunnerState | None) -> APIRouter:
    """Return ``/health/live`` and ``/health/ready``; ``state`` is None where this process runs no jobs."""
    router = APIRouter()
    well: Responses = {200: {"model": HealthReply, "description": "Well."}}
    unwell: Responses = {
        503: {"model": HealthReply, "description": "Not ready: `problems` names the setting to change."}
    }
    cache: dict[str, tuple[float, dict[str, str]]] = {}

    @router.get("/health/live", responses=well)
    async def live() -> Response:
        """The process answers; nothing else is checked, so that an outage elsewhere does not restart it."""
        return JSONResponse({"status": "ok", "version": __version__})

    @router.get("/health/ready", responses={**well, **unwell})
    async def ready() -> Response:
        """The database answers and the runner may claim; asked at most once a second."""
        known = cache.get("database")
        if known is None or time.monotonic() - known[0] > _CACHE_SECONDS:
            known = cache["database"] = (time.monotonic(), await _database_problems(deps))
        problems = {**known[1], **_runner_problems(state)}
        body = {"status": "ok" if not problems else "not ready", "problems": problems}
        return JSONResponse(body, status_code=200 if not problems else 503)

    return router


async def _database_problems(deps: Deps) -> dict[str, str]:
    try:
        await deps.queue.stats()
    except Misconfigured as error:
        return {"database": error.message}
    except WorkerError as error:
        return {"database": error.message}
    return {}


def _runner_problems(state: RunnerState | None) -> dict[str, str]:
    if state is None:
        return {}
    if state.stopping.is_set():
        return {"runner": "stopping"}
    refusal = state.portone_refusal or state.database_refusal
    return {} if refusal is None else {"runner": refusal.message}
