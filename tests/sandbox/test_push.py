"""Decides that migrations are pushed by the real CLI, once, and that failures are told whole."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import psycopg
import pytest

from sandbox.supabase import migrations

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import TestDatabase

_CATALOGUE = """
select md5(string_agg(concat(c.relname, c.relkind, c.relacl, a.attname, a.atttypid), ' '
    order by c.oid, a.attnum))
from pg_class as c left join pg_attribute as a on a.attrelid = c.oid
where c.relnamespace = 'public'::regnamespace
"""


def _look(url: str) -> tuple[object, ...]:
    with psycopg.connect(url) as connection:
        history = connection.execute(
            "select version, statements from supabase_migrations.schema_migrations order by 1"
        ).fetchall()
        return history, connection.execute(_CATALOGUE).fetchone()


def test_pushing_twice_changes_nothing(empty_database: TestDatabase, project: Path) -> None:
    first = migrations.push(empty_database.url, project=project)
    after_first = _look(empty_database.url)
    second = migrations.push(empty_database.url, project=project)
    assert "20250101000000_notes.sql" in first
    assert "up to date" in second
    assert _look(empty_database.url) == after_first


def test_tables_belong_to_the_role_that_pushed(empty_database: TestDatabase, project: Path) -> None:
    migrations.push(empty_database.url, project=project)
    with psycopg.connect(empty_database.url) as connection:
        row = connection.execute("select tableowner from pg_tables where tablename = 'notes'").fetchone()
    assert row == ("postgres",)


def test_only_the_named_versions_are_pushed(
    empty_database: TestDatabase, project: Path, tmp_path: Path
) -> None:
    wider = tmp_path / "project"
    shutil.copytree(project, wider)
    later = wider / "supabase" / "migrations" / "20250201000000_later.sql"
    later.write_text("create table public.later (id int);")
    migrations.push(empty_database.url, only=["20250101000000"], project=wider)
    with psycopg.connect(empty_database.url, autocommit=True) as connection:
        query = "select to_regclass('public.notes') is not null, to_regclass('public.later') is not null"
        assert connection.execute(query).fetchone() == (True, False)
        migrations.push(empty_database.url, project=wider)
        assert connection.execute(query).fetchone() == (True, True)


def test_seed_is_pushed_only_when_asked_for(
    empty_database: TestDatabase, project: Path, tmp_path: Path
) -> None:
    seeded = tmp_path / "project"
    shutil.copytree(project, seeded)
    (seeded / "supabase" / "seed.sql").write_text("create table public.seeded (id int);")
    with psycopg.connect(empty_database.url, autocommit=True) as connection:
        query = "select to_regclass('public.seeded') is not null"
        migrations.push(empty_database.url, project=seeded)
        assert connection.execute(query).fetchone() == (False,)
        migrations.push(empty_database.url, include_seed=True, project=seeded)
        assert connection.execute(query).fetchone() == (True,)


def test_an_unknown_version_is_named(empty_database: TestDatabase, project: Path) -> None:
    with pytest.raises(ValueError, match="no migration file has version 19990101000000"):
        migrations.push(empty_database.url, only=["19990101000000"], project=project)


def test_a_failing_file_leaves_nothing_and_is_told(
    empty_database: TestDatabase, project: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "project"
    shutil.copytree(project, broken)
    (broken / "supabase" / "migrations" / "20250301000000_broken.sql").write_text(
        "create table public.half (id int);\nselect no_such_column from public.half;\n"
    )
    with pytest.raises(migrations.PushFailed, match="no_such_column"):
        migrations.push(empty_database.url, project=broken)
    with psycopg.connect(empty_database.url) as connection:
        assert connection.execute("select to_regclass('public.half')").fetchone() == (None,)


def test_what_needs_a_superuser_is_refused(
    empty_database: TestDatabase, project: Path, tmp_path: Path
) -> None:
    greedy = tmp_path / "project"
    shutil.copytree(project, greedy)
    (greedy / "supabase" / "migrations" / "20250301000000_greedy.sql").write_text(
        "create role boss superuser;"
    )
    with pytest.raises(migrations.PushFailed, match=r"permission denied|must be superuser"):
        migrations.push(empty_database.url, project=greedy)
