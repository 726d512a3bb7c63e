"""Decides whether the database has the migrations this worker was made for: none missing, none from a newer release.

A project's own migrations are its own business. Ours are told by name, or by the first line of a copy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.adoption import AdoptionRefused, shipped_migrations
from worker.checks.result import CheckResult, error, ok, warning

if TYPE_CHECKING:
    from collections.abc import Collection

    from worker.db.installation import AppliedMigration, Installation

NAME: Final = "migrations"
# private.schema_release() of the database this worker was made for.
SCHEMA_RELEASE: Final = 1
_NAMED: Final = 3


def shipped_names() -> frozenset[str]:
    """Return the file names of the migrations that came with this worker; empty for an installation without them."""
    try:
        return frozenset(path.name for path in shipped_migrations().glob("*.sql"))
    except AdoptionRefused:
        return frozenset()


def check_migrations(installation: Installation, shipped: Collection[str]) -> CheckResult:
    """Compare what is applied with what this worker shipped with."""
    if installation.release is None or installation.release < SCHEMA_RELEASE:
        return error(
            NAME,
            f"the database is of release {installation.release}, this worker needs {SCHEMA_RELEASE}",
            "run `supabase db push` with the migrations of this release",
        )
    unknown = sorted(
        migration.copy_of
        for migration in installation.migrations
        if migration.copy_of is not None and migration.copy_of not in shipped
    )
    if installation.release > SCHEMA_RELEASE or (unknown and shipped):
        seen = _list(unknown) if unknown else f"release {installation.release}, not {SCHEMA_RELEASE}"
        return error(
            NAME, f"the database is newer than this worker ({seen})", "deploy the worker of that release"
        )
    if not installation.migrations:
        return warning(
            NAME, "the database keeps no history of migrations", "apply migrations with `supabase db push`"
        )
    applied = {_our_name(migration) for migration in installation.migrations}
    # A copy that kept its content but not our file name is known by the rest of its name.
    stems = {name.partition("_")[2] for name in applied}
    missing = sorted(name for name in shipped if name not in applied and name.partition("_")[2] not in stems)
    if missing:
        return error(
            NAME, f"{len(missing)} not applied ({_list(missing)})",
            "run `portone-worker migrations copy supabase/migrations` and `supabase db push`",
        )  # fmt: skip
    return ok(NAME, f"all {len(shipped)} applied, release {installation.release}")


def _our_name(migration: AppliedMigration) -> str:
    return migration.copy_of or f"{migration.version}_{migration.name}.sql"


def _list(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
