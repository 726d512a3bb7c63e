"""Decides when a call that moves money may be sent: only what the database has committed as an attempt.

Order: build and seal the body, ``begin_attempts`` commits it, send, read PortOne back. After a crash or an unknown
outcome the stored bytes go out again under the stored key; a new key exists only after a definite failure. Cancels,
charges, approvals and schedules differ only in what ``MoneyCall`` leaves open.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Final, Generic, TypeVar

from worker.crash import money_crash_point
from worker.errors import Rejected, Transient
from worker.logs import get_logger
from worker.operations.outcomes import dead, retry
from worker.operations.send_stored import send_stored

if TYPE_CHECKING:
    from worker.crash import MoneyVerb
    from worker.deps import Deps
    from worker.errors import Conflict
    from worker.model import Begun, Job, Outcome, Snapshot

# Time for PortOne to list what it did after its idempotency window closed; the database wants two reads 60 s apart.
NEXT_READ_SECONDS: Final = 65.0
# Time for the other call about the payment to be decided.
_BLOCKED_RETRY_SECONDS: Final = 5.0
_UNDECIDED: Final = (None, "unknown")
_TAKEN: Final = ("succeeded", "requested")

Reply = TypeVar("Reply")


@dataclass(frozen=True, slots=True)
class Draft:
    """What a first send would be: the exact body, and what was read to build it."""

    body: bytes
    snapshots: tuple[Snapshot, ...] = ()


class MoneyCall(ABC, Generic[Reply]):
    """One job's money call. Subclasses say what is sent and what each answer means; nothing else sends."""

    verb: ClassVar[MoneyVerb]

    def __init__(self, deps: Deps, job: Job, payment_id: str) -> None:
        self.deps = deps
        self.job = job
        self.payment_id = payment_id
        self.store = deps.stores.of(job.store_id)

    @property
    @abstractmethod
    def purpose(self) -> str:
        """What the body is sealed for: only the same purpose opens it again."""

    @abstractmethod
    async def draft(self) -> Draft | Outcome:
        """Return the body of a first send, or how the job ends without one. Raises the reads' branches."""

    @abstractmethod
    async def send(self, body: bytes, idempotency_key: str) -> Reply:
        """Send the bytes. Raises the branch of the fault table."""

    @abstractmethod
    async def accepted(self, begun: Begun, reply: Reply) -> Outcome:
        """PortOne answered 200: say how it ended, read back."""

    @abstractmethod
    async def refused(self, begun: Begun, error: Rejected | Conflict) -> Outcome:
        """PortOne said no, definitely."""

    @abstractmethod
    async def read_decided(self, snapshots: tuple[Snapshot, ...]) -> Outcome:
        """There is nothing to send (any more): read PortOne and hand over what is true."""

    @abstractmethod
    async def read_only(self, begun: Begun) -> Outcome:
        """PortOne's idempotency window is over: only reading is safe. The database decides after two reads apart."""

    def other(self, begun: Begun, snapshots: tuple[Snapshot, ...]) -> Outcome:
        """A decision only some calls know; a word this version does not know is treated as "do not send"."""
        return retry(
            self.job, Transient("DECISION_UNKNOWN", "The database knows more than this worker: update it.")
        )

    def _blocked(self, begun: Begun, snapshots: tuple[Snapshot, ...]) -> Outcome:
        waiting = Transient(
            "PAYMENT_CALL_BLOCKED", "Another call about this payment was sent and is undecided."
        )
        pause = begun.retry_in_seconds if begun.retry_in_seconds is not None else _BLOCKED_RETRY_SECONDS
        return retry(self.job, waiting, *snapshots, in_seconds=pause, counts=False)

    async def run(self) -> Outcome | None:
        """Run the job as far as it can safely go; None means the claim was lost and nothing may be said.

        Raises ``Transient`` and ``Misconfigured`` from the reads before anything was sent.
        """
        if self.job.attempt is not None and self.job.attempt.outcome in _UNDECIDED:
            begun = await self.deps.queue.begin(self.job, body=None)
            return await self._follow(begun, ())
        if self.job.attempt is not None and self.job.attempt.outcome in _TAKEN:
            # PortOne took it and only reading it back is missing: never a second send, whatever the database says.
            return await self.read_decided(())
        draft = await self.draft()
        if not isinstance(draft, Draft):
            return draft
        money_crash_point(self.verb, "before_begin")
        sealed = self.deps.sealer.seal(draft.body, purpose=self.purpose)
        begun = await self.deps.queue.begin(self.job, body=sealed, snapshots=draft.snapshots)
        if begun.decision == "send" and begun.body is None:
            begun = replace(begun, body=sealed)
        return await self._follow(begun, draft.snapshots)

    async def _follow(self, begun: Begun, snapshots: tuple[Snapshot, ...]) -> Outcome | None:
        """Do what the database decided."""
        get_logger().info(
            "payment call attempt",
            verb=self.verb,
            payment_id=self.payment_id,
            decision=begun.decision,
            attempt=begun.attempt_number,
        )
        match begun.decision:
            case "send" | "resend":
                return await self._send(begun)
            case "lost":
                return None
            case "decided":
                return await self.read_decided(snapshots)
            case "read_only":
                return await self.read_only(begun)
            case "blocked":
                return self._blocked(begun, snapshots)
            case _:
                return self.other(begun, snapshots)

    async def _send(self, begun: Begun) -> Outcome:
        if begun.body is None:
            return dead(
                self.job, Rejected("SEALED_BODY_MISSING", "The stored request body of this attempt is gone.")
            )
        try:
            body = self.deps.sealer.open(begun.body, purpose=self.purpose)
        except Rejected as error:
            return dead(self.job, error)
        money_crash_point(self.verb, "after_begin")
        return await send_stored(self, begun, body)
