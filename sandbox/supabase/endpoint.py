"""Decides what a caller must know to use a Supabase project, wherever that project runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SupabaseEndpoint:
    """Addresses and keys of one Supabase project.

    `db_url` is role `postgres`, which is not a superuser and applies migrations; `admin_db_url` is
    the superuser `supabase_admin`, which only the sandbox and tests use. Both are
    `postgresql://user:password@host:port/database`. An external project may have no
    `admin_db_url` and no `jwt_secret` (empty strings then).
    """

    api_url: str
    db_url: str
    admin_db_url: str
    publishable_key: str
    secret_key: str
    jwt_secret: str
