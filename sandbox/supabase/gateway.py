"""Decides what Supabase's gateway does in front of PostgREST: API keys become roles.

PostgREST knows no `apikey` and no `/rest/v1`. Rules, from Supabase's docs on API keys: a request
needs a known key in the `apikey` header (or query parameter); a user's token in `Authorization`
outranks the key; without one, or with the key itself there, the key's own role counts.
"""

from __future__ import annotations

import argparse
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.supabase.keys import mint_role_jwt

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

_METHODS = ["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"]
_HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "transfer-encoding",
    "content-length",
    "content-encoding",
    "date",
    "server",
}
_NOT_FORWARDED = {"host", "apikey", "authorization", "content-length", "connection", "accept-encoding"}
_CONNECTIONS = 64
_TIMEOUT_SECONDS = 60.0


def create_gateway(
    upstream: httpx.AsyncClient, *, publishable_key: str, secret_key: str, jwt_secret: str
) -> Starlette:
    """Return the ASGI application; `upstream` is a client whose base address is PostgREST."""
    tokens = {
        publishable_key: mint_role_jwt(jwt_secret, "anon"),
        secret_key: mint_role_jwt(jwt_secret, "service_role"),
    }

    async def rest(request: Request) -> Response:
        key = request.headers.get("apikey") or request.query_params.get("apikey")
        if not key:
            return _refuse(
                "No API key found in request", "No `apikey` request header or url param was found."
            )
        if key not in tokens:
            return _refuse("Invalid API key", "Double check your API key.")
        given = request.headers.get("authorization", "")
        bearer = tokens[key] if given in ("", f"Bearer {key}") else given.removeprefix("Bearer ")
        return await _forward(upstream, request, bearer)

    async def auth(request: Request) -> Response:
        message = "SANDBOX_API=postgrest has no Auth service; sign users in with mint_jwt()"
        return JSONResponse({"message": message}, status_code=501)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with upstream:
            yield

    routes = [
        Route("/rest/v1/{path:path}", rest, methods=_METHODS),
        Route("/auth/v1/{path:path}", auth, methods=_METHODS),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


async def _forward(upstream: httpx.AsyncClient, request: Request, bearer: str) -> Response:
    headers = [
        (name, value) for name, value in request.headers.raw if name.decode("latin-1") not in _NOT_FORWARDED
    ]
    query = "&".join(part for part in request.url.query.split("&") if not part.startswith("apikey="))
    answer = await upstream.request(
        request.method,
        f"/{request.path_params['path']}" + (f"?{query}" if query else ""),
        headers=[*headers, (b"authorization", f"Bearer {bearer}".encode("latin-1"))],
        content=await request.body(),
    )
    response = Response(answer.content, status_code=answer.status_code)
    response.raw_headers.extend(
        (name.lower(), value)
        for name, value in answer.headers.raw
        if name.decode("latin-1").lower() not in _HOP_BY_HOP
    )
    return response


def _refuse(message: str, hint: str) -> JSONResponse:
    return JSONResponse({"message": message, "hint": hint}, status_code=401)


def main() -> None:
    """Serve until ended; the keys come from the environment so that `ps` does not show them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream", required=True)
    arguments = parser.parse_args()
    upstream = httpx.AsyncClient(
        base_url=arguments.upstream,
        timeout=_TIMEOUT_SECONDS,
        limits=httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS),
    )
    application = create_gateway(
        upstream,
        publishable_key=os.environ["GATEWAY_PUBLISHABLE_KEY"],
        secret_key=os.environ["GATEWAY_SECRET_KEY"],
        jwt_secret=os.environ["GATEWAY_JWT_SECRET"],
    )
    uvicorn.run(application, host="127.0.0.1", port=arguments.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
