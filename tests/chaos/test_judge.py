"""The checker itself, on fabricated books: each kind of wrong is found, and equal books are not."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.chaos.books import Ours, Theirs
from sandbox.chaos.judge import Verdict, judge
from sandbox.chaos.ledger import Ask

if TYPE_CHECKING:
    from collections.abc import Callable

ACKNOWLEDGED = {("wh-1", "digest"): 2}


def refunded(identifier: str, reason: str, amount: int) -> dict[str, Any]:
    """A cancellation as PortOne prints it."""
    return {"id": identifier, "reason": reason, "totalAmount": amount, "status": "SUCCEEDED"}


class World:
    """Equal books: one payment of 10,000, 3,000 of it refunded, a card, a schedule; nothing open."""

    def __init__(self) -> None:
        self.asks = [
            Ask("prepare_payment", "lamp", operation_id="op-1"),
            Ask("cancel_payment", "refund 1", operation_id="op-2"),
            Ask("create_schedule", "lamp later", operation_id="op-3"),
            Ask("delete_billing_key", "issue-1", operation_id="op-4"),
            Ask("cancel_payment", "refund 2", ("BALANCE_CHANGED",), operation_id="op-5"),
        ]
        done = {"status": "succeeded", "error": None}
        overtaken = {"status": "failed", "error": {"code": "BALANCE_CHANGED"}}
        # PortOne's webhook of another payment never reached anybody, and it is known to be missing.
        self.withheld = [("Transaction.Paid", "pay-2")]
        self.theirs = Theirs(
            payments={
                "pay-1": {
                    "id": "pay-1", "orderName": "lamp", "status": "PARTIAL_CANCELLED", "transactionId": "tx-1",
                    "amount": {"total": 10_000, "cancelled": 3_000},
                    "cancellations": [refunded("c-1", "refund 1", 3_000)],
                }
            },
            billing_keys={"issue-1": {"status": "DELETED"}},
            schedules={"s-1": {"orderName": "lamp later", "status": "SCHEDULED", "paymentId": "pay-2"}},
        )  # fmt: skip
        self.ours = Ours(
            operations={**{f"op-{n}": done for n in range(1, 5)}, "op-5": overtaken},
            payments={
                "pay-1": {
                    "payment_id": "pay-1", "order_id": "order-1", "status": "partial_cancelled",
                    "provider_transaction_id": "tx-1", "paid_amount": 10_000, "cancelled_amount": 3_000,
                    "reserved_amount": 0, "cancellable_amount": 7_000, "discrepancies": [],
                }
            },
            cancellations=[{"payment_id": "pay-1", "cancellation_id": "c-1", "amount": 3_000, "status": "succeeded"}],
            billing_keys={"issue-1": {"deleted_at": "2026-01-01"}},
            schedules=[{"schedule_id": "s-1", "payment_id": "pay-2", "status": "scheduled"}],
            settled=Counter({"order-1": 1}),
            webhooks=Counter({("wh-1", "digest"): 2}),
            overdue={("pay-2", "Transaction.Paid"): True},
            arrived={("pay-1", "Transaction.Paid")},
            learned={("pay-1", "Transaction.Paid"), ("pay-2", "Transaction.Paid")},
        )  # fmt: skip

    def judged(self) -> Verdict:
        """The verdict over these books."""
        return judge(self.asks, ACKNOWLEDGED, self.ours, self.theirs, self.withheld)


def test_equal_books_are_clean_and_their_effects_are_counted() -> None:
    verdict = World().judged()
    assert verdict == Verdict(effects=4), "one payment, one refund, one schedule, one deleted card"
    assert verdict.clean


def second_refund(world: World) -> None:
    world.theirs.payments["pay-1"]["cancellations"].append(refunded("c-2", "refund 1", 3_000))


def second_payment(world: World) -> None:
    world.theirs.payments["pay-9"] = {
        **deepcopy(world.theirs.payments["pay-1"]),
        "id": "pay-9",
        "cancellations": [],
    }


def second_schedule(world: World) -> None:
    world.theirs.schedules["s-2"] = deepcopy(world.theirs.schedules["s-1"])


def fulfilled_twice(world: World) -> None:
    world.ours.settled["order-1"] = 2


def refunded_though_nobody_asked(world: World) -> None:
    entry = refunded("c-2", "refund", 1_000) | {"trigger": "API"}
    world.theirs.payments["pay-1"]["cancellations"].append(entry)
    world.ours.cancellations.append(
        {"payment_id": "pay-1", "cancellation_id": "c-2", "amount": 1_000, "status": "succeeded"}
    )


def fulfilled_without_payment(world: World) -> None:
    world.ours.settled["order-9"] = 1


def fulfilled_in_spite_of_a_discrepancy(world: World) -> None:
    world.ours.payments["pay-1"]["discrepancies"] = ["amount"]


def paid_only_here(world: World) -> None:
    world.ours.payments["pay-8"] = world.ours.payments["pay-1"] | {"payment_id": "pay-8"}


def webhook_gone(world: World) -> None:
    world.ours.webhooks[("wh-1", "digest")] = 1


def webhook_with_another_body(world: World) -> None:
    world.ours.webhooks = Counter({("wh-1", "another"): 2})


def operation_gone(world: World) -> None:
    del world.ours.operations["op-2"]


def never_accepted(world: World) -> None:
    world.asks[0].operation_id, world.asks[0].refused = None, "HTTP 503"


def said_done_and_was_not(world: World) -> None:
    world.theirs.payments["pay-1"]["cancellations"] = []


def failed_without_a_reason(world: World) -> None:
    world.ours.operations["op-1"] = {"status": "failed", "error": {"code": "INTERNAL_ERROR"}}


def failed_and_was_executed(world: World) -> None:
    world.theirs.payments["pay-1"]["cancellations"].append(refunded("c-2", "refund 2", 1_000))


def other_amount(world: World) -> None:
    world.ours.payments["pay-1"]["cancelled_amount"] = 2_000


def other_status(world: World) -> None:
    world.ours.payments["pay-1"]["status"] = "paid"


def payment_missing_here(world: World) -> None:
    del world.ours.payments["pay-1"]


def never_fulfilled(world: World) -> None:
    world.ours.settled.clear()


def schedule_missing_here(world: World) -> None:
    world.ours.schedules.clear()


def schedule_only_here(world: World) -> None:
    world.theirs.schedules.clear()


def card_still_here(world: World) -> None:
    world.ours.billing_keys["issue-1"]["deleted_at"] = None


def still_open(world: World) -> None:
    world.ours.open.append("job 1 cancel_payment backoff")


def nobody_noticed(world: World) -> None:
    world.ours.overdue.clear()


def said_to_be_missing_and_was_delivered(world: World) -> None:
    world.ours.overdue["pay-1", "Transaction.Paid"] = True


@pytest.mark.parametrize(
    ("break_it", "found"),
    [
        (second_refund, "double_effects"),
        (second_payment, "double_effects"),
        (second_schedule, "double_effects"),
        (fulfilled_twice, "double_effects"),
        (refunded_though_nobody_asked, "double_effects"),
        (fulfilled_without_payment, "diverged"),
        (fulfilled_in_spite_of_a_discrepancy, "diverged"),
        (paid_only_here, "diverged"),
        (webhook_gone, "lost"),
        (webhook_with_another_body, "lost"),
        (operation_gone, "lost"),
        (never_accepted, "lost"),
        (said_done_and_was_not, "lost"),
        (failed_without_a_reason, "lost"),
        (failed_and_was_executed, "diverged"),
        (other_amount, "diverged"),
        (other_status, "diverged"),
        (payment_missing_here, "diverged"),
        (never_fulfilled, "diverged"),
        (schedule_missing_here, "diverged"),
        (schedule_only_here, "diverged"),
        (card_still_here, "diverged"),
        (still_open, "stuck"),
        (nobody_noticed, "lost"),
        (said_to_be_missing_and_was_delivered, "stuck"),
    ],
)
def test_each_kind_of_wrong_is_found(break_it: Callable[[World], None], found: str) -> None:
    world = World()
    break_it(world)
    verdict = world.judged()
    assert getattr(verdict, found), f"{break_it.__name__} was not called {found}: {verdict}"
    assert not verdict.clean
