"""Decides whether the database can be used: reachable, the secret key accepted, our functions there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.checks.result import CheckResult, error, ok
from worker.errors import Misconfigured, WorkerError

if TYPE_CHECKING:
    from worker.db.installation import Installation, Installations

NAME: Final = "database"


async def check_database(installations: Installations) -> tuple[CheckResult, Installation | None]:
    """Ask the database to describe itself; the description is None unless the check is ok."""
    try:
        installation = await installations.describe()
    except Misconfigured as refusal:
        return error(NAME, "Supabase refused the worker", refusal.message), None
    except WorkerError as failure:
        fix = "check SUPABASE_URL and that the project is not paused"
        return error(NAME, failure.message, fix, may_pass=True), None
    return ok(NAME, f"PostgreSQL {installation.server_version} answers"), installation
