"""Decides how a test walks one call through PortOne's idempotency window: a worker that does what the database says, and dies when told."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.sql.cards import begin, saved_card
from tests.sql.shop import Refused, amounts, claim, paid_payment, payment_row, prepared_payment, settle
from tests.sql.window_portone import REFUND, CountingPortOne

if TYPE_CHECKING:
    from datetime import datetime

    from tests.sql.shop import Caller, Row, Shop

KINDS = ("cancel_payment", "charge_billing_key", "confirm_payment", "create_schedule")
WINDOW, MARGIN, BUDGET = 3 * 3600, 300, 4 * 3600
UNREACHABLE = {"code": "UNREACHABLE", "message": "PortOne does not answer."}
_bodies = (f"Ym9keS0{number:06}" for number in itertools.count(1))


@dataclass
class Walk:
    """One call of one kind, from its request on."""

    shop: Shop
    worker: Caller
    owner: Caller
    kind: str
    asked: Row = field(init=False)
    payment_id: str = field(init=False)
    user_id: str = field(init=False)
    order_id: str = field(init=False)
    portone: CountingPortOne = field(init=False)

    def __post_init__(self) -> None:
        if self.kind in ("cancel_payment", "confirm_payment"):
            make = paid_payment if self.kind == "cancel_payment" else prepared_payment
            paid = make(self.shop, self.worker)
            self.user_id, self.order_id, self.payment_id = paid.user_id, paid.order_id, paid.payment_id
            self.asked = self.ask()
        else:
            self.user_id = self.shop.new_user()
            self.order_id = self.shop.new_order(self.user_id)
            saved_card(self.shop, self.worker, self.user_id, f"key-{self.user_id}")
            self.asked = self.ask()
            self.payment_id = str(self._payload()["payment_id"])
        self.portone = CountingPortOne(self.kind, self.payment_id, self.now, self._is_committed)

    def ask(self) -> Row:
        """The request of this kind about this payment or order; raises `Refused`."""
        if self.kind == "cancel_payment":
            return self.worker.one(
                "request_cancellation", payment_id=self.payment_id, amount=REFUND, reason="r"
            )
        customer = self.shop.user(self.user_id)
        try:
            if self.kind == "confirm_payment":
                return customer.one("request_confirmation", payment_id=self.payment_id, payment_token="token")
            card = self.owner.row("select id from public.billing_keys where user_id = %s::uuid", self.user_id)
            on = {"order_id": self.order_id, "billing_key_id": card["id"]}
            if self.kind == "charge_billing_key":
                return customer.one("request_billing_payment", **on)
            at = self.owner.row("select private.now() + interval '7 days' as at")["at"]
            return customer.one("request_schedule", **on, time_to_pay=at)
        finally:
            customer.connection.close()

    def now(self) -> datetime:
        """The database's time, which is PortOne's here."""
        moment: datetime = self.owner.row("select private.now() as now")["now"]
        return moment

    def until(self, seconds: float) -> None:
        """Moves the clock to this long after the first send."""
        sent = self.owner.row(
            "select min(sent_at) as at from private.attempts where payment_id = %s", self.payment_id
        )
        self.shop.advance(max(0.0, seconds - (self.now() - sent["at"]).total_seconds()))

    def claim(self) -> Row:
        """The call's job; whatever else is due is not run."""
        (job,) = [job for job in claim(self.worker, lease=60) if job["operation_id"] == self.asked["id"]]
        assert job["kind"] == self.kind
        return job

    def begin(self, job: Row) -> Row:
        """begin_attempts with a body nobody has seen before: what is sent must be what was stored first."""
        return begin(self.worker, job, next(_bodies))

    def send(self, *, arrives: bool = True) -> Row:
        """Claims, begins and sends; the request may die on its way. The job, still running."""
        job = self.claim()
        begun = self.begin(job)
        assert begun["decision"] in ("send", "resend"), begun
        if arrives:
            self.portone.receive(begun["idempotency_key"], begun["body"])
        return job

    def die(self) -> None:
        """The worker is gone and its lease runs out."""
        self.shop.advance(61)

    def hear(self, job: Row, outcome: str, code: str | None = None, **fields: Any) -> None:
        """The answer to a send is settled; the job is to run again at once."""
        number = self.last_attempt()["number"]
        settle(
            self.worker,
            job,
            "retry",
            retry_in_seconds=0,
            counts_as_failure=False,
            attempt={"number": number, "outcome": outcome, "code": code, **fields},
            error={"code": code or "LOST", "message": "x"},
        )

    def lose_reply(self, *, arrives: bool = True) -> None:
        """Sent, and no answer came."""
        self.hear(self.send(arrives=arrives), "unknown")

    def read_only(self) -> None:
        """One run after the window: not sent, PortOne read back."""
        job = self.claim()
        begun = self.begin(job)
        assert (begun["decision"], begun["body"]) == ("read_only", None)
        settle(
            self.worker, job, "retry", retry_in_seconds=65, counts_as_failure=False, **self.portone.reading()
        )

    def run_out_of_time(self, **outcome: Any) -> None:
        """The call's last run: its time is over and PortOne tells nothing that decides."""
        self.until(BUDGET + 60)
        job = self.claim()
        self.begin(job)
        settle(self.worker, job, "retry", error=UNREACHABLE, **outcome)

    def end(self, job: Row, verdict: str, **outcome: Any) -> None:
        """Settles the job without a word about the send."""
        settle(self.worker, job, verdict, **{"retry_in_seconds": 0, "counts_as_failure": False} | outcome)

    def read_back(self) -> int:
        """Every reading of this payment that is due takes place; how many there were."""
        due = [
            job
            for job in claim(self.worker)
            if job["kind"] == "sync_payment" and job["payload"]["payment_id"] == self.payment_id
        ]
        for job in due:
            settle(self.worker, job, **self.portone.reading())
        return len(due)

    @property
    def status(self) -> tuple[str, str | None]:
        """How the operation stands, and its error's code."""
        row = self.worker.one("get_operation", id=self.asked["id"])
        return row["status"], (row["error"] or {}).get("code")

    @property
    def findings(self) -> set[str]:
        """The open findings about this call."""
        rows = self.owner.rows(
            "select kind from public.drift_findings where closed_at is null and (subject = %s or subject in "
            "(select id::text from public.payment_cancellations where operation_id = %s::uuid))",
            str(self.asked["id"]),
            self.asked["id"],
        )
        return {row["kind"] for row in rows}

    def last_attempt(self) -> Row:
        """The newest send as the database has it."""
        return self.owner.row(
            "select * from private.attempts where operation_id = %s::uuid order by number desc limit 1",
            self.asked["id"],
        )

    def next_call(self) -> str:
        """Asks for the same again: the refusal's code, or what the database says to its send."""
        try:
            again = self.ask()
        except Refused as refused:
            return refused.code
        jobs = [job for job in claim(self.worker) if job["operation_id"] == again["id"]]
        if not jobs:
            return "waits behind it"
        decision = str(self.begin(jobs[0])["decision"])
        settle(self.worker, jobs[0], "dead", error=UNREACHABLE)
        return decision

    def expect_undecided(self) -> None:
        """Nobody claims to know: pending, the hold or the order kept."""
        assert self.status == ("pending", None)
        assert self.last_attempt()["decided_at"] is None
        self.expect_kept()

    def expect_kept(self) -> None:
        """The amount is still held, or the order still taken."""
        if self.kind == "cancel_payment":
            assert amounts(self.owner, self.payment_id)[2] == REFUND
        else:
            assert payment_row(self.owner, self.payment_id)["is_live"] is True

    def expect_happened_once(self) -> None:
        """PortOne did it once and our books say so, with nothing left open."""
        assert len(self.portone.effects) == 1
        assert self.status == ("succeeded", None)
        assert self.last_attempt()["outcome"] in ("succeeded", "requested")
        row = payment_row(self.owner, self.payment_id)
        if self.kind == "cancel_payment":
            assert amounts(self.owner, self.payment_id) == (1000, REFUND, 0, 1000 - REFUND)
        elif self.kind == "create_schedule":
            schedule = self.owner.row(
                "select * from public.payment_schedules where payment_id = %s", self.payment_id
            )
            assert (schedule["status"], schedule["schedule_id"]) == (
                "scheduled",
                f"schedule-of-{self.payment_id}",
            )
        else:
            assert (row["status"], row["paid_amount"]) == ("paid", 1000)
        self._expect_nothing_open()

    def expect_never_happened(self, code: str = "NOT_EXECUTED") -> None:
        """PortOne never did it, our books say so, and it can be asked for and sent again."""
        assert self.portone.effects == []
        assert self.status == ("failed", code)
        assert self.last_attempt()["outcome"] == "failed"
        if self.kind == "cancel_payment":
            assert amounts(self.owner, self.payment_id) == (1000, 0, 0, 1000)
        self._expect_nothing_open()
        assert self.next_call() == "send"

    def _expect_nothing_open(self) -> None:
        last = self.last_attempt()
        assert (last["body"], last["decided_at"] is not None) == (None, True)
        assert self.findings == set()
        left = "select id from queue.dead where operation_id = %s::uuid and resolved_at is null"
        assert self.owner.rows(left, self.asked["id"]) == [], "the dead job is dealt with"
        assert len(set(self.portone.sends)) <= 1, "one key, one body"

    def _payload(self) -> Row:
        row = self.owner.row("select payload from queue.jobs where operation_id = %s::uuid", self.asked["id"])
        payload: Row = row["payload"]
        return payload

    def _is_committed(self, key: str, body: str) -> bool:
        return bool(
            self.owner.rows(
                "select from private.attempts where operation_id = %s::uuid and idempotency_key = %s and body = %s",
                self.asked["id"],
                key,
                body,
            )
        )
