"""Decides what every Supabase the sandbox can use offers, embedded or external."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import psycopg

    from sandbox.setup.process import Child
    from sandbox.supabase.endpoint import SupabaseEndpoint

MAIN_DATABASE = "postgres"


class Supabase(Protocol):
    """One Supabase project; get one from `sandbox.supabase.open`."""

    @property
    def endpoint(self) -> SupabaseEndpoint:
        """Addresses and keys; `api_url` is empty until `start_api`."""

    def start_database(self) -> None:
        """Start the database with roles, `auth` schema and default privileges, but no migration."""

    def push(
        self,
        only: Sequence[str] | None = None,
        *,
        include_seed: bool = False,
        database: str = MAIN_DATABASE,
    ) -> str:
        """Run `supabase db push` as role postgres; see `sandbox.supabase.migrations.push`."""

    def start_api(self) -> None:
        """Start the API and wait until it answers with the project's keys."""

    def stop_api(self) -> None:
        """Stop the API; the database goes on."""

    def restart_api(self) -> None:
        """Start the API anew, at the same address: it then knows what was created meanwhile."""

    def crash_database(self) -> None:
        """End the database at once, as a power failure does; `recover_database` brings it back."""

    def recover_database(self) -> None:
        """Start the database again at the same address, over the same data."""

    def db_url(self, database: str = MAIN_DATABASE) -> str:
        """Return the address of a database as role postgres (not a superuser)."""

    def admin_url(self, database: str = MAIN_DATABASE) -> str:
        """Return the address of a database as the superuser supabase_admin."""

    def mint_jwt(
        self, user_id: str, *, app_metadata: dict[str, Any] | None = None, ttl_seconds: float = 3600
    ) -> str:
        """Return an access token of this user (HS256, audience and role `authenticated`)."""

    def create_user(self, email: str, *, database: str = MAIN_DATABASE) -> str:
        """Insert a confirmed user into `auth.users` and return its id (uuid as text)."""

    def create_database(self, name: str, template: str | None = None) -> str:
        """Create a database and return its address as role postgres.

        Without `template` it has Supabase's baseline and no migration. Nobody may be connected to
        the template meanwhile.
        """

    def drop_database(self, name: str) -> None:
        """Drop a database, ending its connections; one that is not there is fine."""

    def children(self) -> list[Child]:
        """Return the processes this Supabase runs as, database first."""

    def folders(self) -> list[Path]:
        """Return the folders that must go when its processes have been stopped by somebody else."""

    def stop(self) -> None:
        """Stop everything that was started and remove its files; safe to call twice."""


def insert_user(connection: psycopg.Connection, email: str) -> str:
    """Insert a confirmed user as Supabase Auth would and return its id."""
    user_id = str(uuid.uuid4())
    connection.execute(
        """
        insert into auth.users (
            instance_id, id, aud, role, email, encrypted_password, email_confirmed_at,
            confirmation_token, recovery_token, email_change_token_new, email_change,
            raw_app_meta_data, raw_user_meta_data, created_at, updated_at
        ) values (
            '00000000-0000-0000-0000-000000000000', %s, 'authenticated', 'authenticated', %s, '',
            now(), '', '', '', '', '{"provider": "email", "providers": ["email"]}', '{}', now(), now()
        )
        """,
        (user_id, email),
    )
    return user_id
