"""Owns the values that travel between database, operations and PortOne client: frozen, parsed once at the edge."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.readings import BillingKeyReading, ScheduleReading
    from worker.subjects import Approval, Channel, IdentityCheck, SavedCard, Schedule

Verdict = Literal["done", "failed", "retry", "dead"]
AttemptOutcome = Literal["succeeded", "requested", "failed", "unknown"]
ChannelKind = Literal["LIVE", "TEST"]


@dataclass(frozen=True, slots=True)
class RefundAccount:
    """Bank details of a virtual-account refund. Personal data: excluded from repr, never logged."""

    bank: str = field(repr=False)
    number: str = field(repr=False)
    holder_name: str = field(repr=False)
    holder_phone_number: str | None = field(repr=False, default=None)


@dataclass(frozen=True, slots=True)
class ExpectedPayment:
    """What our database expects of a payment; amounts in the currency's minor unit."""

    payment_id: str
    known: bool
    status: str | None
    channel_key: str | None
    amount: int | None
    tax_free_amount: int | None
    currency: str | None
    pay_method: str | None
    store_id: str | None = None
    order_name: str | None = None


@dataclass(frozen=True, slots=True)
class Refund:
    """A reserved cancellation; ``id`` is ours, ``cancellation_id`` PortOne's once it is known."""

    id: str
    amount: int
    tax_free_amount: int | None
    reason: str
    requester: str | None
    cancellation_id: str | None
    refund_account: RefundAccount | None


@dataclass(frozen=True, slots=True)
class LastAttempt:
    """The newest stored send of this job; ``outcome`` None means a crash between begin and settle."""

    number: int
    outcome: str | None


@dataclass(frozen=True, slots=True)
class Job:
    """One claimed job. ``claim`` is the fence: every later call about the job must carry it."""

    id: int
    claim: int
    kind: str
    lane: str | None
    failures: int
    payload: Mapping[str, object]
    operation_id: str | None
    payment: ExpectedPayment | None = None
    refund: Refund | None = None
    attempt: LastAttempt | None = None
    channel: Channel | None = None
    card: SavedCard | None = None
    schedule: Schedule | None = None
    schedule_ids: tuple[str, ...] = ()
    identity: IdentityCheck | None = None
    approval: Approval | None = field(default=None, repr=False)

    @property
    def payment_id(self) -> str | None:
        """The payment this job is about, from its payload or its context."""
        named = self.payload.get("payment_id")
        if isinstance(named, str) and named:
            return named
        return self.payment.payment_id if self.payment is not None else None

    @property
    def request_id(self) -> str | None:
        """The id of the request that made this job, for log lines and traces."""
        named = self.payload.get("request_id")
        return named if isinstance(named, str) and named else None

    @property
    def store_id(self) -> str | None:
        """The store this job's subject belongs to; None = nobody knows yet, the default store is asked."""
        subjects = (self.payment, self.card, self.identity, self.channel)
        known = next((one.store_id for one in subjects if one is not None and one.store_id), None)
        named = self.payload.get("store_id")
        return known or (named if isinstance(named, str) and named else None)

    @property
    def command_id(self) -> str:
        """The stable part of this job's idempotency keys: the operation's id, or the job's where nobody asked."""
        return self.operation_id or f"job-{self.id:012d}"

    def repeatable_key(self, verb: str) -> str:
        """An idempotency key of this run alone, for calls that may safely happen twice.

        PortOne replays a stored refusal for three hours (docs: Idempotency-Key); a later run wants a fresh answer.
        """
        return f"{verb}-{self.command_id}-{self.claim}"


