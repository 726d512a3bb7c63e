"""Decides whether the queue moves: nothing ready that grows old, nothing that needs a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.checks.result import CheckResult, ok, warning
from worker.language import Words

if TYPE_CHECKING:
    from worker.db.installation import Installation

NAME: Final = "queue"
_OLD_SECONDS: Final = 60

_WAITS: Final = Words(
    "a job has been ready for {seconds:.0f} s", "{seconds:.0f}초째 대기 중인 작업이 있습니다"
)
_RUN_WORKER: Final = Words(
    "run a worker with jobs (`serve` or `work`), or more of them; its log says why it does not claim",
    "작업을 처리하는 작업자(`serve` 또는 `work`)를 실행하거나 늘리세요. 처리하지 않는 이유는 로그에 있습니다",
)
_DEAD: Final = Words("dead jobs that need a person: {count}", "담당자 확인이 필요한 중단된 작업: {count}건")
_LOOK: Final = Words(
    "`portone-worker jobs dead` lists them; docs/operations.md says what to do about each reason",
    "`portone-worker jobs dead`로 확인하세요. 이유별 처리 방법은 docs/operations.md에 있습니다",
)
_WELL: Final = Words("nothing waits long and nothing is dead", "오래 기다리거나 중단된 작업이 없습니다")


def check_queue(installation: Installation) -> CheckResult:
    """Look at the oldest job that could run and at the dead ones."""
    ready = installation.oldest_ready_seconds
    if ready is not None and ready > _OLD_SECONDS:
        return warning(NAME, _WAITS, _RUN_WORKER, seconds=ready)
    if installation.dead_jobs:
        return warning(NAME, _DEAD, _LOOK, count=installation.dead_jobs)
    return ok(NAME, _WELL)
