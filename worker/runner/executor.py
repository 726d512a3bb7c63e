"""Decides what becomes of one job: every way a handler can end is turned into an outcome or a release."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from worker.crash_steps import job_entered
from worker.errors import Conflict, Misconfigured, Rejected, Transient
from worker.logs import frames, get_logger
from worker.operations.outcomes import dead, failed, retry
from worker.operations.send_stored import RefusedWhileSending
from worker.runner.handlers import HANDLERS
from worker.state import held
from worker.tracing import TRACING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.deps import Deps
    from worker.model import Job, Outcome
    from worker.runner.handlers import Handler
    from worker.runner.settler import Settler
    from worker.state import RunnerState


class Executor:
    """Runs jobs; never raises, so one job cannot take the runner down."""

    def __init__(
        self, deps: Deps, state: RunnerState, settler: Settler, handlers: Mapping[str, Handler] = HANDLERS
    ) -> None:
        self._deps = deps
        self._state = state
        self._settler = settler
        self._handlers = handlers

    async def run(self, job: Job) -> None:
        """Run one claimed job and hand its outcome to the settler, or give the job back."""
        structlog.contextvars.bind_contextvars(
            job_id=job.id, job_kind=job.kind, operation_id=job.operation_id, request_id=job.request_id
        )
        if job.operation_id is not None:
            self._deps.waiters.begin(job.operation_id)
        job_entered(job.id, job.kind)
        try:
            with TRACING.span(f"job {job.kind}", job_id=job.id, request_id=job.request_id):
                outcome = await self._outcome(job)
        except Misconfigured as error:
            self._stop_claiming(error)
            if not isinstance(error, RefusedWhileSending):
                self._settler.give_back(held(job))
                return
            outcome = error.outcome
        if outcome is None:
            get_logger().warning("payment job lost to another worker: outcome dropped")
            self._state.finish(held(job))
            return
        self._deps.metrics.jobs.labels(_known(job.kind, self._handlers), outcome.verdict).inc()
        if outcome.attempt is not None and outcome.attempt.outcome == "unknown":
            self._deps.metrics.unknown.labels(_known(job.kind, self._handlers)).inc()
        if outcome.verdict != "done":
            error_code = (outcome.error or {}).get("code")
            get_logger().warning(
                "payment job not done", verdict=outcome.verdict, code=error_code, payment_id=job.payment_id
            )
        self._settler.submit(outcome)

    async def _outcome(self, job: Job) -> Outcome | None:
        handler = self._handlers.get(job.kind)
        if handler is None:
            return dead(
                job,
                Rejected("JOB_KIND_UNKNOWN", f"This worker has no operation {job.kind[:60]!r}: update it."),
            )
        try:
            return await handler(self._deps, job)
        except Transient as error:
            return retry(job, error)
        except Conflict as error:
            return retry(job, error, in_seconds=0)
        except Rejected as error:
            return failed(job, error)
        except Misconfigured:
            raise
        except (
            Exception
        ) as error:  # a bug must not end the runner; the job is retried and ends in front of a person
            get_logger().error("payment job crashed", error_type=type(error).__name__, frames=frames(error))
            return retry(job, Transient("INTERNAL_ERROR", f"The worker failed with {type(error).__name__}."))

    def _stop_claiming(self, error: Misconfigured) -> None:
        if self._state.portone_refusal is None:
            get_logger().error(
                "worker misconfigured: no payment job is claimed until it is restarted",
                code=error.code,
                fix=error.message,
            )
        self._state.portone_refusal = error
        self._state.freed.set()
        self._deps.bell.ring()


def _known(kind: str, handlers: Mapping[str, Handler]) -> str:
    """A job kind as a label: only those this worker has, so that a database cannot make endless series."""
    return kind if kind in handlers else "other"
