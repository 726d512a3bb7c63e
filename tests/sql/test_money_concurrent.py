"""Laws 1, 2, 3 and 8 while everybody acts at once: workers that crash, customers, admins, the shop, the console, webhooks.

The books are checked all the time by somebody who only looks, and in the end they are PortOne's.
"""

from __future__ import annotations

import json
import random
import threading
import time
from base64 import b64decode, b64encode
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.sql.portone_taxed import TaxedTruth
from tests.sql.shop import PREPARED, Caller, Refused, Row, Shop, paid_payment
from tests.sql.test_queue_chaos import deadlocks
from tests.sql.test_webhook_log import delivery

if TYPE_CHECKING:
    from collections.abc import Callable

FATES = ["answered"] * 8 + ["async", "reply_lost", "refused", "crash_before_send", "crash_after_send", "late"]
EXPECTED = {
    "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT",
    "CANCEL_TAX_FREE_AMOUNT_EXCEEDS_CANCELLABLE_TAX_FREE_AMOUNT",
    "CANCEL_TAX_AMOUNT_EXCEEDS_CANCELLABLE_TAX_AMOUNT",
    "PAYMENT_ALREADY_CANCELLED",
    "TAX_FREE_AMOUNT_REQUIRED",
    "AMOUNT_NOT_POSITIVE",
    "AMOUNT_OUT_OF_RANGE",
}
# Rows that break a law, whoever looks and whenever.
BROKEN = """
select payments.payment_id, 'law 1' as law from public.payments
where paid_amount <> cancelled_amount + reserved_amount + cancellable_amount
  or least(cancelled_amount, reserved_amount, cancellable_amount) < 0 or total_cancel_amount <> cancelled_amount
union all
select payments.payment_id, 'law 2' from public.payments
where reserved_amount <> (
  select coalesce(sum(held_amount), 0) from public.payment_cancellations as refunds
  where refunds.payment_id = payments.payment_id and refunds.status in ('reserved', 'requested', 'unknown')
)
union all
select refunds.payment_id, 'one undecided send' from public.payment_cancellations as refunds
where refunds.status in ('requested', 'unknown') and refunds.cancellation_id is null
group by 1 having count(*) > 1
union all
select payments.order_id, 'law 8' from public.payments where is_live group by lower(order_id), order_id having count(*) > 1
union all
select payment_id, 'gap in the events' from public.payment_events group by 1 having max(sequence) <> count(*)
"""


