"""Decides what a project that adopts ours looks like: a folder with migrations of its own, and a database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.rows import dict_row

from sandbox.supabase import migrations
from worker.adoption import Copy, plan, shipped_migrations, write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import TestDatabase


@dataclass(frozen=True, slots=True)
class Project:
    """Somebody's Supabase project."""

    folder: Path
    database: TestDatabase

    @property
    def migrations(self) -> Path:
        """Where its migrations are."""
        return self.folder / "supabase" / "migrations"

    def migration(self, name: str, sql: str) -> None:
        """Adds one of its own."""
        (self.migrations / name).write_text(sql)

    def push(self) -> str:
        """`supabase db push`."""
        return migrations.push(self.database.url, project=self.folder)

    def adopt(self, **options: Any) -> list[Copy]:
        """`portone-worker migrations copy`."""
        copies = plan(self.migrations, source=shipped_migrations(), **options)
        write(self.migrations, copies)
        return copies

    def files(self) -> dict[str, str]:
        """Its migrations."""
        return {path.name: path.read_text() for path in sorted(self.migrations.iterdir())}

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """A query as role postgres."""
        with psycopg.connect(self.database.url, autocommit=True, row_factory=dict_row) as connection:
            return connection.execute(sql, values).fetchall()

    def run(self, sql: str) -> None:
        """Statements as role postgres."""
        with psycopg.connect(self.database.url, autocommit=True) as connection:
            connection.execute(sql)


@pytest.fixture
def project(tmp_path: Path, empty_database: TestDatabase) -> Project:
    """A project without a migration and a database as Supabase ships it."""
    made = Project(tmp_path / "project", empty_database)
    made.migrations.mkdir(parents=True)
    return made
