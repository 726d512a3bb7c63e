"""Decides whether the database's clock is the real one: tests move it, a live shop never."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.checks.result import CheckResult, error, ok, warning

if TYPE_CHECKING:
    from worker.db.installation import Installation
    from worker.settings import Settings

NAME: Final = "clock"
_FIX: Final = "run `update private.clock set clock_offset = '0'` as postgres"


def check_clock(installation: Installation, settings: Settings) -> CheckResult:
    """Look at the offset of ``private.now()``."""
    offset = installation.clock_offset_seconds
    if offset == 0:
        return ok(NAME, "the database uses the real time")
    detail = f"the database's clock is moved by {offset:.0f} s"
    return error(NAME, detail, _FIX) if settings.environment == "live" else warning(NAME, detail, _FIX)
