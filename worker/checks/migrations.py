"""Decides whether the database has the migrations this worker was made for: none missing, none from a newer release.

A project's own migrations are its own business. Ours are told by name, or by the first line of a copy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.adoption import AdoptionRefused, shipped_migrations
from worker.checks.result import CheckResult, error, ok, warning
from worker.language import Words, with_more

if TYPE_CHECKING:
    from collections.abc import Collection

    from worker.db.installation import AppliedMigration, Installation

NAME: Final = "migrations"
# private.schema_release() of the database this worker was made for.
SCHEMA_RELEASE: Final = 1
_NAMED: Final = 3

_OLDER: Final = Words(
    "the database is of release {release}, this worker needs {needed}",
    "데이터베이스는 릴리스 {release}이고 이 작업자에는 {needed}이(가) 필요합니다",
)
_PUSH: Final = Words(
    "run `supabase db push` with the migrations of this release",
    "이 릴리스의 마이그레이션으로 `supabase db push`를 실행하세요",
)
_NEWER: Final = Words(
    "the database is newer than this worker ({files})", "데이터베이스가 이 작업자보다 새 버전입니다 ({files})"
)
_NEWER_RELEASE: Final = Words(
    "the database is newer than this worker (release {release}, not {needed})",
    "데이터베이스가 이 작업자보다 새 버전입니다 (릴리스 {release}, 이 작업자는 {needed})",
)
_DEPLOY: Final = Words("deploy the worker of that release", "그 릴리스의 작업자를 배포하세요")
_NO_HISTORY: Final = Words(
    "the database keeps no history of migrations", "데이터베이스에 마이그레이션 기록이 없습니다"
)
_USE_PUSH: Final = Words(
    "apply migrations with `supabase db push`", "`supabase db push`로 마이그레이션을 적용하세요"
)
_MISSING: Final = Words("{count} not applied ({files})", "적용되지 않은 것 {count}개 ({files})")
_COPY: Final = Words(
    "run `portone-worker migrations copy supabase/migrations` and `supabase db push`",
    "`portone-worker migrations copy supabase/migrations`와 `supabase db push`를 실행하세요",
)
_WELL: Final = Words("all {count} applied, release {release}", "전체 {count}개 적용됨, 릴리스 {release}")


def shipped_names() -> frozenset[str]:
    """Return the file names of the migrations that came with this worker; empty for an installation without them."""
    try:
        return frozenset(path.name for path in shipped_migrations().glob("*.sql"))
    except AdoptionRefused:
        return frozenset()


def check_migrations(installation: Installation, shipped: Collection[str]) -> CheckResult:
    """Compare what is applied with what this worker shipped with."""
    if installation.release is None or installation.release < SCHEMA_RELEASE:
        return error(NAME, _OLDER, _PUSH, release=installation.release or 0, needed=SCHEMA_RELEASE)
    unknown = sorted(
        migration.copy_of
        for migration in installation.migrations
        if migration.copy_of is not None and migration.copy_of not in shipped
    )
    if unknown and shipped:
        return error(NAME, _NEWER, _DEPLOY, files=with_more(unknown, _NAMED))
    if installation.release > SCHEMA_RELEASE:
        return error(NAME, _NEWER_RELEASE, _DEPLOY, release=installation.release, needed=SCHEMA_RELEASE)
    if not installation.migrations:
        return warning(NAME, _NO_HISTORY, _USE_PUSH)
    applied = {_our_name(migration) for migration in installation.migrations}
    # A copy that kept its content but not our file name is known by the rest of its name.
    stems = {name.partition("_")[2] for name in applied}
    missing = sorted(name for name in shipped if name not in applied and name.partition("_")[2] not in stems)
    if missing:
        return error(NAME, _MISSING, _COPY, count=len(missing), files=with_more(missing, _NAMED))
    return ok(NAME, _WELL, count=len(shipped), release=installation.release)


def _our_name(migration: AppliedMigration) -> str:
    return migration.copy_of or f"{migration.version}_{migration.name}.sql"
