"""Typed call of ``describe_installation``: what is installed, what stands open, how old things are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker.db.reading import mapping, number, rows, text, whole
from worker.errors import DatabaseFault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.db.client import Database


@dataclass(frozen=True, slots=True)
class AppliedMigration:
    """One row of the history ``supabase db push`` keeps; ``copy_of`` names our file where a project has a copy.

    ``digest`` is that of its text without blanks and semicolons, None where the history keeps no text.
    """

    version: str
    name: str
    copy_of: str | None
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class Installation:
    """What the database says about itself; times in seconds, None where there is nothing to measure.

    ``client_grants`` are (relation, role, privilege), ``client_functions`` (function, role), both for what anon and
    authenticated may do in the schemas public, private and queue, the project's own objects included.
    """

    release: int | None
    migrations: tuple[AppliedMigration, ...]
    clock_offset_seconds: float
    server_version: str
    tables_without_rls: frozenset[str]
    client_grants: frozenset[tuple[str, str, str]]
    client_functions: frozenset[tuple[str, str]]
    oldest_job_seconds: float | None
    oldest_ready_seconds: float | None
    dead_jobs: int
    oldest_xmin_age: int | None


class Installations:
    """The worker's calls about the installation as a whole."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def describe(self) -> Installation:
        """Ask the database what it is. Raises as ``Database.call``, and ``DatabaseFault`` for an answer of another shape."""
        answer = await self._database.call("describe_installation", {})
        if not isinstance(answer, dict):
            raise DatabaseFault("DATABASE_FAULT", "describe_installation did not answer with an object")
        return _installation(answer)


def _installation(answer: Mapping[str, object]) -> Installation:
    tables = answer.get("tables_without_rls")
    return Installation(
        release=whole(answer.get("release")),
        migrations=tuple(
            AppliedMigration(
                text(row.get("version")) or "",
                text(row.get("name")) or "",
                text(row.get("copy_of")),
                text(row.get("digest")),
            )
            for row in rows(answer.get("migrations"))
        ),
        clock_offset_seconds=number(answer.get("clock_offset_seconds")) or 0.0,
        server_version=text(answer.get("server_version")) or "unknown",
        tables_without_rls=frozenset(tables if isinstance(tables, list) else ()),
        client_grants=frozenset(
            (_word(row, "relation"), _word(row, "role"), _word(row, "privilege"))
            for row in rows(answer.get("client_grants"))
        ),
        client_functions=frozenset(
            (_word(row, "function"), _word(row, "role")) for row in rows(answer.get("client_functions"))
        ),
        oldest_job_seconds=number(answer.get("oldest_job_seconds")),
        oldest_ready_seconds=number(answer.get("oldest_ready_seconds")),
        dead_jobs=whole(mapping(answer).get("dead_jobs")) or 0,
        oldest_xmin_age=whole(answer.get("oldest_xmin_age")),
    )


def _word(row: Mapping[str, object], name: str) -> str:
    return text(row.get(name)) or ""
