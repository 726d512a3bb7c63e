"""Laws 1, 2 and 7 over random histories: amounts always balance, PortOne never gives back more, each refund takes effect once."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sql.portone_truth import Truth
from tests.sql.shop import Caller, Refused, Row, Shop, claim, paid_payment, payment_row, settle

if TYPE_CHECKING:
    from collections.abc import Callable

ACTIONS = st.one_of(
    st.tuples(st.just("ask"), st.integers(1, 700)),
    st.tuples(
        st.just("run"),
        st.sampled_from(
            ["answered", "reply_lost", "async", "crash_before_send", "crash_after_send", "refused"]
        ),
    ),
    st.tuples(st.just("console"), st.integers(1, 600)),
    st.tuples(st.just("chargeback"), st.integers(1, 1000)),
    st.tuples(st.just("webhook"), st.integers(0, 3)),
    st.tuples(st.just("stale"), st.integers(0, 50)),
    st.tuples(st.just("decide"), st.sampled_from(["SUCCEEDED", "FAILED"])),
)


class Worker:
    """A worker that may die, be refused or lose a reply, against the true state."""

    def __init__(self, shop: Shop, caller: Caller, truth: Truth) -> None:
        self.shop, self.caller, self.truth = shop, caller, truth
        self.lost_keys: list[str] = []

    def run(self, how: str) -> bool:
        """Runs the next job; whether there was one."""
        jobs = claim(self.caller, most=1)
        if not jobs:
            return False
        job = jobs[0]
        if job["kind"] == "cancel_payment":
            self.cancel(job, how)
        else:
            settle(self.caller, job, snapshots=[self.truth.read()])
        return True

    def crash(self) -> None:
        """The process is gone; its lease runs out."""
        self.shop.advance(61)

    def cancel(self, job: Row, how: str) -> None:
        refund = job["context"]["cancellation"]
        seen = self.truth.read()
        balance = self.truth.cancellable
        body = b64encode(json.dumps({"amount": refund["amount"], "balance": balance}).encode()).decode()
        (begun,) = self.caller.call(
            "begin_attempts",
            attempts=[{"job_id": job["id"], "claim": job["claim"], "body": body, "snapshots": [seen]}],
        )
        decision = begun["decision"]
        if how == "crash_before_send":
            self.crash()
            return
        if decision == "blocked":
            settle(self.caller, job, "retry", retry_in_seconds=0, snapshots=[seen])
            return
        if decision in ("balance_changed", "decided", "read_only"):
            settle(self.caller, job, snapshots=[self.truth.read()])
            return
        assert decision in ("send", "resend"), decision
        if how == "refused" and begun["idempotency_key"] not in self.truth.replies:
            self.truth.replies[begun["idempotency_key"]] = {"error": "PG_PROVIDER"}
        sent = json.loads(b64decode(begun["body"]))
        reply = self.truth.post_cancel(
            begun["idempotency_key"],
            sent["amount"],
            sent["balance"],
            "REQUESTED" if how == "async" else "SUCCEEDED",
        )
        attempt: Row = {"number": begun["attempt_number"]}
        if how == "crash_after_send":
            self.crash()
        elif how == "reply_lost":
            settle(self.caller, job, "retry", retry_in_seconds=0, attempt=attempt | {"outcome": "unknown"})
        elif reply.get("error") == "PG_PROVIDER":
            settle(
                self.caller,
                job,
                "failed",
                attempt=attempt | {"outcome": "failed"},
                error={"code": "PG_PROVIDER", "message": "no"},
                snapshots=[self.truth.read()],
            )
        elif "error" in reply:
            settle(
                self.caller,
                job,
                "retry",
                retry_in_seconds=0,
                attempt=attempt | {"outcome": "failed"},
                snapshots=[self.truth.read()],
            )
        else:
            outcome = "succeeded" if reply["status"] == "SUCCEEDED" else "requested"
            settle(
                self.caller,
                job,
                attempt=attempt | {"outcome": outcome, "cancellation_id": reply["id"]},
                snapshots=[self.truth.read()],
            )


def check_money(owner: Caller, truth: Truth) -> Row:
    """Laws 1 and 2 on the rows as they are now."""
    row = payment_row(owner, truth.payment_id)
    assert (
        row["paid_amount"]
        == row["cancelled_amount"] + row["reserved_amount"] + row["cancellable_amount"]
        == truth.total
    )
    held = owner.row(
        "select coalesce(sum(held_amount), 0) as held from public.payment_cancellations where payment_id = %s and status in ('reserved', 'requested', 'unknown')",
        truth.payment_id,
    )
    assert held["held"] == row["reserved_amount"]
    assert row["total_cancel_amount"] == row["cancelled_amount"] <= truth.cancelled
    return row


def play(
    shop: Shop, caller: Caller, owner: Caller, truth: Truth, history: list[tuple[str, int | str]]
) -> None:
    worker = Worker(shop, caller, truth)

    def ask(amount: int) -> None:
        cancellable = payment_row(owner, truth.payment_id)["cancellable_amount"]
        if amount > cancellable:
            with pytest.raises(Refused) as refused:
                caller.one("request_cancellation", payment_id=truth.payment_id, amount=amount, reason="r")
            assert refused.value.code in (
                "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT",
                "PAYMENT_ALREADY_CANCELLED",
            )
        else:
            caller.one("request_cancellation", payment_id=truth.payment_id, amount=amount, reason="r")

    def webhook(number: int) -> None:
        caller.call(
            "record_webhooks",
            webhooks=[
                {
                    "webhook_id": f"{truth.payment_id}-{number}",
                    "webhook_type": "Transaction.Paid",
                    "body": "e30=",
                    "headers": {},
                    "subject_kind": "payment",
                    "subject_id": truth.payment_id,
                    "secret_index": 0,
                }
            ],
        )

    def stale(index: int) -> None:
        caller.one("request_completion", payment_id=truth.payment_id)
        for job in claim(caller, most=1):
            if job["kind"] == "sync_payment":
                settle(caller, job, snapshots=[truth.history[index % len(truth.history)]])
            else:
                caller.call("release_jobs", jobs=[{"job_id": job["id"], "claim": job["claim"]}])

    def outside(amount: int, trigger: str) -> None:
        if amount <= truth.cancellable:
            truth.cancel(amount, trigger=trigger)

    act: dict[str, Callable[..., object]] = {
        "ask": ask,
        "run": worker.run,
        "webhook": webhook,
        "stale": stale,
        "decide": truth.decide_pending,
        "console": lambda amount: outside(amount, "CONSOLE"),
        "chargeback": lambda amount: outside(amount, "CHARGEBACK"),
    }
    for name, argument in history:
        act[name](argument)
        check_money(owner, truth)

    # The storm is over: everything that waits is run, everything pending is decided.
    while truth.pending:
        truth.decide_pending("SUCCEEDED")
    for _ in range(80):
        if not worker.run("answered"):
            shop.advance(120)
            if not owner.rows("select 1 from queue.jobs limit 1"):
                break
    webhook(1000)
    while worker.run("answered"):
        pass
    row = check_money(owner, truth)
    assert row["cancelled_amount"] == truth.cancelled, "our books equal PortOne's"
    assert row["reserved_amount"] == 0, "nothing is held for a refund that is over"
    assert not owner.rows("select 1 from public.payment_operations where status = 'pending'")
    assert not owner.rows("select 1 from queue.dead")
    ours = owner.rows(
        "select amount, cancellation_id from public.payment_cancellations where payment_id = %s and status = 'succeeded'",
        truth.payment_id,
    )
    theirs = [(c["amount"], c["id"]) for c in truth.cancellations if c["status"] == "SUCCEEDED"]
    assert sorted((r["amount"], r["cancellation_id"]) for r in ours) == sorted(theirs)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(ACTIONS, min_size=3, max_size=22))
def test_any_history_balances_and_ends_equal_to_portone(
    shop: Shop, worker: Caller, owner: Caller, history: list[tuple[str, int | str]]
) -> None:
    paid = paid_payment(shop, worker)
    truth = Truth(paid.payment_id, 1000)
    truth.read()
    play(shop, worker, owner, truth, history)


def test_amounts_that_do_not_balance_are_refused_by_the_table_itself(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    paid = paid_payment(shop, worker)
    for change in (
        "cancelled_amount = 1",
        "reserved_amount = 5",
        "cancellable_amount = -1, cancelled_amount = 1001",
        "paid_amount = 0",
    ):
        with pytest.raises(psycopg.errors.CheckViolation):
            owner.run(f"update public.payments set {change} where payment_id = %s", paid.payment_id)
