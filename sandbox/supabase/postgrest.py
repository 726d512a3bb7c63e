"""Decides how a `postgrest` executable becomes the API of a project (`SANDBOX_API=postgrest`)."""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from sandbox.setup.paths import PROJECT_ROOT
from sandbox.setup.ports import LOOPBACK, free_port
from sandbox.setup.process import Child, Command, child_env
from sandbox.setup.tls import certificates

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.supabase.endpoint import SupabaseEndpoint

_START_SECONDS = 30.0


def postgrest_binary() -> str:
    """Return the executable: `POSTGREST_BIN`, else `postgrest` on PATH.

    Raises `RuntimeError` saying what to set when there is none.
    """
    configured = os.environ.get("POSTGREST_BIN")
    found = shutil.which(configured or "postgrest")
    if found is None:
        raise RuntimeError(
            "SANDBOX_API=postgrest needs the postgrest executable: put it on PATH, "
            "or set POSTGREST_BIN to its path"
        )
    return found


def postgrest_config(endpoint: SupabaseEndpoint, port: int, admin_port: int) -> str:
    """Return PostgREST's configuration file as Supabase configures it.

    Source: PostgREST docs, "Configuration"; values from Supabase's self-hosting files.
    """
    admin = urlsplit(endpoint.admin_db_url)
    login = f"authenticator:{admin.password}@{admin.hostname}:{admin.port}"
    settings: dict[str, str | int | bool] = {
        "db-uri": f"postgresql://{login}{admin.path}",
        "db-schemas": "public",
        "db-extra-search-path": "public, extensions",
        "db-anon-role": "anon",
        "db-max-rows": 1000,
        "db-pool": 20,
        "jwt-secret": endpoint.jwt_secret,
        "server-host": LOOPBACK,
        "server-port": port,
        "admin-server-host": LOOPBACK,
        "admin-server-port": admin_port,
        "log-level": "warn",
    }
    # Strings and numbers are written as in JSON.
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())


class PostgrestFront:
    """PostgREST and the key gateway before it; see `sandbox.supabase.embedded.ApiFront`."""

    def __init__(self, endpoint: SupabaseEndpoint, log_dir: Path, detached: bool) -> None:
        """`endpoint` names the database and the keys; logs and configuration go to `log_dir`."""
        self._endpoint = endpoint
        self._log_dir = log_dir
        self._detached = detached
        self._gateway_port = 0
        self._children: list[Child] = []

    def start(self) -> str:
        """Start both and return the base address. Raises `ProcessDied` with a log's tail."""
        port, admin_port = free_port(), free_port()
        self._gateway_port = self._gateway_port or free_port()
        postgrest = Child(self._postgrest_command(port, admin_port), detached=self._detached)
        self._children = [postgrest]
        postgrest.wait_until(lambda: _ready(f"http://{LOOPBACK}:{admin_port}/ready"), within=_START_SECONDS)
        command = gateway_command(self._endpoint, self._gateway_port, port, self._log_dir)
        gateway = Child(command, detached=self._detached)
        self._children.append(gateway)
        url = f"http://{LOOPBACK}:{self._gateway_port}"
        gateway.wait_until(
            lambda: _ready(f"{url}/rest/v1/", self._endpoint.secret_key), within=_START_SECONDS
        )
        return url

    def stop(self) -> None:
        """Stop both; safe to call twice."""
        for child in reversed(self._children):
            child.stop()
        self._children = []

    def children(self) -> list[Child]:
        """Return the running processes."""
        return list(self._children)

    def _postgrest_command(self, port: int, admin_port: int) -> Command:
        config = self._log_dir / "postgrest.conf"
        config.parent.mkdir(parents=True, exist_ok=True)
        config.touch(mode=0o600)
        config.write_text(postgrest_config(self._endpoint, port, admin_port))
        return Command(
            name="postgrest",
            argv=[postgrest_binary(), str(config)],
            log_path=self._log_dir / "postgrest.log",
            env=child_env(),
        )


def gateway_command(endpoint: SupabaseEndpoint, port: int, postgrest_port: int, log_dir: Path) -> Command:
    """Return the command of the key gateway at `port` before a PostgREST."""
    return Command(
        name="postgrest-gateway",
        argv=[
            sys.executable, "-m", "sandbox.supabase.gateway",
            "--port", str(port), "--upstream", f"http://{LOOPBACK}:{postgrest_port}",
        ],
        log_path=log_dir / "postgrest-gateway.log",
        env=child_env(
            GATEWAY_PUBLISHABLE_KEY=endpoint.publishable_key,
            GATEWAY_SECRET_KEY=endpoint.secret_key,
            GATEWAY_JWT_SECRET=endpoint.jwt_secret,
        ),
        cwd=PROJECT_ROOT,
    )  # fmt: skip


def _ready(url: str, key: str | None = None) -> bool:
    try:
        answer = httpx.get(url, headers={"apikey": key} if key else {}, timeout=5.0, verify=certificates())
    except httpx.TransportError:
        return False
    return answer.status_code == 200
