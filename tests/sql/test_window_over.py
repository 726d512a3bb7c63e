"""Law 7 once PortOne has forgotten the key: never sent again; what PortOne shows decides, and one look at nothing proves nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sql.window_walk import BUDGET, KINDS, MARGIN, WINDOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.sql.window_walk import Walk

every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
@pytest.mark.parametrize("seconds", [WINDOW, 2 * WINDOW, 24 * WINDOW], ids=["3 h", "6 h", "3 days"])
def test_what_happened_is_found_and_succeeds_once(
    walk: Callable[[str], Walk], kind: str, seconds: int
) -> None:
    call = walk(kind)
    call.lose_reply()
    call.until(seconds)
    call.read_only()
    assert len(call.portone.sends) == 1
    call.expect_happened_once()


@every_kind
def test_what_a_dead_worker_did_is_found_too(walk: Callable[[str], Walk], kind: str) -> None:
    call = walk(kind)
    call.send()
    call.until(WINDOW)
    call.read_only()
    call.expect_happened_once()


@every_kind
@pytest.mark.parametrize("seconds", [WINDOW, BUDGET + 3600], ids=["3 h", "when its time is over already"])
def test_what_never_happened_is_known_after_two_looks_a_minute_apart(
    walk: Callable[[str], Walk], kind: str, seconds: int
) -> None:
    call = walk(kind)
    call.lose_reply(arrives=False)
    call.until(seconds)
    call.read_only()
    call.expect_undecided()
    call.shop.advance(61)
    call.read_only()
    call.expect_never_happened()


@every_kind
def test_two_looks_less_than_a_minute_apart_are_one(walk: Callable[[str], Walk], kind: str) -> None:
    call = walk(kind)
    call.lose_reply(arrives=False)
    call.until(WINDOW)
    for _ in range(2):
        call.read_only()
        call.expect_undecided()
        call.owner.run("update queue.jobs set run_at = created_at where operation_id = %s", call.asked["id"])
        call.shop.advance(40)
    call.read_only()  # more than a minute after the first: looks in between do not put it off
    call.expect_never_happened()


@every_kind
def test_no_look_before_the_window_is_over_counts(walk: Callable[[str], Walk], kind: str) -> None:
    call = walk(kind)
    call.lose_reply(arrives=False)
    for seconds in (WINDOW - MARGIN, WINDOW - MARGIN + 100, WINDOW - 90, WINDOW):
        call.until(seconds)
        call.read_only()
        call.expect_undecided()
    call.shop.advance(61)
    call.read_only()
    call.expect_never_happened()


def test_two_looks_at_nothing_with_a_payment_under_way_between_them_are_not_two_in_a_row(
    walk: Callable[[str], Walk],
) -> None:
    call = walk("charge_billing_key")
    call.lose_reply(arrives=False)
    call.until(WINDOW)
    for shown, pause in ((None, 61), ("PAY_PENDING", 66), (None, 61)):
        call.portone.status = shown
        call.read_only()
        assert call.status == ("pending", None)
        call.shop.advance(pause)
    call.read_only()
    assert (call.status, call.portone.effects) == (("failed", "NOT_EXECUTED"), [])


def test_a_refund_portone_carries_out_later_is_found_and_followed(walk: Callable[[str], Walk]) -> None:
    call = walk("cancel_payment")
    call.lose_reply()
    call.portone.listed_as = "REQUESTED"
    call.until(WINDOW)
    call.read_only()
    call.expect_kept()
    last = call.last_attempt()
    assert (last["outcome"], last["body"], last["decided_at"] is not None) == ("requested", None, True)
    call.portone.listed_as = "SUCCEEDED"
    call.worker.one("request_completion", payment_id=call.payment_id)
    assert call.read_back() == 1
    call.expect_happened_once()


def test_an_entry_that_fits_is_not_called_ours_before_the_window_is_over(walk: Callable[[str], Walk]) -> None:
    call = walk("cancel_payment")
    call.lose_reply()
    call.until(WINDOW - MARGIN)
    call.read_only()
    call.expect_undecided()
    call.until(WINDOW)
    call.read_only()
    call.expect_happened_once()


def test_a_failed_payment_is_not_called_ours_before_the_window_is_over(walk: Callable[[str], Walk]) -> None:
    call = walk("charge_billing_key")
    call.lose_reply(arrives=False)
    call.portone.status = "FAILED"
    call.until(WINDOW - MARGIN)
    call.read_only()
    assert call.status == ("pending", None)
    call.until(WINDOW)
    call.read_only()
    call.expect_never_happened("PG_PROVIDER")


@every_kind
def test_what_shows_up_at_the_second_look_has_happened(walk: Callable[[str], Walk], kind: str) -> None:
    call = walk(kind)
    call.lose_reply()
    did, call.portone.effects = call.portone.effects, []
    call.until(WINDOW)
    call.read_only()
    call.expect_undecided()
    call.portone.effects = did
    call.shop.advance(61)
    call.read_only()
    call.expect_happened_once()


@every_kind
def test_a_look_that_failed_is_not_a_look_at_nothing(walk: Callable[[str], Walk], kind: str) -> None:
    call = walk(kind)
    call.lose_reply(arrives=False)
    for passed in range(3):
        call.until(WINDOW + 120 * passed)
        job = call.claim()
        assert call.begin(job)["decision"] == "read_only"
        call.hear(job, "unknown", "PORTONE_UNAVAILABLE")
    call.expect_undecided()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "cancel_payment"])
def test_portones_yes_is_not_taken_back_by_any_number_of_looks_at_nothing(
    walk: Callable[[str], Walk], kind: str
) -> None:
    call = walk(kind)
    call.hear(call.send(), "succeeded")
    did, call.portone.effects = call.portone.effects, []
    for passed in range(3):
        call.until(WINDOW + 120 * passed)
        job = call.claim()
        assert call.begin(job)["decision"] == "decided"
        call.end(job, "retry", **call.portone.reading())
        assert call.status == ("pending", None)
        call.expect_kept()
    call.until(BUDGET + 60)
    call.end(call.claim(), "retry", **call.portone.reading())
    assert (call.status, call.findings) == (("pending", None), {"undecided_charge"})
    call.expect_kept()
    call.portone.effects = did
    call.shop.advance(120)
    assert call.read_back() == 1
    call.expect_happened_once()


def test_a_refund_portone_took_without_naming_it_holds_its_amount_and_the_next_until_it_is_listed(
    walk: Callable[[str], Walk],
) -> None:
    call = walk("cancel_payment")
    call.hear(call.send(), "requested")
    did, call.portone.effects = call.portone.effects, []
    call.end(call.claim(), "dead")
    assert call.findings == {"undecided_cancellation"}
    assert call.next_call() == "blocked", "it could not be told apart from the next one"
    for passed in range(1, 4):
        call.until(WINDOW + 61 * passed)
        call.read_back()
        assert call.status == ("pending", None)
        call.expect_kept()
    call.portone.effects = did
    call.worker.one("request_completion", payment_id=call.payment_id)
    assert call.read_back() == 1
    call.expect_happened_once()
