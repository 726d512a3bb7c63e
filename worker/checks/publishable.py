"""Decides whether Supabase takes the publishable key: every request a user makes through the worker carries it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.checks.result import CheckResult, error, ok, warning
from worker.errors import Misconfigured, Rejected, WorkerError

if TYPE_CHECKING:
    from worker.db.user import UserRequests

NAME: Final = "publishable key"
_FIX: Final = "SUPABASE_PUBLISHABLE_KEY: copy the current one (dashboard: Settings > API keys)"


async def check_publishable(users: UserRequests) -> CheckResult:
    """Ask for a table as nobody: without a right to it (42501) the key was taken; a row would be a leak."""
    try:
        readable = await users.readable_by_nobody("payments")
    except Rejected:
        return error(NAME, "Supabase refused it", _FIX)
    except Misconfigured as refusal:
        return error(NAME, "Supabase refused it", refusal.message)
    except WorkerError as failure:
        return warning(NAME, failure.message, "see the database check")
    if readable:
        return error(
            NAME,
            "payments can be read without signing in",
            "revoke select on public.payments from anon: no migration grants it",
        )
    return ok(NAME, "taken by Supabase, and reads nothing by itself")
