"""Assembles the HTTP side: webhook route in front, guard, CORS, user routes, health; errors become JSON here."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse

from worker import __version__
from worker.errors import Misconfigured, WorkerError
from worker.logs import frames, get_logger
from worker.web.cards import card_routes
from worker.web.console import console_routes
from worker.web.guard import Guard
from worker.web.health import health_routes
from worker.web.identities import identity_routes
from worker.web.ingest import Ingest
from worker.web.metrics import metrics_routes
from worker.web.observe import Observe
from worker.web.openapi import describe
from worker.web.payments import payment_routes
from worker.web.replies import error_body, error_response
from worker.web.validation import validation_body
from worker.web.webhook_route import WebhookRoute

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from worker.deps import Deps
    from worker.state import RunnerState
    from worker.web.spooled import SpooledIngest


def create_app(deps: Deps, *, state: RunnerState | None = None) -> ASGIApp:
    """Return the ASGI app; ``state`` is the runner's in this process, None when it runs no jobs."""
    ingest = Ingest(deps.webhooks, deps.bell)
    spooled = _spooled(deps, ingest)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        if spooled is not None:
            spooled.start()
        yield
        if spooled is not None:
            await spooled.close()
        await ingest.close()

    api = FastAPI(
        title="portone-supabase worker", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None
    )
    api.include_router(payment_routes(deps))
    api.include_router(card_routes(deps))
    api.include_router(identity_routes(deps))
    api.include_router(health_routes(deps, state))
    api.include_router(console_routes(deps.settings))
    api.include_router(metrics_routes(deps, state))
    api.openapi = describe(api)  # type: ignore[method-assign]  # FastAPI's documented way to extend the document
    api.add_exception_handler(WorkerError, _worker_error)
    api.add_exception_handler(RequestValidationError, _invalid_input)
    api.add_exception_handler(HTTPException, _http_error)
    api.add_exception_handler(Exception, _crashed)
    api.add_middleware(Guard)
    if deps.settings.cors_origins:
        api.add_middleware(
            CORSMiddleware,
            allow_origins=list(deps.settings.cors_origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["authorization", "content-type", "prefer", "x-request-id"],
            expose_headers=["location", "retry-after", "preference-applied", "x-request-id"],
        )
    # Outermost: what the others refuse is noted too.
    api.add_middleware(Observe, metrics=deps.metrics)
    return WebhookRoute(
        api,
        ingest=spooled or ingest,
        secrets=deps.settings.webhook_keys(),
        metrics=deps.metrics,
        proxy_hops=deps.settings.trusted_proxy_hops,
    )


def _spooled(deps: Deps, ingest: Ingest) -> SpooledIngest | None:
    if deps.settings.webhook_spool_dir is None:
        return None
    # Not at the top: the spool is off by default, and locks files as only POSIX can.
    from worker.web.spooled import open_spool

    return open_spool(deps, ingest, deps.settings.webhook_spool_dir)


async def _worker_error(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, WorkerError):
        raise error
    if isinstance(error, Misconfigured):
        get_logger().error(
            "portone or database setting refused a request", code=error.code, fix=error.message
        )
    return error_response(error)


async def _invalid_input(_request: Request, error: Exception) -> JSONResponse:
    problems: list[Any] = list(error.errors()) if isinstance(error, RequestValidationError) else []
    return JSONResponse(validation_body(problems), status_code=422)


async def _http_error(_request: Request, error: Exception) -> JSONResponse:
    status = error.status_code if isinstance(error, HTTPException) else 500
    codes = {
        400: ("BODY_UNREADABLE", "The body cannot be parsed; send a JSON object."),
        404: ("NOT_FOUND", "There is nothing here."),
        405: ("METHOD_NOT_ALLOWED", "Use another method."),
    }
    code, message = codes.get(status, ("HTTP_ERROR", "The request cannot be answered."))
    headers = error.headers if isinstance(error, HTTPException) else None
    return JSONResponse(error_body(code, message), status_code=status, headers=dict(headers or {}))


async def _crashed(request: Request, error: Exception) -> JSONResponse:
    get_logger().error(
        "request for payment crashed",
        path=request.url.path,
        error_type=type(error).__name__,
        frames=frames(error),
    )
    return JSONResponse(error_body("INTERNAL_ERROR", "Something went wrong."), status_code=500)
