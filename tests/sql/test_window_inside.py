"""Law 7 while PortOne remembers the key: written down before it is sent, repeated with the same bytes, a new key only after a definite no."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sql.window_walk import KINDS, MARGIN, WINDOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.sql.window_walk import Walk

# Seconds after the first send. The clock goes on while a test runs, so "just before the margin" leaves it half a minute.
INSIDE = {"at once": 0, "after an hour": 3600, "just before the margin": WINDOW - MARGIN - 30}

every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
@pytest.mark.parametrize("seconds", INSIDE.values(), ids=INSIDE.keys())
def test_a_lost_reply_is_repeated_with_the_same_bytes_and_key_and_happens_once(
    walk: Callable[[str], Walk], kind: str, seconds: int
) -> None:
    call = walk(kind)
    call.lose_reply()
    call.until(seconds)
    call.lose_reply()
    call.lose_reply()
    assert len(call.portone.sends) == 3
    assert len(set(call.portone.sends)) == 1
    assert len(call.portone.effects) == 1
    call.expect_undecided()


@every_kind
@pytest.mark.parametrize("arrived", [True, False], ids=["after PortOne had it", "before it left"])
def test_a_worker_that_dies_sending_is_followed_by_the_same_bytes_and_key(
    walk: Callable[[str], Walk], kind: str, arrived: bool
) -> None:
    call = walk(kind)
    call.send(arrives=arrived)
    first = call.last_attempt()
    call.die()
    call.send()
    assert call.portone.sends[-1] == (first["idempotency_key"], first["body"])
    assert len(call.portone.effects) == 1
    assert call.last_attempt()["number"] == 1
    call.expect_undecided()


@every_kind
def test_a_claim_that_was_lost_may_not_send(walk: Callable[[str], Walk], kind: str) -> None:
    call = walk(kind)
    stale = call.claim()
    call.die()
    call.worker.call("claim_jobs", worker="w2", max=1, lease_seconds=60, after_id=10**9)
    assert call.begin(stale)["decision"] == "lost", (
        "its lease is over, whether or not somebody else has claimed it"
    )
    fresh = call.claim()
    assert call.begin(stale)["decision"] == "lost"
    assert call.owner.rows("select from private.attempts where payment_id = %s", call.payment_id) == []
    assert call.begin(fresh)["decision"] == "send"
    assert call.begin(stale)["decision"] == "lost", "nor what the other one has written down"


@every_kind
def test_what_was_sent_by_a_worker_that_lost_its_claim_decides_nothing(
    walk: Callable[[str], Walk], kind: str
) -> None:
    call = walk(kind)
    stale = call.send()
    call.die()
    call.claim()
    call.hear(stale, "failed", "PG_PROVIDER")
    call.expect_undecided()


@every_kind
@pytest.mark.parametrize("code", ["IDEMPOTENCY_OUTSTANDING_REQUEST", "UNAUTHORIZED", "FORBIDDEN"])
def test_an_answer_that_says_nothing_about_the_first_send_changes_nothing(
    walk: Callable[[str], Walk], kind: str, code: str
) -> None:
    call = walk(kind)
    call.lose_reply()
    call.hear(call.send(arrives=False), "unknown", code)
    call.expect_undecided()
    call.lose_reply()
    assert len(set(call.portone.sends)) == 1
    assert (len(call.portone.effects), call.last_attempt()["number"]) == (1, 1)


@every_kind
def test_a_new_key_exists_only_after_a_definite_no(walk: Callable[[str], Walk], kind: str) -> None:
    call = walk(kind)
    call.hear(call.send(arrives=False), "failed", "UNAUTHORIZED")
    first = call.last_attempt()
    assert (first["outcome"], first["body"], first["decided_at"] is not None) == ("failed", None, True)
    assert call.status == ("pending", None), "it is tried again"
    call.lose_reply()
    second = call.last_attempt()
    assert (first["number"], second["number"]) == (1, 2)
    assert first["idempotency_key"] != second["idempotency_key"]
    call.lose_reply()
    assert call.portone.sends == [(second["idempotency_key"], second["body"])] * 2
    assert len(call.portone.effects) == 1


@every_kind
def test_a_job_that_dies_after_a_definite_no_leaves_nothing_open(
    walk: Callable[[str], Walk], kind: str
) -> None:
    call = walk(kind)
    call.hear(call.send(arrives=False), "failed", "UNAUTHORIZED")
    call.end(call.claim(), "dead", error={"code": "UNREACHABLE", "message": "x"})
    call.expect_never_happened("UNREACHABLE")


@every_kind
def test_a_second_no_cannot_overrule_what_has_been_decided(walk: Callable[[str], Walk], kind: str) -> None:
    call = walk(kind)
    job = call.send()
    call.hear(job, "succeeded", cancellation_id="c-1" if kind == "cancel_payment" else None)
    call.hear(call.claim(), "failed", "PG_PROVIDER")
    assert call.last_attempt()["outcome"] in ("succeeded", "requested")
    assert call.status[0] == "pending"
    assert call.begin(call.claim())["decision"] == "decided", "PortOne said yes: nothing is sent again"


@every_kind
def test_the_window_counts_from_the_first_send_however_often_it_is_repeated(
    walk: Callable[[str], Walk], kind: str
) -> None:
    call = walk(kind)
    call.lose_reply(arrives=False)
    call.until(WINDOW - MARGIN - 30)
    call.lose_reply(arrives=False)
    call.until(WINDOW - MARGIN)
    call.read_only()
    assert call.portone.sends == []
    call.expect_undecided()
