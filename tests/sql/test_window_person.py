"""Law 7 where reading decides nothing: a person is asked, the next send waits, and a later reading or the person closes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sql.shop import amounts
from tests.sql.window_portone import REFUND
from tests.sql.window_walk import BUDGET, KINDS, WINDOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.sql.window_walk import Walk

every_kind = pytest.mark.parametrize("kind", KINDS)

# What stops the next one: the open call itself, or the order that it still takes.
BLOCKED = {
    "cancel_payment": "blocked",
    "confirm_payment": "blocked",
    "charge_billing_key": "ORDER_HAS_OPEN_PAYMENT",
    "create_schedule": "ORDER_HAS_OPEN_PAYMENT",
}


def finding_of(kind: str) -> str:
    """What a person is asked when the call's job has died."""
    return "undecided_cancellation" if kind == "cancel_payment" else "undecided_charge"


def left_to_a_person(call: Walk, *more: str) -> None:
    """The job is dead, nobody claims to know, a finding is open and nothing else is sent."""
    call.expect_undecided()
    assert call.owner.rows("select from queue.jobs where operation_id = %s::uuid", call.asked["id"]) == []
    assert call.findings == {finding_of(call.kind), *more}
    if call.kind == "cancel_payment":
        status = "select status::text from public.payment_cancellations where operation_id = %s::uuid"
        assert call.owner.row(status, call.asked["id"])["status"] == "unknown"
    assert call.next_call() == BLOCKED[call.kind]
    call.expect_undecided()


def by_hand(call: Walk, *cancellation: str) -> str:
    """A person decides."""
    sql = f"select (private.decide_by_hand(%s::uuid, 'support says so'{', %s' * len(cancellation)})).status::text as status"
    return str(call.owner.row(sql, call.asked["id"], *cancellation)["status"])


@every_kind
@pytest.mark.parametrize("how", ["lost reply", "dead worker"])
def test_a_call_whose_time_is_over_stays_unknown_until_a_later_reading_finds_it(
    walk: Callable[[str], Walk], kind: str, how: str
) -> None:
    call = walk(kind)
    if how == "lost reply":
        call.lose_reply()
    else:
        call.send()
    call.run_out_of_time()
    left_to_a_person(call)
    call.shop.advance(120)
    assert call.read_back() == 1, "read back by itself"
    call.expect_happened_once()


@every_kind
def test_a_call_whose_time_is_over_and_that_never_happened_is_known_after_two_readings(
    walk: Callable[[str], Walk], kind: str
) -> None:
    call = walk(kind)
    call.lose_reply(arrives=False)
    call.run_out_of_time()
    left_to_a_person(call)
    call.shop.advance(120)
    assert call.read_back() == 1
    call.expect_undecided()
    call.shop.advance(30)
    assert call.read_back() == 0
    call.shop.advance(32)
    assert call.read_back() == 1, "the second one asked for by the first"
    call.expect_never_happened()
    assert call.portone.sends == []


@every_kind
def test_a_job_that_dies_inside_the_window_is_read_back_only_after_it(
    walk: Callable[[str], Walk], kind: str
) -> None:
    call = walk(kind)
    job = call.send(arrives=False)
    call.end(job, "dead", attempt={"number": 1, "outcome": "unknown"})
    left_to_a_person(call)
    call.until(WINDOW - 60)
    assert call.read_back() == 0
    call.until(WINDOW + 61)
    assert call.read_back() == 1
    call.expect_undecided()
    call.shop.advance(62)
    assert call.read_back() == 1
    call.expect_never_happened()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "cancel_payment"])
def test_what_has_happened_under_its_own_payment_id_needs_no_waiting(
    walk: Callable[[str], Walk], kind: str
) -> None:
    call = walk(kind)
    call.end(call.send(), "dead", attempt={"number": 1, "outcome": "unknown"})
    left_to_a_person(call)
    call.worker.one("request_completion", payment_id=call.payment_id)
    assert call.read_back() == 1
    call.expect_happened_once()


def test_two_cancellations_that_both_fit_are_told_apart_by_a_person(walk: Callable[[str], Walk]) -> None:
    call = walk("cancel_payment")
    call.lose_reply()
    call.portone.look_alike()
    call.until(WINDOW)
    call.read_only()
    assert (call.status, call.findings) == (
        ("pending", None),
        {"ambiguous_cancellation", "undecided_cancellation"},
    )
    assert call.next_call() == "blocked"
    for _ in range(3):
        call.shop.advance(300)
        call.read_back()
    assert call.status == ("pending", None), "reading again does not tell them apart"
    assert by_hand(call, "c-1") == "succeeded"
    assert amounts(call.owner, call.payment_id) == (1000, 2 * REFUND, 0, 1000 - 2 * REFUND)
    assert (call.findings, len(call.portone.effects)) == (set(), 1)
    assert call.next_call() == "send"


@pytest.mark.parametrize("kind", ["charge_billing_key", "confirm_payment"])
def test_a_payment_the_pg_still_holds_is_left_to_a_person_and_followed(
    walk: Callable[[str], Walk], kind: str
) -> None:
    call = walk(kind)
    call.lose_reply()
    call.portone.status = "PAY_PENDING"
    for seconds in (WINDOW, WINDOW + 120, WINDOW + 240):
        call.until(seconds)
        job = call.claim()
        assert call.begin(job)["decision"] == "read_only"
        call.end(job, "retry", **call.portone.reading())
        call.expect_undecided()
    call.run_out_of_time(**call.portone.reading())
    left_to_a_person(call)
    call.portone.status = None
    call.shop.advance(120)
    assert call.read_back() == 1
    call.expect_happened_once()


@every_kind
def test_a_person_who_knows_better_ends_it_and_the_next_one_is_sent(
    walk: Callable[[str], Walk], kind: str
) -> None:
    call = walk(kind)
    call.lose_reply(arrives=False)
    call.run_out_of_time()
    left_to_a_person(call)
    assert by_hand(call) == "failed"
    call.expect_never_happened()


@every_kind
def test_a_call_that_died_stays_with_a_person_for_as_long_as_portone_cannot_be_read(
    walk: Callable[[str], Walk], kind: str
) -> None:
    call = walk(kind)
    call.lose_reply()
    call.run_out_of_time()
    call.until(7 * BUDGET)
    left_to_a_person(call)
