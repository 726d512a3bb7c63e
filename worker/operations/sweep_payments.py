"""Sweeps a window of one store: what PortOne's lists show is held against our books, differences are read back."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from worker.errors import Rejected
from worker.logs import get_logger
from worker.operations.compare_window import compare_window
from worker.operations.outcomes import dead, done

if TYPE_CHECKING:
    from worker.deps import Deps
    from worker.model import Job, Outcome


async def sweep_payments(deps: Deps, job: Job) -> Outcome:
    """Compare the window of the job's payload ``{store_id, from, until}``; the daily one also looks for what is not listed.

    The high-water mark moves only when this ends well. Raises ``Transient`` and ``Misconfigured``.
    """
    store_id, since, until = (job.payload.get(name) for name in ("store_id", "from", "until"))
    if not isinstance(store_id, str) or not isinstance(since, str) or not isinstance(until, str):
        return dead(job, Rejected("CONTEXT_INCOMPLETE", "The job names no store or no window."))
    try:
        found = await compare_window(
            deps,
            deps.stores.of(store_id),
            datetime.fromisoformat(since),
            datetime.fromisoformat(until),
            repair=True,
            whole=job.kind == "compare_payments",
        )
    except Rejected as error:
        return dead(job, error)
    log = get_logger().warning if found.different or found.unlisted else get_logger().info
    log(
        "payments compared with portone",
        store_id=store_id,
        count=found.seen,
        different=found.different,
        unlisted=len(found.unlisted),
        source=found.source,
    )
    return replace(
        done(job),
        result={
            "source": found.source, "seen": found.seen, "different": found.different + len(found.unlisted),
        },
    )  # fmt: skip
