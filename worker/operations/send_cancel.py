"""Decides what each answer to a sent cancel means; "not known" is an answer of its own.

A definite answer belongs to the idempotency key, also on a repeat: PortOne stores it (docs: Idempotency-Key). Only
refusals that may come before the key is looked at (401, 403) say nothing about an earlier send.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.crash import crash_point
from worker.errors import Conflict, Misconfigured, Rejected, Transient, WorkerError
from worker.logs import get_logger
from worker.model import AttemptResult
from worker.operations.outcomes import done, failed, read_back, retry
from worker.portone.faults import BEFORE_IDEMPOTENCY

if TYPE_CHECKING:
    from worker.deps import Deps
    from worker.model import AttemptOutcome, Begun, Job, Outcome
    from worker.portone.payments import CancelReply

# Waits for IDEMPOTENCY_OUTSTANDING_REQUEST and lost replies, by earlier failures of the job.
_SAME_KEY_WAITS: Final = (2.0, 5.0, 10.0, 20.0, 40.0, 60.0)
_LISTED_SOON_SECONDS: Final = 1.0
_MISCONFIGURED_RETRY_SECONDS: Final = 30.0
_STATUSES: Final[dict[str, AttemptOutcome]] = {
    "SUCCEEDED": "succeeded",
    "REQUESTED": "requested",
    "FAILED": "failed",
}


class RefusedWhileSending(Misconfigured):
    """PortOne refused our credentials; carries the outcome to settle before the runner stops claiming."""

    def __init__(self, error: Misconfigured, outcome: Outcome) -> None:
        super().__init__(error.code, error.message, status=error.status, extra=error.extra)
        self.outcome = outcome


async def send_cancel(deps: Deps, job: Job, payment_id: str, begun: Begun, body: bytes) -> Outcome:
    """Send exactly ``body`` under the attempt's key and say how it ended, read back from PortOne where possible.

    Raises ``RefusedWhileSending`` for wrong credentials; every other answer becomes an outcome.
    """
    get_logger().info("payment cancel sent to portone", payment_id=payment_id, attempt=begun.attempt_number)
    try:
        reply = await deps.payments.cancel(payment_id, body=body, idempotency_key=begun.idempotency_key)
    except Transient as error:
        return _unknown(job, begun, error)
    except Misconfigured as error:
        raise RefusedWhileSending(error, _refused_credentials(job, begun, error)) from None
    except (Rejected, Conflict) as error:
        if begun.decision == "resend" and error.code in BEFORE_IDEMPOTENCY:
            return _unknown(job, begun, error)
        return await _definite(deps, job, payment_id, begun, error)
    crash_point("cancel.after_reply")
    return await _accepted(deps, job, payment_id, begun, reply)


async def _accepted(deps: Deps, job: Job, payment_id: str, begun: Begun, reply: CancelReply) -> Outcome:
    """HTTP 200. A status word this version does not know counts as requested: open until a read says otherwise."""
    attempt = AttemptResult(
        begun.attempt_number, _STATUSES.get(reply.status, "requested"), reply.cancellation_id
    )
    get_logger().info(
        "payment cancel answered by portone", payment_id=payment_id, cancellation_status=reply.status
    )
    snapshots = await read_back(deps, payment_id)
    if attempt.outcome == "failed":
        return failed(
            job,
            Rejected("CANCELLATION_FAILED", "PortOne could not execute the cancellation."),
            *snapshots,
            attempt=attempt,
        )
    if not snapshots:
        return retry(
            job,
            Transient("READ_BACK_FAILED", "PortOne accepted the cancel but could not be read back."),
            attempt=attempt,
            counts=False,
        )
    if reply.cancellation_id is not None and not snapshots[0].has_cancellation(reply.cancellation_id):
        late = Transient("CANCELLATION_NOT_LISTED", "PortOne does not list the cancellation yet.")
        return retry(job, late, *snapshots, attempt=attempt, in_seconds=_LISTED_SOON_SECONDS)
    return done(job, *snapshots, attempt=attempt)


async def _definite(
    deps: Deps, job: Job, payment_id: str, begun: Begun, error: Rejected | Conflict
) -> Outcome:
    """PortOne said no. Only a wrong balance is worth another look: with fresh numbers and a new key."""
    attempt = _result(begun, "failed", error)
    snapshots = await read_back(deps, payment_id)
    if error.code == "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN":
        return retry(job, error, *snapshots, attempt=attempt, in_seconds=0)
    return failed(job, error, *snapshots, attempt=attempt)


def _unknown(job: Job, begun: Begun, error: WorkerError) -> Outcome:
    asked = error.retry_in if isinstance(error, Transient) else None
    wait = asked if asked is not None else _SAME_KEY_WAITS[min(job.failures, len(_SAME_KEY_WAITS) - 1)]
    return retry(job, error, attempt=_result(begun, "unknown", error), in_seconds=wait)


def _refused_credentials(job: Job, begun: Begun, error: Misconfigured) -> Outcome:
    """A first send that was refused at the door did not happen; a repeat says nothing about the first one."""
    outcome: AttemptOutcome = "unknown" if begun.decision == "resend" else "failed"
    attempt = _result(begun, outcome, error)
    return retry(job, error, attempt=attempt, in_seconds=_MISCONFIGURED_RETRY_SECONDS, counts=False)


def _result(begun: Begun, outcome: AttemptOutcome, error: WorkerError) -> AttemptResult:
    return AttemptResult(begun.attempt_number, outcome, code=error.code, message=error.message)
