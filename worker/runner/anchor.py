"""Decides from which job id on the next claim looks, so that a pinned snapshot does not slow the queue down.

While some transaction keeps an old snapshot open, vacuum can remove nothing, and a claim from the start of the index
walks over every job that was ready since. A floor under the ids skips them. Jobs below it, put back after a failure,
are found by the claims that look at all: whenever a claim came back short, and now and then in any case.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from worker.model import Job

# Other workers claim a little further down; what they put back lies near.
_MARGIN: Final = 2000
_LOOK_AT_ALL: Final = 0.01


class Anchor:
    """The floor of one worker's claims."""

    def __init__(self, *, chance: Callable[[], float] = random.random) -> None:
        """``chance`` gives a number in [0, 1), anew each time."""
        self._chance = chance
        self._floor = 0

    def next(self) -> int:
        """Return the id after which the next claim looks; 0 looks at all."""
        return 0 if self._chance() < _LOOK_AT_ALL else self._floor

    def claimed(self, jobs: Sequence[Job], wanted: int) -> None:
        """Learn from what a claim of ``wanted`` jobs gave."""
        self._floor = max(0, min(job.id for job in jobs) - _MARGIN) if jobs and len(jobs) == wanted else 0
