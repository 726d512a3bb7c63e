"""Decides whether the database can be used: reachable, the secret key accepted, our functions there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.checks.result import CheckResult, error, ok
from worker.errors import Misconfigured, WorkerError
from worker.language import AS_TOLD, Words

if TYPE_CHECKING:
    from worker.db.installation import Installation, Installations

NAME: Final = "database"
_REFUSED: Final = Words("Supabase refused the worker", "Supabase가 작업자를 거부했습니다")
_CHECK_URL: Final = Words(
    "check SUPABASE_URL and that the project is not paused",
    "SUPABASE_URL이 맞는지, 프로젝트가 일시 중지되지 않았는지 확인하세요",
)
_WELL: Final = Words("PostgreSQL {version} answers", "PostgreSQL {version}이(가) 응답합니다")


async def check_database(installations: Installations) -> tuple[CheckResult, Installation | None]:
    """Ask the database to describe itself; the description is None unless the check is ok."""
    try:
        installation = await installations.describe()
    except Misconfigured as refusal:
        return error(NAME, _REFUSED, AS_TOLD, told=refusal.told()), None
    except WorkerError as failure:
        return error(NAME, AS_TOLD, _CHECK_URL, may_pass=True, told=failure.told()), None
    return ok(NAME, _WELL, version=installation.server_version), installation
