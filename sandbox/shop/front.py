"""Decides what a browser gets that Supabase Lite does not give it: preflights, and an admin's role in the token.

Observed with Lite 0.10: OPTIONS of a function with arguments is 404, so no page of another origin may call it; access
tokens carry no `app_metadata`, so nobody who signs in is an admin. Hosted Supabase does both. Everything else passes
through unchanged.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jwt
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.routing import Route

if TYPE_CHECKING:
    import httpx
    from starlette.requests import Request

_METHODS = ["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE"]
_NOT_FORWARDED = {"host", "content-length", "connection", "accept-encoding", "origin", "cookie"}
_NOT_RETURNED = {"connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding", "date", "set-cookie", "vary"}  # fmt: skip


def api_routes(upstream: httpx.AsyncClient, jwt_secret: str) -> list[Route]:
    """Return `/rest/v1` and `/auth/v1`; `upstream` is a client whose base address is the project's API."""

    async def forward(request: Request) -> Response:
        headers = [(k, v) for k, v in request.headers.raw if k.decode("latin-1") not in _NOT_FORWARDED]
        answer = await upstream.request(
            request.method,
            request.url.path + (f"?{request.url.query}" if request.url.query else ""),
            headers=headers,
            content=await request.body(),
        )
        content = answer.content
        if request.url.path.startswith("/auth/v1/") and answer.status_code == 200:
            content = with_app_metadata(content, jwt_secret)
        response = Response(content, status_code=answer.status_code)
        response.raw_headers.extend(
            (name.lower(), value) for name, value in answer.headers.raw if _returned(name.decode("latin-1"))
        )
        return response

    cors = Middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=_METHODS,
        allow_headers=["*"],
        expose_headers=["content-range"],
    )
    return [
        Route(f"/{service}/v1/{{path:path}}", forward, methods=[*_METHODS, "OPTIONS"], middleware=[cors])
        for service in ("rest", "auth")
    ]


def with_app_metadata(content: bytes, jwt_secret: str) -> bytes:
    """Return an Auth reply whose access token says what the user's `app_metadata` is, signed with the project's secret."""
    try:
        reply: Any = json.loads(content)
    except ValueError:
        return content
    if not isinstance(reply, dict) or not isinstance(reply.get("access_token"), str):
        return content
    claims = jwt.decode(reply["access_token"], jwt_secret, algorithms=["HS256"], audience="authenticated")
    claims["app_metadata"] = (reply.get("user") or {}).get("app_metadata") or {}
    return json.dumps({**reply, "access_token": jwt.encode(claims, jwt_secret, algorithm="HS256")}).encode()


def _returned(name: str) -> bool:
    lower = name.lower()
    return lower not in _NOT_RETURNED and not lower.startswith("access-control-")
