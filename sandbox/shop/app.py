"""Decides what the sandbox's shop serves: the checkout example as it lies there, told where everything is."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
from starlette.applications import Starlette
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from sandbox.setup.paths import PROJECT_ROOT
from sandbox.shop.front import api_routes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

EXAMPLE = PROJECT_ROOT / "examples" / "checkout"
# One file, without imports: what a CDN serves in its place.
SUPABASE_JS = PROJECT_ROOT / "node_modules" / "@supabase" / "supabase-js" / "dist" / "umd" / "supabase.js"
_API_TIMEOUT_SECONDS = 60.0


def create_shop(*, api_url: str, publishable_key: str, jwt_secret: str, portone_sdk: str) -> Starlette:
    """Return the shop: the example's pages at `/`, and the project's API beside them for browsers."""
    upstream = httpx.AsyncClient(base_url=api_url, timeout=_API_TIMEOUT_SECONDS)

    async def config(request: Request) -> Response:
        values = {
            "supabaseUrl": str(request.base_url).rstrip("/"),
            "supabaseKey": publishable_key,
            "supabaseJs": "/supabase.js",
            "portoneSdk": portone_sdk,
            "realtime": False,  # Lite has none
        }
        text = f"export const config = {json.dumps(values, indent=2)};\n"
        return Response(text, media_type="text/javascript", headers={"Cache-Control": "no-store"})

    async def supabase_js(_: Request) -> Response:
        return FileResponse(SUPABASE_JS, media_type="text/javascript")

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with upstream:
            yield

    routes = [
        *api_routes(upstream, jwt_secret),
        Route("/config.js", config),
        Route("/supabase.js", supabase_js),
        Mount("/", StaticFiles(directory=EXAMPLE, html=True)),
    ]
    return Starlette(routes=routes, lifespan=lifespan)
