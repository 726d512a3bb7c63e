"""Decides whether Supabase takes the publishable key: every request a user makes through the worker carries it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.checks.result import SEE_DATABASE, CheckResult, error, ok, warning
from worker.errors import Misconfigured, Rejected, WorkerError
from worker.language import AS_TOLD, Words

if TYPE_CHECKING:
    from worker.db.user import UserRequests

NAME: Final = "publishable key"
_REFUSED: Final = Words("Supabase refused it", "Supabase가 거부했습니다")
_COPY: Final = Words(
    "SUPABASE_PUBLISHABLE_KEY: copy the current one (dashboard: Settings > API keys)",
    "SUPABASE_PUBLISHABLE_KEY: 현재 키를 다시 복사하세요 (대시보드: Settings > API keys)",
)
_OPEN: Final = Words("payments can be read without signing in", "로그인하지 않아도 결제를 읽을 수 있습니다")
_REVOKE: Final = Words(
    "revoke select on public.payments from anon: no migration grants it",
    "anon에게서 public.payments의 select 권한을 회수하세요. 이 권한을 주는 마이그레이션은 없습니다",
)
_WELL: Final = Words(
    "taken by Supabase, and reads nothing by itself",
    "Supabase가 받아들이며, 이 키만으로는 아무것도 읽을 수 없습니다",
)


async def check_publishable(users: UserRequests) -> CheckResult:
    """Ask for a table as nobody: without a right to it (42501) the key was taken; a row would be a leak."""
    try:
        readable = await users.readable_by_nobody("payments")
    except Rejected:
        return error(NAME, _REFUSED, _COPY)
    except Misconfigured as refusal:
        return error(NAME, _REFUSED, AS_TOLD, told=refusal.told())
    except WorkerError as failure:
        return warning(NAME, AS_TOLD, SEE_DATABASE, told=failure.told())
    return error(NAME, _OPEN, _REVOKE) if readable else ok(NAME, _WELL)
