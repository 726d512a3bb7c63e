"""Decides how an operation's end is written down: one builder for each verdict, bound to the job's claim."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.errors import Transient, WorkerError
from worker.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.model import AttemptResult, Job, Prepared, Snapshot
    from worker.portone.stores import Store


def done(
    job: Job,
    *snapshots: Snapshot,
    attempt: AttemptResult | None = None,
    prepared: Prepared | None = None,
    not_found: bool = False,
) -> Outcome:
    """The job's work is finished; what it means for money the database reads from the snapshots."""
    return Outcome(
        job.id,
        job.claim,
        "done",
        snapshots=snapshots,
        attempt=attempt,
        prepared=prepared,
        not_found=not_found,
    )


def failed(
    job: Job,
    error: WorkerError,
    *snapshots: Snapshot,
    attempt: AttemptResult | None = None,
    not_found: bool = False,
) -> Outcome:
    """A final business answer: job finished, operation failed with this code."""
    return Outcome(
        job.id,
        job.claim,
        "failed",
        error=error.as_error(),
        snapshots=snapshots,
        attempt=attempt,
        not_found=not_found,
    )


def dead(job: Job, error: WorkerError) -> Outcome:
    """Nothing the worker can do: a person must look."""
    return Outcome(job.id, job.claim, "dead", error=error.as_error())


def retry(
    job: Job,
    error: WorkerError,
    *snapshots: Snapshot,
    in_seconds: float | None = None,
    counts: bool = True,
    attempt: AttemptResult | None = None,
    result: Mapping[str, object] | None = None,
    not_found: bool = False,
) -> Outcome:
    """Run the job again: after ``in_seconds``, what the error asks for, or the database's own backoff."""
    asked = error.retry_in if isinstance(error, Transient) else None
    return Outcome(
        job.id,
        job.claim,
        "retry",
        retry_in_seconds=in_seconds if in_seconds is not None else asked,
        counts_as_failure=counts,
        error=error.as_error(),
        snapshots=snapshots,
        attempt=attempt,
        result=result,
        not_found=not_found,
    )


async def look(store: Store, payment_id: str) -> tuple[Snapshot, ...] | None:
    """Return PortOne's present state as a snapshot, nothing where it knows no such payment, None when it cannot be read.

    Never raises WorkerError.
    """
    try:
        snapshot = await store.payments.get(payment_id)
    except WorkerError:
        return None
    return () if snapshot is None else (snapshot,)


async def read_back(store: Store, payment_id: str) -> tuple[Snapshot, ...]:
    """Return PortOne's present state as a snapshot, or nothing when it cannot be had now: never raises WorkerError."""
    return await look(store, payment_id) or ()