@dataclass(frozen=True, slots=True)
class SnapshotCancellation:
    """One entry of PortOne's ``cancellations``, as far as this process decides on it."""

    id: str | None
    status: str | None
    amount: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What PortOne said about a payment at one moment; ``data`` is the normalized form the database applies."""

    payment_id: str
    status: str
    total: int
    cancelled: int
    cancellations: tuple[SnapshotCancellation, ...]
    data: Mapping[str, object] = field(repr=False)

    @property
    def cancellable(self) -> int:
        """Balance PortOne will accept as ``currentCancellableAmount``: total - cancelled - Σ REQUESTED.

        OpenAPI: cancelPayment.currentCancellableAmount ("balance before this request"); that requested cancellations
        are already subtracted is an assumption.
        """
        requested = sum(entry.amount for entry in self.cancellations if entry.status == "REQUESTED")
        return self.total - self.cancelled - requested

    @property
    def balances(self) -> tuple[int, ...]:
        """What PortOne may mean by that balance, the likeliest first: discounts and requested cancellations are undocumented.

        Trying them is safe: PortOne executes nothing unless the figure is exactly its own.
        """
        settled = self.total - self.cancelled
        requested = settled - self.cancellable
        discount = self.data.get("discount")
        lowered = discount if isinstance(discount, int) and discount > 0 else 0
        readings = (settled - waiting - off for off in (0, lowered) for waiting in (requested, 0))
        return tuple(dict.fromkeys(one for one in readings if one >= 0)) or (self.cancellable,)

    def has_cancellation(self, cancellation_id: str) -> bool:
        """Whether PortOne already lists this cancellation on the payment."""
        return any(entry.id == cancellation_id for entry in self.cancellations)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a pre-registered payment window has to be opened with."""

    store_id: str
    channel_key: str
    channel_kind: ChannelKind
    notice_urls: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """Return the ``prepared`` object of ``settle_jobs``."""
        return {
            "store_id": self.store_id,
            "channel_key": self.channel_key,
            "channel_kind": self.channel_kind,
            "notice_urls": list(self.notice_urls),
        }


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """How a stored send ended, as far as this process knows."""

    number: int
    outcome: AttemptOutcome
    cancellation_id: str | None = None
    code: str | None = None
    message: str | None = None

    def to_json(self) -> dict[str, object]:
        """Return the ``attempt`` object of ``settle_jobs``."""
        return {
            "number": self.number,
            "outcome": self.outcome,
            "cancellation_id": self.cancellation_id,
            "code": self.code,
            "message": self.message,
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run of a job ended with; settled in a batch. ``retry_in_seconds`` None = the database's backoff."""

    job_id: int
    claim: int
    verdict: Verdict
    retry_in_seconds: float | None = None
    counts_as_failure: bool = True
    error: Mapping[str, object] | None = None
    result: Mapping[str, object] | None = None
    prepared: Prepared | None = None
    not_found: bool = False
    schedule_not_found: bool = False
    attempt: AttemptResult | None = None
    snapshots: tuple[Snapshot, ...] = ()
    billing_key: BillingKeyReading | None = None
    schedules: tuple[ScheduleReading, ...] = ()
    identity: Mapping[str, object] | None = field(default=None, repr=False)
    deleted: bool = False

    def to_json(self) -> dict[str, object]:
        """Return the element of ``settle_jobs``."""
        return {
            "job_id": self.job_id,
            "claim": self.claim,
            "verdict": self.verdict,
            "retry_in_seconds": self.retry_in_seconds,
            "counts_as_failure": self.counts_as_failure,
            "error": dict(self.error) if self.error is not None else None,
            "result": dict(self.result) if self.result is not None else None,
            "prepared": self.prepared.to_json() if self.prepared is not None else None,
            "not_found": self.not_found,
            "schedule_not_found": self.schedule_not_found,
            "attempt": self.attempt.to_json() if self.attempt is not None else None,
            "snapshots": [dict(snapshot.data) for snapshot in self.snapshots],
            "billing_key": dict(self.billing_key.data) if self.billing_key is not None else None,
            "schedules": [dict(schedule.data) for schedule in self.schedules],
            "identity": dict(self.identity) if self.identity is not None else None,
            "deleted": self.deleted,
        }


@dataclass(frozen=True, slots=True)
class Begun:
    """The database's decision about sending; ``body`` is the sealed stored body where there is one."""

    decision: str
    attempt_number: int
    idempotency_key: str
    body: bytes | None = field(repr=False)
    retry_in_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """The database's answer to one outcome; ``operation_ids`` are all operations that waited for the job."""

    job_id: int
    accepted: bool
    reason: str | None
    operation_ids: tuple[str, ...]
    operation_status: str | None
    payment_status: str | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One signed webhook delivery, ready to be stored; ``body`` is the raw bytes as they arrived."""

    webhook_id: str
    webhook_type: str | None
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    subject_id: str | None = None
    subject_kind: Literal["payment", "billing_key"] | None = None
    provider_transaction_id: str | None = None
    event_at: str | None = None
    secret_index: int = 0
    secret_name: str | None = None
    store_id: str | None = None
    skip_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """The database's answer to one delivery."""

    id: int | None
    status: str
    duplicate: bool
    job_id: int | None
