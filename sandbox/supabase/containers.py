"""Decides how a project runs in containers (`SANDBOX_API=docker`): Supabase's own PostgreSQL and PostgREST, our key gateway.

The images are those the Supabase CLI pins, so that tests see what `supabase start` gives. There is no Auth service: users
are signed in with `mint_jwt`. `SANDBOX_DOCKER_NETWORK=host` is for a Docker without bridge networks.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from typing import TYPE_CHECKING, Any, Final

import httpx
import psycopg
from psycopg import sql

from sandbox.setup.paths import PROJECT_ROOT
from sandbox.setup.ports import LOOPBACK, free_port
from sandbox.setup.process import Child
from sandbox.supabase import migrations
from sandbox.supabase.endpoint import SupabaseEndpoint
from sandbox.supabase.keys import ProjectKeys, mint_user_jwt
from sandbox.supabase.postgrest import gateway_command
from sandbox.supabase.project import MAIN_DATABASE, insert_user
from sandbox.supabase.runs import new_runtime_dir

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from testcontainers.core.container import DockerContainer
    from testcontainers.core.network import Network

# Source: the images named by the Supabase CLI of package.json; a test compares them with its binary.
POSTGRES_IMAGE: Final = "supabase/postgres:17.11.0.018"
POSTGREST_IMAGE: Final = "postgrest/postgrest:v16.5"
_SOCKET: Final = "unix:///var/run/docker.sock"
_ADMIN: Final = "supabase_admin"
_START_SECONDS: Final = 180.0
_ALIAS: Final = "db"


def docker_missing() -> str | None:
    """Return why containers cannot be used here, None when they can."""
    try:
        import docker
    except ImportError:
        return "the package testcontainers is not installed; run `make setup`"
    if not _listens(os.environ.get("DOCKER_HOST") or _SOCKET):
        return "no Docker answers; start it, or set DOCKER_HOST"
    client = docker.from_env(timeout=10)
    try:
        client.ping()
    except docker.errors.DockerException as error:
        return f"Docker does not answer as it should ({type(error).__name__})"
    finally:
        client.close()
    return None


def _listens(address: str) -> bool:
    """Whether somebody listens at a Docker socket; other kinds of addresses are left to the client."""
    if not address.startswith("unix://"):
        return True
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(address.removeprefix("unix://"))
        except OSError:
            return False
    return True


class ContainerSupabase:
    """One Supabase project in two containers; get one from `sandbox.supabase.open`."""

    def __init__(
        self, *, workdir: Path | None = None, detached: bool = False, project: Path = PROJECT_ROOT
    ) -> None:
        """Nothing runs yet; `workdir` takes the gateway's log."""
        self._host_network = os.environ.get("SANDBOX_DOCKER_NETWORK") == "host"
        self._detached = detached
        self._project = project
        self._runtime_dir = new_runtime_dir()
        self._log_dir = workdir or self._runtime_dir
        self._keys = ProjectKeys.generate()
        self._password = secrets.token_hex(16)
        self._database: DockerContainer | None = None
        self._rest: DockerContainer | None = None
        self._network: Network | None = None
        self._gateway: Child | None = None
        self._database_port = self._gateway_port = 0
        self._api_url = ""

    def start_database(self) -> None:
        """Start PostgreSQL and wait until it lets us in. Raises `RuntimeError` where Docker is missing."""
        reason = docker_missing()
        if reason is not None:
            raise RuntimeError(f"SANDBOX_API=docker: {reason}")
        from testcontainers.core.container import DockerContainer
        from testcontainers.core.network import Network

        port = free_port() if self._host_network else 5432
        container = DockerContainer(POSTGRES_IMAGE)
        container.with_envs(
            POSTGRES_PASSWORD=self._password,
            PGPORT=str(port),
            POSTGRES_PORT=str(port),
            JWT_SECRET=self._keys.jwt_secret,
        )
        if self._host_network:
            container.with_kwargs(network_mode="host")
        else:
            self._network = Network().create()
            container.with_network(self._network).with_network_aliases(_ALIAS).with_exposed_ports(port)
        self._database = container.start()
        self._database_port = port if self._host_network else int(container.get_exposed_port(port))
        self._wait_for_database()

    def push(
        self, only: Sequence[str] | None = None, *, include_seed: bool = False, database: str = MAIN_DATABASE
    ) -> str:
        """Run `supabase db push` as role postgres."""
        return migrations.push(
            self.db_url(database), only=only, include_seed=include_seed, project=self._project
        )

    def start_api(self) -> None:
        """Start PostgREST and the gateway before it."""
        from testcontainers.core.container import DockerContainer

        port = free_port() if self._host_network else 3000
        host, database_port = (LOOPBACK, self._database_port) if self._host_network else (_ALIAS, 5432)
        container = DockerContainer(POSTGREST_IMAGE)
        container.with_envs(
            PGRST_DB_URI=f"postgresql://authenticator:{self._password}@{host}:{database_port}/{MAIN_DATABASE}",
            PGRST_DB_SCHEMAS="public", PGRST_DB_EXTRA_SEARCH_PATH="public, extensions", PGRST_DB_ANON_ROLE="anon",
            PGRST_DB_MAX_ROWS="1000", PGRST_DB_POOL="20", PGRST_JWT_SECRET=self._keys.jwt_secret,
            PGRST_SERVER_PORT=str(port), PGRST_LOG_LEVEL="warn",
        )  # fmt: skip
        if self._host_network:
            container.with_kwargs(network_mode="host")
        elif self._network is not None:
            container.with_network(self._network).with_exposed_ports(port)
        self._rest = container.start()
        upstream = port if self._host_network else int(container.get_exposed_port(port))
        self._gateway_port = self._gateway_port or free_port()
        command = gateway_command(self.endpoint, self._gateway_port, upstream, self._log_dir)
        self._gateway = Child(command, detached=self._detached)
        url = f"http://{LOOPBACK}:{self._gateway_port}"
        self._gateway.wait_until(lambda: _answers(url, self._keys.secret), within=_START_SECONDS)
        self._api_url = url

    def stop_api(self) -> None:
        """Stop gateway and PostgREST; the database goes on."""
        if self._gateway is not None:
            self._gateway.stop()
            self._gateway = None
        if self._rest is not None:
            self._rest.stop()
            self._rest = None

    def restart_api(self) -> None:
        """Start the API anew, at the same address."""
        self.stop_api()
        self.start_api()

    @property
    def endpoint(self) -> SupabaseEndpoint:
        """Addresses and keys; `api_url` is empty until `start_api`."""
        return SupabaseEndpoint(
            api_url=self._api_url, db_url=self.db_url(), admin_db_url=self.admin_url(),
            publishable_key=self._keys.publishable, secret_key=self._keys.secret, jwt_secret=self._keys.jwt_secret,
        )  # fmt: skip

    def crash_database(self) -> None:
        """Raise `RuntimeError`: only the embedded database is ours to crash."""
        raise RuntimeError("only the embedded database can be crashed; unset SANDBOX_API")

    def recover_database(self) -> None:
        """Raise `RuntimeError`: only the embedded database is ours to crash."""
        raise RuntimeError("only the embedded database can be crashed; unset SANDBOX_API")

    def db_url(self, database: str = MAIN_DATABASE) -> str:
        """Return the address of the database as role postgres."""
        return self._url("postgres", database)

    def admin_url(self, database: str = MAIN_DATABASE) -> str:
        """Return the address of the database as the superuser."""
        return self._url(_ADMIN, database)

    def mint_jwt(
        self, user_id: str, *, app_metadata: dict[str, Any] | None = None, ttl_seconds: float = 3600
    ) -> str:
        """Return an access token of this user."""
        issuer = f"{self._api_url}/auth/v1"
        return mint_user_jwt(
            self._keys.jwt_secret, user_id, issuer=issuer, app_metadata=app_metadata, ttl_seconds=ttl_seconds
        )

    def create_user(self, email: str, *, database: str = MAIN_DATABASE) -> str:
        """Insert a confirmed user and return its id."""
        with psycopg.connect(self.admin_url(database), autocommit=True) as connection:
            return insert_user(connection, email)

    def create_database(self, name: str, template: str | None = None) -> str:
        """Refuse: workers of Supabase's image stay connected to the one database, so it cannot be copied."""
        raise RuntimeError(f"SANDBOX_API=docker has one database; {name!r} cannot be created")

    def drop_database(self, name: str) -> None:
        """Refuse, as there is only the one."""
        raise RuntimeError(f"SANDBOX_API=docker has one database; {name!r} is not dropped")

    def children(self) -> list[Child]:
        """Return the gateway; containers are Docker's."""
        return [self._gateway] if self._gateway is not None else []

    def folders(self) -> list[Path]:
        """Return the folder with the gateway's log."""
        return [self._runtime_dir]

    def stop(self) -> None:
        """Stop and remove everything; safe to call twice."""
        self.stop_api()
        if self._database is not None:
            self._database.stop()
            self._database = None
        if self._network is not None:
            self._network.remove()
            self._network = None

    def _url(self, role: str, database: str) -> str:
        if database != MAIN_DATABASE:
            raise RuntimeError(f"SANDBOX_API=docker has one database, not {database!r}")
        return f"postgresql://{role}:{self._password}@{LOOPBACK}:{self._database_port}/{database}"

    def _wait_for_database(self) -> None:
        """Wait for the last of the image's own start-up scripts, then let PostgREST's role log in with our password."""
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                with psycopg.connect(self.admin_url(), autocommit=True, connect_timeout=5) as connection:
                    connection.execute("select from auth.users limit 1")
                    connection.execute(
                        sql.SQL("alter role authenticator password {}").format(sql.Literal(self._password))
                    )
                psycopg.connect(self.db_url(), connect_timeout=5).close()
                return
            except psycopg.Error:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)


def _answers(url: str, key: str) -> bool:
    try:
        return httpx.get(f"{url}/rest/v1/", headers={"apikey": key}, timeout=5.0).status_code == 200
    except httpx.TransportError:
        return False
