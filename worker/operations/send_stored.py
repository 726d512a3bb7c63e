"""Decides what each answer to stored bytes means; "not known" is an answer of its own.

A definite answer belongs to the idempotency key, also on a repeat: PortOne stores it (docs: Idempotency-Key, "3 hours,
may change"). Refusals that may come before the key is looked at (401, 403) say nothing about an earlier send; any other
refusal of a repeat, and what a PG says of itself, is believed once the payment has been read (``is_doubtful``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Protocol, TypeVar

from worker.crash import money_crash_point
from worker.errors import Conflict, Misconfigured, Rejected, Transient, WorkerError
from worker.logs import get_logger
from worker.model import AttemptResult
from worker.operations.outcomes import retry
from worker.portone.faults import BEFORE_IDEMPOTENCY

if TYPE_CHECKING:
    from worker.crash import MoneyVerb
    from worker.model import AttemptOutcome, Begun, Job, Outcome

Reply = TypeVar("Reply")

# Waits for IDEMPOTENCY_OUTSTANDING_REQUEST and lost replies, by earlier failures of the job.
_SAME_KEY_WAITS: Final = (2.0, 5.0, 10.0, 20.0, 40.0, 60.0)
_MISCONFIGURED_RETRY_SECONDS: Final = 30.0


class RefusedWhileSending(Misconfigured):
    """PortOne refused our credentials; carries the outcome to settle before the runner stops claiming."""

    def __init__(self, error: Misconfigured, outcome: Outcome) -> None:
        super().__init__(error.code, error.message, status=error.status, korean=error.korean)
        self.outcome = outcome


class StoredCall(Protocol[Reply]):
    """What sending needs to know of a money call."""

    verb: ClassVar[MoneyVerb]
    job: Job
    payment_id: str

    async def send(self, body: bytes, idempotency_key: str) -> Reply:
        """Send the bytes."""

    async def accepted(self, begun: Begun, reply: Reply) -> Outcome:
        """PortOne answered 200."""

    async def refused(self, begun: Begun, error: Rejected | Conflict) -> Outcome:
        """PortOne said no, definitely."""


async def send_stored(call: StoredCall[Reply], begun: Begun, body: bytes) -> Outcome:
    """Send exactly ``body`` under the attempt's key and say how it ended, read back from PortOne where possible.

    Raises ``RefusedWhileSending`` for wrong credentials; every other answer becomes an outcome.
    """
    job = call.job
    get_logger().info(
        "payment call sent to portone",
        verb=call.verb,
        payment_id=call.payment_id,
        attempt=begun.attempt_number,
    )
    try:
        reply = await call.send(body, begun.idempotency_key)
    except Transient as error:
        return unknown(job, begun, error)
    except Misconfigured as error:
        raise RefusedWhileSending(error, _refused_credentials(job, begun, error)) from None
    except (Rejected, Conflict) as error:
        if begun.decision == "resend" and error.code in BEFORE_IDEMPOTENCY:
            return unknown(job, begun, error)
        return await call.refused(begun, error)
    money_crash_point(call.verb, "after_reply")
    return await call.accepted(begun, reply)


def unknown(job: Job, begun: Begun, error: WorkerError) -> Outcome:
    """It may have happened: the same bytes go out again under the same key, after a wait that grows."""
    asked = error.retry_in if isinstance(error, Transient) else None
    wait = asked if asked is not None else _SAME_KEY_WAITS[min(job.failures, len(_SAME_KEY_WAITS) - 1)]
    return retry(job, error, attempt=attempt_result(begun, "unknown", error), in_seconds=wait)


def is_doubtful(begun: Begun, error: WorkerError) -> bool:
    """Whether a refusal alone proves nothing: the payment must be read before it counts.

    A repeat may be refused for what the first send did, should PortOne have forgotten the key; a PG may have done what it
    reports as failed (docs: after PG_PROVIDER the payment is read, only an unchanged one has failed).
    """
    return begun.decision == "resend" or error.code == "PG_PROVIDER"


def attempt_result(begun: Begun, outcome: AttemptOutcome, error: WorkerError | None = None) -> AttemptResult:
    """Return how this attempt ended, with the error's code and sentence."""
    if error is None:
        return AttemptResult(begun.attempt_number, outcome)
    return AttemptResult(begun.attempt_number, outcome, code=error.code, message=error.message)


def _refused_credentials(job: Job, begun: Begun, error: Misconfigured) -> Outcome:
    """A first send that was refused at the door did not happen; a repeat says nothing about the first one."""
    outcome: AttemptOutcome = "unknown" if begun.decision == "resend" else "failed"
    attempt = attempt_result(begun, outcome, error)
    return retry(job, error, attempt=attempt, in_seconds=_MISCONFIGURED_RETRY_SECONDS, counts=False)
