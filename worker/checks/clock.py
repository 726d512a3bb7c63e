"""Decides whether the database's clock is the real one: tests move it, a live shop never."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.checks.result import CheckResult, error, ok, warning
from worker.language import Words

if TYPE_CHECKING:
    from worker.db.installation import Installation
    from worker.settings import Settings

NAME: Final = "clock"
_WELL: Final = Words("the database uses the real time", "데이터베이스가 실제 시각을 씁니다")
_MOVED: Final = Words(
    "the database's clock is moved by {offset:.0f} s", "데이터베이스의 시각이 {offset:.0f}초 옮겨져 있습니다"
)
_FIX: Final = Words(
    "run `update private.clock set clock_offset = '0'` as postgres",
    "postgres 역할로 `update private.clock set clock_offset = '0'`을 실행하세요",
)


def check_clock(installation: Installation, settings: Settings) -> CheckResult:
    """Look at the offset of ``private.now()``."""
    offset = installation.clock_offset_seconds
    if offset == 0:
        return ok(NAME, _WELL)
    judged = error if settings.environment == "live" else warning
    return judged(NAME, _MOVED, _FIX, offset=offset)