@dataclass
class Stage:
    """One history: what is true at PortOne, and everybody who acts on it."""

    shop: Shop
    seed: int
    truths: dict[str, TaxedTruth] = field(default_factory=dict)
    calm: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    answers: set[str] = field(default_factory=set)
    sent: int = 0

    def dice(self, name: str) -> random.Random:
        """A source of chance for one actor."""
        return random.Random(f"{self.seed}-{name}")

    def ask(self, name: str, caller: Caller, allowed: bool, times: int) -> None:
        """Asks for refunds of any amount; whoever may not is told so every time."""
        dice = self.dice(name)
        for _ in range(times):
            truth = dice.choice(list(self.truths.values()))
            amount = dice.choice(
                [*(dice.randint(1, truth.total // 25) for _ in range(30)), None, 0, -1, 2**31, truth.total]
            )
            tax_free = (
                dice.choice([None, 0, amount, dice.randint(0, amount)])
                if truth.tax_free and amount in range(1, 9999)
                else None
            )
            code = "ok"
            try:
                caller.one(
                    "request_cancellation",
                    payment_id=truth.payment_id,
                    amount=amount,
                    tax_free_amount=tax_free,
                    reason="r",
                )
            except Refused as refused:
                code = refused.code
            self.answers.add(code)
            # what is malformed is told before whose payment it is: it says nothing about the payment
            assert code in (EXPECTED | {"ok"} if allowed else {name, "AMOUNT_OUT_OF_RANGE"}), (name, code)

    def pay(self, name: str, caller: Caller, order_ids: list[str], times: int) -> None:
        """Asks to pay the same orders, in either spelling of their ids."""
        dice = self.dice(name)
        for _ in range(times):
            order_id = dice.choice(order_ids)
            caller.one(
                "request_payment",
                order_id=dice.choice([order_id, order_id.upper()]),
                pay_method=dice.choice(["CARD", "EASY_PAY"]),
            )

    def disturb(self, caller: Caller, times: int) -> None:
        """The console, chargebacks, banks that decide, webhooks, and snapshots read long ago."""
        dice = self.dice("outside")
        for n in range(times):
            truth = dice.choice(list(self.truths.values()))
            what = dice.choice(["console", "chargeback", "decide", "webhook", "webhook", "webhook"])
            if what == "decide":
                truth.decide(dice.choice(["SUCCEEDED", "FAILED"]))
            elif what == "webhook":
                caller.call(
                    "record_webhooks",
                    webhooks=[delivery(f"wh-{n % 25}-{truth.payment_id}", truth.payment_id)],
                )
            else:
                truth.outside(dice.randint(1, truth.total // 40), what.upper())

    def banks_decide(self, caller: Caller) -> bool:
        """Every refund that PortOne has only accepted succeeds, and is read back; whether there was one."""
        decided = [truth.payment_id for truth in self.truths.values() if truth.decide("SUCCEEDED")]
        for payment_id in decided:
            caller.one("request_completion", payment_id=payment_id)
        return bool(decided)

    def tick(self) -> None:
        """Leases of the crashed run out."""
        clock = self.shop.owner()
        while not self.over.is_set():
            clock.run("update private.clock set clock_offset = clock_offset + interval '15 seconds'")
            time.sleep(0.05)

    def watch(self) -> None:
        """Looks for broken laws until the end."""
        owner = self.shop.owner()
        while not self.over.is_set():
            assert owner.rows(BROKEN) == []

    def work(self, name: str) -> None:
        """A worker that may die, be refused, lose a reply or finish late; at peace in the end."""
        caller, dice = self.shop.service(), self.dice(name)
        late: list[Row] = []
        while not self.over.is_set():
            jobs = caller.call("claim_jobs", worker=name, max=dice.randint(1, 4), lease_seconds=60)
            outcomes = []
            for job in jobs:
                how = "answered" if self.calm.is_set() else dice.choice(FATES)
                made = self.run(caller, job, how, dice)
                (late if how == "late" else outcomes).extend(made)
            if not jobs:
                time.sleep(0.01)
            if late and (self.calm.is_set() or dice.random() < 0.3):
                outcomes, late = outcomes + late, []
            dice.shuffle(outcomes)
            caller.call("settle_jobs", outcomes=outcomes)

    def run(self, caller: Caller, job: Row, how: str, dice: random.Random) -> list[Row]:
        """What one job comes to: an outcome, or none when the worker has died."""
        named = {"job_id": job["id"], "claim": job["claim"]}
        if job["kind"] == "prepare_payment":
            return [named | {"verdict": "done", "prepared": PREPARED}]
        truth = self.truths[job["payload"]["payment_id"]]
        if job["kind"] == "sync_payment":
            seen = truth.read()
            old = dice.choice(truth.history) if how == "late" else seen
            return [] if how.startswith("crash") else [named | {"verdict": "done", "snapshots": [old, seen]}]
        return self.refund(caller, job, how, truth, named)

    def refund(self, caller: Caller, job: Row, how: str, truth: TaxedTruth, named: Row) -> list[Row]:
        """A cancel job, as the worker runs it."""
        refund = job["context"]["cancellation"]
        with truth.lock:
            seen, balance = truth.read(), truth.cancellable
        body = {"amount": refund["amount"], "tax_free": refund["tax_free_amount"], "balance": balance}
        sealed = b64encode(json.dumps(body).encode()).decode()
        (begun,) = caller.call("begin_attempts", attempts=[named | {"body": sealed, "snapshots": [seen]}])
        decision = begun["decision"]
        if how == "crash_before_send" or decision == "lost":
            return []
        if decision not in ("send", "resend"):
            verdict = "retry" if decision == "blocked" else "done"
            return [named | {"verdict": verdict, "retry_in_seconds": 5, "snapshots": [truth.read()]}]
        if how == "refused":
            truth.refuse(begun["idempotency_key"])
        self.sent += 1
        reply = truth.post_taxed_cancel(
            begun["idempotency_key"],
            json.loads(b64decode(begun["body"])),
            "REQUESTED" if how == "async" else "SUCCEEDED",
        )
        if how == "crash_after_send":
            return []
        return [named | answered(reply, how, begun["attempt_number"]) | {"snapshots": [truth.read()]}]


def answered(reply: Row, how: str, number: int) -> Row:
    """What the worker makes of PortOne's reply."""
    if how == "reply_lost":
        return {
            "verdict": "retry",
            "retry_in_seconds": 5,
            "attempt": {"number": number, "outcome": "unknown"},
        }
    if "error" in reply:
        again = reply["error"] == "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN"
        return {
            "verdict": "retry" if again else "failed",
            "retry_in_seconds": 5,
            "attempt": {"number": number, "outcome": "failed", "code": reply["error"]},
            "error": {"code": reply["error"], "message": "no"},
        }
    outcome = "succeeded" if reply["status"] == "SUCCEEDED" else "requested"
    return {
        "verdict": "done",
        "attempt": {"number": number, "outcome": outcome, "cancellation_id": reply["id"]},
    }


def play(stage: Stage, actors: list[Callable[[], None]], workers: int, owner: Caller) -> None:
    """Everybody at once; then the storm is over, and what waits is run to the end."""
    with ThreadPoolExecutor(len(actors) + workers + 2) as pool:
        try:
            background = [pool.submit(stage.tick), pool.submit(stage.watch)]
            background += [pool.submit(stage.work, f"w{number}") for number in range(workers)]
            for actor in [pool.submit(actor) for actor in actors]:
                actor.result()
            stage.calm.set()
            until = time.monotonic() + 60
            caller = stage.shop.service()
            for payment_id in stage.truths:
                caller.one("request_completion", payment_id=payment_id)
            # the queue first: while it holds a job, a worker may still hand PortOne a refund that waits for the bank
            while owner.rows("select 1 from queue.jobs limit 1") or stage.banks_decide(caller):
                assert time.monotonic() < until, owner.rows("select * from queue.jobs")
                for part in background:
                    assert not part.done(), part.exception()
                time.sleep(0.05)
        finally:
            stage.over.set()
        for part in background:
            part.result()


@pytest.mark.parametrize(("seed", "workers", "crowd"), [(1, 2, 2), (2, 4, 4), (3, 8, 8)])
def test_everybody_at_once(shop: Shop, owner: Caller, seed: int, workers: int, crowd: int) -> None:
    stage = Stage(shop, seed)
    worker = shop.service()
    customers = {}
    for total, tax_free in ((5000, 0), (8000, 3000), (2000, 2000)):
        paid = paid_payment(shop, worker, total, tax_free)
        stage.truths[paid.payment_id] = TaxedTruth(paid.payment_id, total, tax_free=tax_free)
        stage.truths[paid.payment_id].read()
        customers[paid.payment_id] = paid.user_id
    buyer = shop.new_user()
    orders = [shop.new_order(buyer) for _ in range(2)]
    known = shop.user(next(iter(customers.values())))
    shop.setup.run("update public.payments set user_id = %s", next(iter(customers.values())))
    actors: list[Callable[[], None]] = [
        lambda: stage.ask("CANCEL_NOT_ALLOWED", known, False, 20),
        lambda: stage.ask("PAYMENT_NOT_FOUND", shop.user(shop.new_user()), False, 20),
        lambda: stage.disturb(shop.service(), 40 * crowd),
        *(
            lambda number=number: stage.ask(
                f"asker-{number}", shop.admin() if number % 2 else shop.service(), True, 25
            )
            for number in range(crowd)
        ),
        *(
            lambda number=number: stage.pay(
                f"payer-{number}", shop.service() if number % 2 else shop.user(buyer), orders, 8
            )
            for number in range(crowd)
        ),
    ]
    play(stage, actors, workers, owner)

    assert owner.rows(BROKEN) == []
    assert owner.rows("select 1 from queue.dead") == []
    assert owner.rows("select 1 from public.payment_operations where status = 'pending'") == []
    for truth in stage.truths.values():
        check_books(owner, truth)
    live = owner.rows(
        "select order_id, count(*) as n from public.payments where order_id = any(%s) group by 1", orders
    )
    assert [row["n"] for row in live] == [1, 1]
    assert stage.sent > 20
    assert {"ok", "AMOUNT_OUT_OF_RANGE", "CANCEL_NOT_ALLOWED", "PAYMENT_NOT_FOUND"} <= stage.answers
    assert owner.rows("select kind from public.drift_findings where closed_at is null") == []
    assert deadlocks(shop) == 0


def check_books(owner: Caller, truth: TaxedTruth) -> None:
    """Our payment and refunds are PortOne's."""
    row = owner.row("select * from public.payments where payment_id = %s", truth.payment_id)
    assert (row["paid_amount"], row["cancelled_amount"], row["reserved_amount"]) == (
        truth.total,
        truth.cancelled,
        0,
    )
    ours = owner.rows(
        "select cancellation_id as id, upper(status::text) as status, amount, tax_free_amount as tax_free, vat_amount as vat from public.payment_cancellations where payment_id = %s and cancellation_id is not null",
        truth.payment_id,
    )
    theirs = [
        {name: c[name] for name in ("id", "status", "amount", "tax_free", "vat")} for c in truth.cancellations
    ]
    assert sorted(ours, key=lambda c: c["id"]) == sorted(theirs, key=lambda c: c["id"])
    unsent = owner.rows(
        "select status::text from public.payment_cancellations where payment_id = %s and cancellation_id is null",
        truth.payment_id,
    )
    assert {row["status"] for row in unsent} <= {"failed"}
