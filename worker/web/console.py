"""The operations console: a built page served as it is, and the two public values it needs to find Supabase.

Nothing secret passes here. The page signs an admin in with Supabase Auth and sees what row level security shows them.
"""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request  # noqa: TC002  FastAPI reads the annotations
from starlette.responses import JSONResponse, RedirectResponse, Response

if TYPE_CHECKING:
    from worker.settings import Settings

FOLDER: Final = Path(__file__).parent.parent / "console"
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
# Files below assets/ carry a hash of their content in their name; everything else must be asked for anew.
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_ASK_AGAIN: Final = "no-cache"


def console_routes(settings: Settings, folder: Path = FOLDER) -> APIRouter:
    """Return ``/console`` and what is below it. ``folder`` holds the bundle that ``make console`` builds."""
    # Pages for people: no part of the HTTP interface that docs/ describes.
    router = APIRouter(include_in_schema=False)
    # Read once: only names found here can be asked for, so no path leads out of the folder.
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in _files(folder)}
    packed = {name: _packed(content) for name, content in files.items()}
    headers = security_headers(settings.browser_url)

    @router.get("/console")
    async def without_slash() -> Response:
        """Relative addresses in the page need the slash; relative, so that a proxy may serve us under a path."""
        return RedirectResponse("console/", status_code=308, headers=headers)

    @router.get("/console/config.json")
    async def config() -> Response:
        """Where Supabase is and its publishable key: both are public by design, row level security does the rest."""
        key = settings.supabase_publishable_key.get_secret_value()
        body = {"supabaseUrl": settings.browser_url, "supabasePublishableKey": key}
        return JSONResponse(body, headers={**headers, "Cache-Control": _ASK_AGAIN})

    @router.get("/console/{path:path}")
    async def file(request: Request, path: str) -> Response:
        """One file of the bundle; 304 where the browser has it."""
        name = path or "index.html"
        content = files.get(name)
        if content is None:
            raise HTTPException(404)
        tag = f'W/"{hashlib.sha256(content).hexdigest()[:32]}"'
        kept = _FOR_EVER if name.startswith("assets/") else _ASK_AGAIN
        answer = {**headers, "ETag": tag, "Cache-Control": kept, "Vary": "Accept-Encoding"}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=answer)
        if "gzip" in request.headers.get("accept-encoding", ""):
            content, answer["Content-Encoding"] = packed[name], "gzip"
        return Response(content, media_type=_TYPES[Path(name).suffix], headers=answer)

    return router


@cache
def _packed(content: bytes) -> bytes:
    """Compress a file; once for a process, however many apps it makes."""
    return gzip.compress(content, mtime=0)


def security_headers(supabase_url: str) -> dict[str, str]:
    """Return the headers of every answer: our own scripts only, calls to ourselves and Supabase only, no framing."""
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        f"connect-src 'self' {supabase_url}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in _TYPES)
