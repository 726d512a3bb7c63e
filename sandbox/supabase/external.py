"""Decides how a Supabase that runs elsewhere is used: `SANDBOX_API=external` and five variables.

`SUPABASE_URL`, `SUPABASE_PUBLISHABLE_KEY`, `SUPABASE_SECRET_KEY`, `SUPABASE_DB_URL` (role
postgres), and, to sign test users in, `SUPABASE_JWT_SECRET`. The word `external` must be said:
variables left over in a shell never turn a test run on somebody's project.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import psycopg

from sandbox.setup.paths import PROJECT_ROOT
from sandbox.supabase import migrations
from sandbox.supabase.endpoint import SupabaseEndpoint
from sandbox.supabase.keys import mint_user_jwt
from sandbox.supabase.project import MAIN_DATABASE, insert_user

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sandbox.setup.process import Child

_REQUIRED = ("SUPABASE_URL", "SUPABASE_PUBLISHABLE_KEY", "SUPABASE_SECRET_KEY", "SUPABASE_DB_URL")


class ExternalSupabase:
    """A running Supabase project; starting and stopping it is not ours."""

    def __init__(self, environment: Mapping[str, str] = os.environ, *, project: Path = PROJECT_ROOT) -> None:
        """Read the variables. Raises `ValueError` naming those that are missing."""
        missing = [name for name in _REQUIRED if not environment.get(name)]
        if missing:
            raise ValueError(f"SANDBOX_API=external needs {', '.join(missing)}")
        self._project = project
        self._endpoint = SupabaseEndpoint(
            api_url=environment["SUPABASE_URL"].rstrip("/"),
            db_url=environment["SUPABASE_DB_URL"],
            admin_db_url=environment.get("SUPABASE_ADMIN_DB_URL", ""),
            publishable_key=environment["SUPABASE_PUBLISHABLE_KEY"],
            secret_key=environment["SUPABASE_SECRET_KEY"],
            jwt_secret=environment.get("SUPABASE_JWT_SECRET", ""),
        )

    @property
    def endpoint(self) -> SupabaseEndpoint:
        """Addresses and keys, as configured."""
        return self._endpoint

    def start_database(self) -> None:
        """Make sure the database answers. Raises `psycopg.OperationalError` when it does not."""
        psycopg.connect(self._endpoint.db_url, connect_timeout=10).close()

    def push(
        self,
        only: Sequence[str] | None = None,
        *,
        include_seed: bool = False,
        database: str = MAIN_DATABASE,
    ) -> str:
        """Run `supabase db push` against the project."""
        return migrations.push(
            self.db_url(database), only=only, include_seed=include_seed, project=self._project
        )

    def start_api(self) -> None:
        """Tell the project's PostgREST to read the schema again; it runs already."""
        with psycopg.connect(self._endpoint.db_url, autocommit=True) as connection:
            connection.execute("notify pgrst, 'reload schema'")

    def stop_api(self) -> None:
        """Do nothing: the API is not ours to stop."""

    def restart_api(self) -> None:
        """Have the schema read again."""
        self.start_api()

    def crash_database(self) -> None:
        """Raise `RuntimeError`: only the embedded database is ours to crash."""
        raise RuntimeError("only the embedded database can be crashed; unset SANDBOX_API")

    def recover_database(self) -> None:
        """Raise `RuntimeError`: only the embedded database is ours to crash."""
        raise RuntimeError("only the embedded database can be crashed; unset SANDBOX_API")

    def db_url(self, database: str = MAIN_DATABASE) -> str:
        """Return the configured address. Raises `RuntimeError` for any other database."""
        _only_main(database)
        return self._endpoint.db_url

    def admin_url(self, database: str = MAIN_DATABASE) -> str:
        """Return the superuser's address. Raises `RuntimeError` when none is configured."""
        _only_main(database)
        if not self._endpoint.admin_db_url:
            raise RuntimeError("set SUPABASE_ADMIN_DB_URL: this needs the superuser of the external Supabase")
        return self._endpoint.admin_db_url

    def mint_jwt(
        self, user_id: str, *, app_metadata: dict[str, Any] | None = None, ttl_seconds: float = 3600
    ) -> str:
        """Return an access token. Raises `RuntimeError` when the signing secret is not configured."""
        if not self._endpoint.jwt_secret:
            raise RuntimeError("set SUPABASE_JWT_SECRET to sign users in at an external Supabase")
        return mint_user_jwt(
            self._endpoint.jwt_secret,
            user_id,
            issuer=f"{self._endpoint.api_url}/auth/v1",
            app_metadata=app_metadata,
            ttl_seconds=ttl_seconds,
        )

    def create_user(self, email: str, *, database: str = MAIN_DATABASE) -> str:
        """Insert a confirmed user as role postgres and return its id."""
        with psycopg.connect(self.db_url(database), autocommit=True) as connection:
            return insert_user(connection, email)

    def create_database(self, name: str, template: str | None = None) -> str:
        """Refuse: an external Supabase has the one database."""
        raise RuntimeError(f"an external Supabase has one database; {name!r} cannot be created")

    def drop_database(self, name: str) -> None:
        """Refuse: what others made is not ours to drop."""
        raise RuntimeError(f"databases of an external Supabase are not dropped ({name!r})")

    def children(self) -> list[Child]:
        """Return nothing: its processes are not ours."""
        return []

    def folders(self) -> list[Path]:
        """Return nothing: its files are not ours."""
        return []

    def stop(self) -> None:
        """Do nothing: it is not ours to stop."""


def _only_main(database: str) -> None:
    if database != MAIN_DATABASE:
        raise RuntimeError(f"an external Supabase has one database, not {database!r}")
