"""Decides whether the queue moves: nothing ready that grows old, nothing that needs a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.checks.result import CheckResult, ok, warning

if TYPE_CHECKING:
    from worker.db.installation import Installation

NAME: Final = "queue"
_OLD_SECONDS: Final = 60


def check_queue(installation: Installation) -> CheckResult:
    """Look at the oldest job that could run and at the dead ones."""
    ready = installation.oldest_ready_seconds
    if ready is not None and ready > _OLD_SECONDS:
        return warning(
            NAME,
            f"a job has been ready for {ready:.0f} s",
            "run a worker with jobs (`serve` or `work`), or more of them; its log says why it does not claim",
        )
    if installation.dead_jobs:
        return warning(
            NAME, f"{installation.dead_jobs} dead jobs need a person", "look at the view dead_jobs"
        )
    return ok(NAME, "nothing waits long and nothing is dead")
