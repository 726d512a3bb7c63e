"""Realtime: the three tables clients follow are published where the publication exists, and nothing breaks where not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from sandbox.supabase.migrations import migration_versions

if TYPE_CHECKING:
    from sandbox.supabase.project import Supabase
    from tests.conftest import TestDatabase

PUBLISHED = {"payments", "payment_operations", "payment_cancellations"}
REALTIME = "20251227002300"


def published(database: TestDatabase) -> set[str]:
    """The tables in the publication."""
    with psycopg.connect(database.url) as connection:
        return {
            str(row[0])
            for row in connection.execute(
                "select schemaname || '.' || tablename from pg_publication_tables where pubname = 'supabase_realtime'"
            )
        }


def push_with(supabase: Supabase, database: TestDatabase, statement: str) -> None:
    """Pushes everything to a database that was changed beforehand, as its superuser."""
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        connection.execute(statement)
    supabase.push(database=database.name)


def test_the_tables_clients_follow_are_published_and_no_others(database: TestDatabase) -> None:
    assert published(database) == {f"public.{table}" for table in PUBLISHED}


def test_a_project_without_realtime_is_migrated_all_the_same(
    supabase_database: Supabase, empty_database: TestDatabase
) -> None:
    push_with(supabase_database, empty_database, "drop publication supabase_realtime")
    assert published(empty_database) == set()


def test_what_a_project_published_before_stays(
    supabase_database: Supabase, empty_database: TestDatabase
) -> None:
    push_with(
        supabase_database,
        empty_database,
        "create table public.chats (id bigint primary key); alter table public.chats owner to postgres; alter publication supabase_realtime add table public.chats",
    )
    assert published(empty_database) == {"public.chats"} | {f"public.{table}" for table in PUBLISHED}


def test_tables_that_are_published_already_are_no_error(
    supabase_database: Supabase, empty_database: TestDatabase
) -> None:
    before = [version for version in migration_versions() if version < REALTIME]
    supabase_database.push(only=before, database=empty_database.name)
    with psycopg.connect(empty_database.url, autocommit=True) as connection:
        connection.execute("alter publication supabase_realtime add table public.payments")
    supabase_database.push(database=empty_database.name)
    assert published(empty_database) == {f"public.{table}" for table in PUBLISHED}


@pytest.mark.parametrize(
    "statement",
    [
        "drop publication supabase_realtime; create publication supabase_realtime for all tables",
        "alter publication supabase_realtime owner to supabase_admin",
    ],
    ids=["for all tables", "not ours to change"],
)
def test_a_publication_that_cannot_take_tables_is_left_alone(
    supabase_database: Supabase, empty_database: TestDatabase, statement: str
) -> None:
    push_with(supabase_database, empty_database, statement)
    with psycopg.connect(empty_database.url) as connection:
        assert connection.execute("select to_regclass('public.payments') is not null").fetchone() == (True,)
