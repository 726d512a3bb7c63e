"""Decides how the embedded Supabase is put together: PostgreSQL, real migrations, an API front."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, Protocol

import psycopg
from psycopg import sql

from sandbox.setup.paths import PROJECT_ROOT
from sandbox.supabase import migrations
from sandbox.supabase.account import postgres_account
from sandbox.supabase.cluster import EMPTY_TEMPLATE, copy_database, new_cluster
from sandbox.supabase.endpoint import SupabaseEndpoint
from sandbox.supabase.keys import ProjectKeys, mint_user_jwt
from sandbox.supabase.postgres import ADMIN, MIGRATION_ROLE, PostgresServer
from sandbox.supabase.project import MAIN_DATABASE, insert_user
from sandbox.supabase.runs import new_runtime_dir

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from sandbox.setup.process import Child


class ApiFront(Protocol):
    """What stands between HTTP and the database: Supabase Lite, or PostgREST with our key front."""

    def start(self) -> str:
        """Start it and return its base address (`/rest/v1` and `/auth/v1` below it)."""

    def stop(self) -> None:
        """Stop it; safe to call twice."""

    def children(self) -> list[Child]:
        """Return its running processes."""


class EmbeddedSupabase:
    """One Supabase project on this machine; see the module `sandbox.supabase` for how to get one."""

    def __init__(
        self,
        make_front: Callable[[SupabaseEndpoint, Path, bool], ApiFront],
        *,
        workdir: Path | None = None,
        detached: bool = False,
        project: Path = PROJECT_ROOT,
    ) -> None:
        """Nothing runs yet. `workdir` takes the logs, `project` is the folder with `supabase/`."""
        self._make_front = make_front
        self._detached = detached
        self._project = project
        self._runtime_dir = new_runtime_dir()
        self._log_dir = workdir or self._runtime_dir
        self._keys = ProjectKeys.generate()
        self._server: PostgresServer | None = None
        self._front: ApiFront | None = None
        self._api_url = ""

    def start_database(self) -> None:
        """Start PostgreSQL with roles, `auth` schema and default privileges, but no migration."""
        cluster = new_cluster(self._runtime_dir / "data")
        server = PostgresServer(
            cluster.prefix,
            cluster.data_dir,
            cluster.password,
            log_path=self._log_dir / "postgres.log",
            account=postgres_account(),
            detached=self._detached,
        )
        server.start()
        self._server = server

    def push(
        self,
        only: Sequence[str] | None = None,
        *,
        include_seed: bool = False,
        database: str = MAIN_DATABASE,
    ) -> str:
        """Run `supabase db push` as role postgres; see `sandbox.supabase.migrations.push`."""
        return migrations.push(
            self.db_url(database), only=only, include_seed=include_seed, project=self._project
        )

    def start_api(self) -> None:
        """Start the API and wait until it answers with the project's keys."""
        if self._front is None:
            self._front = self._make_front(self.endpoint, self._log_dir, self._detached)
        self._api_url = self._front.start()

    def stop_api(self) -> None:
        """Stop the API; the database goes on."""
        if self._front is not None:
            self._front.stop()

    def restart_api(self) -> None:
        """Start the API anew: it then knows tables and functions created meanwhile."""
        self.stop_api()
        self.start_api()

    def crash_database(self) -> None:
        """End the database at once, as a power failure does; `recover_database` brings it back."""
        if self._server is not None:
            self._server.crash()

    def recover_database(self) -> None:
        """Start the database again at the same address, over the same data."""
        if self._server is not None:
            self._server.start()

    @property
    def endpoint(self) -> SupabaseEndpoint:
        """Addresses and keys; `api_url` is empty until `start_api`."""
        return SupabaseEndpoint(
            api_url=self._api_url,
            db_url=self.db_url(),
            admin_db_url=self.admin_url(),
            publishable_key=self._keys.publishable,
            secret_key=self._keys.secret,
            jwt_secret=self._keys.jwt_secret,
        )

    def db_url(self, database: str = MAIN_DATABASE) -> str:
        """Return the address of a database as role postgres (not a superuser)."""
        return self._running().url(MIGRATION_ROLE, database)

    def admin_url(self, database: str = MAIN_DATABASE) -> str:
        """Return the address of a database as the superuser supabase_admin."""
        return self._running().url(ADMIN, database)

    def mint_jwt(
        self, user_id: str, *, app_metadata: dict[str, Any] | None = None, ttl_seconds: float = 3600
    ) -> str:
        """Return an access token of this user (HS256, audience and role `authenticated`)."""
        return mint_user_jwt(
            self._keys.jwt_secret,
            user_id,
            issuer=f"{self._api_url}/auth/v1",
            app_metadata=app_metadata,
            ttl_seconds=ttl_seconds,
        )

    def create_user(self, email: str, *, database: str = MAIN_DATABASE) -> str:
        """Insert a confirmed user into `auth.users` and return its id (uuid as text)."""
        with self._admin(database) as connection:
            return insert_user(connection, email)

    def create_database(self, name: str, template: str | None = None) -> str:
        """Create a database and return its address as role postgres.

        Without `template` it has Supabase's baseline and no migration. Nobody may be connected to
        the template meanwhile.
        """
        with self._admin("template1") as connection:
            copy_database(connection, name, template or EMPTY_TEMPLATE)
        return self.db_url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database, ending its connections; one that is not there is fine."""
        with self._admin("template1") as connection:
            connection.execute(
                sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
            )

    def children(self) -> list[Child]:
        """Return the running processes, database first."""
        server = self._server.child if self._server is not None else None
        return [
            *([server] if server is not None else []),
            *(self._front.children() if self._front is not None else []),
        ]

    def folders(self) -> list[Path]:
        """Return the folder with the data directory."""
        return [self._runtime_dir]

    def stop(self) -> None:
        """Stop everything and remove the data directory; safe to call twice."""
        self.stop_api()
        if self._server is not None:
            self._server.stop()
        shutil.rmtree(self._runtime_dir, ignore_errors=True)

    def _running(self) -> PostgresServer:
        if self._server is None:
            raise RuntimeError("the database is not started; call start_database() first")
        return self._server

    def _admin(self, database: str) -> psycopg.Connection:
        return psycopg.connect(self.admin_url(database), autocommit=True)
