"""Decides what `SANDBOX_API=postgrest` runs: the generated configuration and the key gateway.

A stub stands for the executable: it reads the configuration as PostgREST would and echoes requests.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import httpx
import jwt
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.supabase.endpoint import SupabaseEndpoint
from sandbox.supabase.gateway import create_gateway
from sandbox.supabase.postgrest import PostgrestFront, postgrest_config

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from starlette.requests import Request

ENDPOINT = SupabaseEndpoint(
    api_url="",
    db_url="postgresql://postgres:pass@127.0.0.1:5432/postgres",
    admin_db_url="postgresql://supabase_admin:pass@127.0.0.1:5432/postgres",
    publishable_key="sb_publishable_test",
    secret_key="sb_secret_test",
    jwt_secret="a-secret-of-at-least-thirty-two-bytes",
)
_STUB = """#!{python}
import http.server, json, re, sys, threading
settings = dict(re.findall(r'^([a-z-]+) = "?(.*?)"?$', open(sys.argv[1]).read(), re.M))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({{"path": self.path, "authorization": self.headers["authorization"]}}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
def serve(name):
    http.server.ThreadingHTTPServer(("127.0.0.1", int(settings[name])), Handler).serve_forever()
threading.Thread(target=serve, args=("admin-server-port",), daemon=True).start()
serve("server-port")
"""


async def _echo(request: Request) -> Response:
    if request.url.path == "/missing":
        return JSONResponse({"code": "PGRST205"}, status_code=404, headers={"content-range": "*/0"})
    return JSONResponse(
        {
            "method": request.method,
            "path": request.url.path,
            "query": request.url.query,
            "headers": dict(request.headers),
            "body": (await request.body()).decode(),
        },
        headers={"content-range": "0-0/1"},
    )


@pytest.fixture
async def gateway() -> AsyncIterator[httpx.AsyncClient]:
    """The gateway before an echo."""
    methods = ["GET", "POST", "PATCH", "DELETE"]
    echo = Starlette(routes=[Route("/{path:path}", _echo, methods=methods)])
    upstream = httpx.AsyncClient(transport=httpx.ASGITransport(echo), base_url="http://postgrest")
    application = create_gateway(
        upstream,
        publishable_key=ENDPOINT.publishable_key,
        secret_key=ENDPOINT.secret_key,
        jwt_secret=ENDPOINT.jwt_secret,
    )
    transport = httpx.ASGITransport(application)
    async with upstream, httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield client


def _role(answer: httpx.Response) -> str:
    token = answer.json()["headers"]["authorization"].removeprefix("Bearer ")
    claims: dict[str, Any] = jwt.decode(token, ENDPOINT.jwt_secret, algorithms=["HS256"])
    return str(claims["role"])


@pytest.mark.parametrize(
    ("key", "role"), [(ENDPOINT.publishable_key, "anon"), (ENDPOINT.secret_key, "service_role")]
)
async def test_a_key_becomes_its_role(gateway: httpx.AsyncClient, key: str, role: str) -> None:
    assert _role(await gateway.get("/rest/v1/payments", headers={"apikey": key})) == role
    both = {"apikey": key, "authorization": f"Bearer {key}"}
    assert _role(await gateway.get("/rest/v1/payments", headers=both)) == role


async def test_a_users_token_outranks_the_key(gateway: httpx.AsyncClient) -> None:
    headers = {"apikey": ENDPOINT.publishable_key, "authorization": "Bearer user.token.here"}
    answer = await gateway.get("/rest/v1/payments", headers=headers)
    assert answer.json()["headers"]["authorization"] == "Bearer user.token.here"


@pytest.mark.parametrize(
    "headers", [{}, {"apikey": "sb_secret_other"}, {"authorization": "Bearer sb_secret_test"}]
)
async def test_without_a_known_key_nothing_passes(
    gateway: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await gateway.get("/rest/v1/payments", headers=headers)
    assert answer.status_code == 401
    assert "key" in answer.json()["message"].lower()


async def test_the_rest_of_the_request_passes_unchanged(gateway: httpx.AsyncClient) -> None:
    answer = await gateway.post(
        "/rest/v1/rpc/claim_jobs?select=id,kind&apikey=sb_secret_test&id=in.(%22a%2Cb%22,c)",
        headers={"prefer": "return=minimal", "content-type": "application/json"},
        content=b'{"max": 5}',
    )
    seen = answer.json()
    assert (seen["method"], seen["path"]) == ("POST", "/rpc/claim_jobs")
    assert seen["query"] == "select=id,kind&id=in.(%22a%2Cb%22,c)"
    assert seen["body"] == '{"max": 5}'
    assert seen["headers"]["prefer"] == "return=minimal"
    assert "apikey" not in seen["headers"]
    assert answer.headers["content-range"] == "0-0/1"


async def test_errors_pass_unchanged(gateway: httpx.AsyncClient) -> None:
    answer = await gateway.get("/rest/v1/missing", headers={"apikey": ENDPOINT.secret_key})
    assert (answer.status_code, answer.json()) == (404, {"code": "PGRST205"})
    assert answer.headers["content-range"] == "*/0"


async def test_there_is_no_auth_service_and_it_says_so(gateway: httpx.AsyncClient) -> None:
    answer = await gateway.post("/auth/v1/signup", headers={"apikey": ENDPOINT.publishable_key}, json={})
    assert answer.status_code == 501


def test_postgrest_logs_in_as_authenticator() -> None:
    lines = dict(line.split(" = ", 1) for line in postgrest_config(ENDPOINT, 3000, 3001).splitlines())
    assert lines["db-uri"] == '"postgresql://authenticator:pass@127.0.0.1:5432/postgres"'
    assert lines["db-schemas"] == '"public"'
    assert lines["db-anon-role"] == '"anon"'
    assert lines["jwt-secret"] == f'"{ENDPOINT.jwt_secret}"'
    assert (lines["server-port"], lines["admin-server-port"]) == ("3000", "3001")


def test_the_front_starts_the_executable_and_the_gateway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = tmp_path / "postgrest"
    stub.write_text(_STUB.format(python=sys.executable))
    stub.chmod(0o755)
    monkeypatch.setenv("POSTGREST_BIN", str(stub))
    front = PostgrestFront(ENDPOINT, tmp_path, False)
    try:
        url = front.start()
        answer = httpx.get(
            f"{url}/rest/v1/orders?limit=1", headers={"apikey": ENDPOINT.secret_key}, timeout=10
        )
        assert answer.json()["path"] == "/orders?limit=1"
        assert [child.name for child in front.children()] == ["postgrest", "postgrest-gateway"]
    finally:
        front.stop()
    assert front.children() == []


def test_a_missing_executable_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("POSTGREST_BIN", str(tmp_path / "nothing"))
    with pytest.raises(RuntimeError, match="POSTGREST_BIN"):
        PostgrestFront(ENDPOINT, tmp_path, False).start()
