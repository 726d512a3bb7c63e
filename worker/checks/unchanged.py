"""Decides whether the migrations that were applied are the ones that were shipped, word for word.

The history of ``supabase db push`` keeps each file's statements; blanks and semicolons are what it cuts away.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final

from worker.adoption import AdoptionRefused, shipped_migrations
from worker.checks.result import CheckResult, ok, warning
from worker.language import Words, with_more

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.db.installation import Installation

NAME: Final = "migrations unchanged"
_CUT: Final = re.compile(r"[ \t\r\n;]")
_NAMED: Final = 3

_WELL: Final = Words(
    "{count} compared with what this release ships", "이 릴리스의 파일과 비교한 것 {count}개, 모두 같습니다"
)
_CHANGED: Final = Words("applied with another text: {files}", "다른 내용으로 적용됨: {files}")
_FIX: Final = Words(
    "put changes into a migration of your own, after ours; then a newer release cannot undo them",
    "바꿀 내용은 뒤에 오는 별도의 마이그레이션에 넣으세요. 그래야 다음 릴리스가 되돌리지 않습니다",
)


def shipped_digests() -> dict[str, str]:
    """Return file name to digest of the migrations that came with this worker; empty for an installation without them."""
    try:
        return {path.name: digest(path.read_text()) for path in shipped_migrations().glob("*.sql")}
    except AdoptionRefused:
        return {}


def digest(text: str) -> str:
    """Return the digest ``describe_installation`` makes of an applied migration's text."""
    return hashlib.md5(_CUT.sub("", text).encode(), usedforsecurity=False).hexdigest()


def check_unchanged(installation: Installation, shipped: Mapping[str, str]) -> CheckResult:
    """Compare the text of each applied migration of ours with the file that came with this worker."""
    changed = []
    compared = 0
    for migration in installation.migrations:
        name = migration.copy_of or f"{migration.version}_{migration.name}.sql"
        if migration.digest is None or name not in shipped:
            continue
        compared += 1
        if migration.digest != shipped[name]:
            changed.append(name)
    if changed:
        return warning(NAME, _CHANGED, _FIX, files=with_more(sorted(changed), _NAMED))
    return ok(NAME, _WELL, count=compared)
