"""Stands in for `postgrest/postgrest`: Supabase Lite behind PostgREST's port, roles taken from the JWT as PostgREST does."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import jwt
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.supabase.endpoint import SupabaseEndpoint
from sandbox.supabase.keys import ProjectKeys
from sandbox.supabase.lite import LiteFront

if TYPE_CHECKING:
    from starlette.requests import Request

_METHODS = ["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"]
_DROPPED = {"host", "authorization", "content-length", "connection", "accept-encoding"}
_NOT_PASSED_ON = {"connection", "transfer-encoding", "content-length", "content-encoding", "date", "server"}


def application(upstream: httpx.AsyncClient, keys: ProjectKeys) -> Starlette:
    """Return the ASGI application: a bearer token in, the API key of its role out."""

    async def answer(request: Request) -> Response:
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        try:
            claims = jwt.decode(bearer, keys.jwt_secret, algorithms=["HS256"], options={"verify_aud": False})
        except jwt.PyJWTError:
            return JSONResponse({"code": "PGRST301", "message": "JWT is not valid"}, status_code=401)
        key = keys.secret if claims.get("role") == "service_role" else keys.publishable
        headers = {name: value for name, value in request.headers.items() if name not in _DROPPED} | {
            "apikey": key
        }
        if claims.get("role") == "authenticated":
            headers["authorization"] = f"Bearer {bearer}"
        query = f"?{request.url.query}" if request.url.query else ""
        path = f"/rest/v1/{request.path_params['path']}{query}"
        reply = await upstream.request(request.method, path, headers=headers, content=await request.body())
        kept = {name: value for name, value in reply.headers.items() if name not in _NOT_PASSED_ON}
        return Response(reply.content, status_code=reply.status_code, headers=kept)

    return Starlette(routes=[Route("/{path:path}", answer, methods=_METHODS)])


def main() -> None:
    """Serve until told to stop; configured as PostgREST is."""
    database = urlsplit(os.environ["PGRST_DB_URI"])
    made = ProjectKeys.generate()
    keys = ProjectKeys(made.publishable, made.secret, os.environ["PGRST_JWT_SECRET"])
    admin = (
        f"postgresql://supabase_admin:{database.password}@{database.hostname}:{database.port}{database.path}"
    )
    endpoint = SupabaseEndpoint("", admin, admin, keys.publishable, keys.secret, keys.jwt_secret)
    front = LiteFront(endpoint, Path(tempfile.mkdtemp(prefix="rest-")), False)
    url = front.start()
    try:
        upstream = httpx.AsyncClient(base_url=url, timeout=60, trust_env=False)
        port = int(os.environ.get("PGRST_SERVER_PORT", "3000"))
        uvicorn.run(
            application(upstream, keys), host="127.0.0.1", port=port, log_level="warning", access_log=False
        )
    finally:
        front.stop()


if __name__ == "__main__":
    main()
