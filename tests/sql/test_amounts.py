"""Amounts that are none: refused by name wherever one comes in, and nothing is stored."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.sql.shop import (
    Caller,
    Refused,
    Row,
    Shop,
    amounts,
    cancellation,
    claim,
    paid_payment,
    payment_row,
    prepared_payment,
    snapshot,
    sync,
)

WRONG = [
    (-1, "AMOUNT_OUT_OF_RANGE"),
    (-(2**31), "AMOUNT_OUT_OF_RANGE"),
    (2**31, "AMOUNT_OUT_OF_RANGE"),
    (10**30, "AMOUNT_OUT_OF_RANGE"),
    (0.5, "AMOUNT_NOT_WHOLE"),
    ("NaN", "AMOUNT_NOT_WHOLE"),
    ("Infinity", "AMOUNT_OUT_OF_RANGE"),
]
PLACES = ["total", "tax_free", "cancellations.amount", "cancellations.tax_free", "cancellations.vat"]


def refusal(caller: Caller, function: str, /, **arguments: object) -> tuple[int, str, str | None]:
    """Status, code and field of a refusal."""
    with pytest.raises(Refused) as caught:
        caller.call(function, **arguments)
    return caught.value.status, caught.value.code, caught.value.detail.get("field")


def test_in_a_refund(shop: Shop, worker: Caller, owner: Caller) -> None:
    paid = paid_payment(shop, worker, tax_free=300)
    asked: Row = {"payment_id": paid.payment_id, "amount": 100, "tax_free_amount": 0, "reason": "r"}
    for value, code in WRONG:
        for field in ("amount", "tax_free_amount"):
            changed = asked | {field: Decimal(str(value))}
            assert refusal(worker, "request_cancellation", **changed) == (422, code, field)
    assert amounts(owner, paid.payment_id) == (1000, 0, 0, 1000)


def with_wrong(payment_id: str, place: str, value: object) -> Row:
    """A snapshot with this value in this place."""
    made = snapshot(payment_id, "PARTIAL_CANCELLED", cancelled=1, updated_at="2026-11-09T00:00:00Z")
    inner, _, name = place.rpartition(".")
    if inner:
        return made | {"cancellations": [cancellation("c-1", 1) | {name: value}]}
    return made | {name: value}


def test_in_a_snapshot_whoever_brings_it(shop: Shop, worker: Caller, owner: Caller) -> None:
    paid = paid_payment(shop, worker)
    worker.one("request_cancellation", payment_id=paid.payment_id, amount=100, reason="r")
    (job,) = claim(worker)
    before = payment_row(owner, paid.payment_id)
    for place in PLACES:
        for value, code in WRONG:
            snapshots = [with_wrong(paid.payment_id, place, value)]
            element = {"job_id": job["id"], "claim": job["claim"], "snapshots": snapshots}
            expected = (422, code, f"snapshots.{place}")
            assert refusal(worker, "settle_jobs", outcomes=[element | {"verdict": "done"}]) == expected
            assert refusal(worker, "begin_attempts", attempts=[element | {"body": "AAAA"}]) == expected
    assert payment_row(owner, paid.payment_id) == before


def test_in_what_portone_has_cancelled(shop: Shop, worker: Caller) -> None:
    paid = paid_payment(shop, worker)
    worker.one("request_completion", payment_id=paid.payment_id)
    (job,) = claim(worker)
    for value in (-1, 1.5, "NaN", "Infinity", 2**63):
        wrong = snapshot(paid.payment_id, "PARTIAL_CANCELLED") | {"cancelled": value}
        element = {"job_id": job["id"], "claim": job["claim"], "verdict": "done", "snapshots": [wrong]}
        answer = refusal(worker, "settle_jobs", outcomes=[element])
        assert answer == (422, "AMOUNT_OUT_OF_RANGE", "snapshots.cancelled")


def test_in_an_order(shop: Shop, worker: Caller, owner: Caller) -> None:
    owner.run(
        "alter table public.orders drop constraint orders_total_amount_check, drop constraint orders_check"
    )
    user_id = shop.new_user()
    customer = shop.user(user_id)
    for total, tax_free, currency in (
        (0, 0, "KRW"),
        (-5, 0, "KRW"),
        (100, 101, "KRW"),
        (100, -1, "KRW"),
        (100, 0, "WON "),
        (100, 0, ""),
    ):
        order_id = shop.new_order(user_id, total, tax_free, currency)
        asked = refusal(customer, "request_payment", order_id=order_id, pay_method="CARD")
        assert asked == (409, "ORDER_HAS_NO_PRICE", "order_id")
    assert owner.rows("select from public.payments") == []


@pytest.mark.parametrize(
    ("change", "discrepancy"),
    [
        ({"currency": "USD"}, "currency"),
        ({"total": 999}, "amount"),
        ({"total": 2**31 - 1}, "amount"),
        ({"tax_free": 1}, "amount"),
        ({"tax_free": 2000}, "amount"),
    ],
)
def test_what_was_paid_is_compared_with_the_price(
    shop: Shop, worker: Caller, owner: Caller, change: Row, discrepancy: str
) -> None:
    """Another currency or amount is a fact of PortOne's: stored, shown, never fulfilled."""
    paid = prepared_payment(shop, worker)
    sync(worker, paid.payment_id, snapshot(paid.payment_id) | change)
    row = payment_row(owner, paid.payment_id)
    assert row["discrepancies"] == [discrepancy]
    assert row["paid_amount"] == change.get("total", 1000)
    assert owner.row("select status from public.orders")["status"] == "pending"


@pytest.mark.parametrize("total", [1, 2**31 - 1])
def test_the_smallest_and_the_largest_amount_go_all_the_way(
    shop: Shop, worker: Caller, owner: Caller, total: int
) -> None:
    paid = paid_payment(shop, worker, total)
    worker.one("request_cancellation", payment_id=paid.payment_id, amount=total, reason="r")
    assert amounts(owner, paid.payment_id) == (total, 0, total, 0)
    done = snapshot(
        paid.payment_id,
        "CANCELLED",
        total,
        cancelled=total,
        cancellations=[cancellation("c-1", total, trigger="CONSOLE")],
        updated_at="2026-11-09T00:00:00Z",
        status_changed_at="2026-11-09T00:00:00Z",
    )
    (job,) = claim(worker)
    (begun,) = worker.call(
        "begin_attempts",
        attempts=[{"job_id": job["id"], "claim": job["claim"], "body": "AAAA", "snapshots": [done]}],
    )
    assert begun["decision"] == "balance_changed"
    assert amounts(owner, paid.payment_id) == (total, total, 0, 0)
