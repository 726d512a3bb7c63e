"""Decides what the sandbox's own tests share: a small project with a Supabase of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.supabase.open import embedded_supabase

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.supabase.project import Supabase

NOTES = """
create table public.notes (
    id bigint generated always as identity primary key,
    owner uuid not null references auth.users (id),
    body text not null
);
alter table public.notes enable row level security;
revoke all on table public.notes from public, anon, authenticated, service_role;
grant select on table public.notes to anon, authenticated;
grant select, insert on table public.notes to service_role;
create policy notes_select_own on public.notes for select to authenticated
using ((select auth.uid()) = owner);

create schema private;
create table private.secrets (id bigint primary key);
alter table private.secrets enable row level security;
revoke all on table private.secrets from public, anon, authenticated, service_role;

create function public.whoami() returns jsonb language sql stable set search_path = ''
as $$
    select jsonb_build_object(
        'role', current_user, 'uid', auth.uid(), 'jwt', auth.jwt(),
        'statement_timeout', current_setting('statement_timeout')
    )
$$;
"""


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project folder with one small migration."""
    folder = tmp_path_factory.mktemp("project")
    migrations = folder / "supabase" / "migrations"
    migrations.mkdir(parents=True)
    (migrations / "20250101000000_notes.sql").write_text(NOTES)
    return folder


@pytest.fixture(scope="session")
def notes(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Supabase]:
    """A Supabase of its own holding the small project, API up."""
    with embedded_supabase(tmp_path_factory.mktemp("notes"), project=project) as running:
        running.start_database()
        running.push()
        running.start_api()
        yield running
