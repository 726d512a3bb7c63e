"""PortOne says no to a refund and lists it all the same: what it lists is a fact, and nothing is sent a second time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sql.shop import amounts, claim, paid_payment, settle
from tests.sql.test_exactly_one_effect import api_entry, begin, seen, unknown_refund
from tests.sql.test_read_back_decides import undecided

if TYPE_CHECKING:
    from tests.sql.shop import Caller, Row, Shop

BROKEN = "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN"


def refused(worker: Caller, job: Row, verdict: str, code: str, *snapshots: Row) -> None:
    """PortOne's answer to the send of this job was a no."""
    settle(
        worker, job, verdict, retry_in_seconds=0, error={"code": code, "message": "no"},
        attempt={"number": 1, "outcome": "failed", "code": code}, snapshots=list(snapshots),
    )  # fmt: skip


def test_a_repeat_refused_because_the_first_send_was_executed_is_not_followed_by_a_new_one(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    """PortOne may forget a key sooner than it says: then our own refund is what broke the balance."""
    payment_id, operation_id = unknown_refund(shop, worker)
    (job,) = claim(worker)
    assert begin(worker, job)["decision"] == "resend"
    refused(worker, job, "retry", BROKEN, seen(payment_id, api_entry("c1")))
    assert worker.one("get_operation", id=operation_id)["status"] == "succeeded"
    assert claim(worker) == []
    assert amounts(owner, payment_id) == (1000, 300, 0, 700)
    refunds = owner.rows("select cancellation_id, status::text from public.payment_cancellations")
    assert refunds == [{"cancellation_id": "c1", "status": "succeeded"}]


def test_where_the_list_could_not_be_read_then_it_is_before_anything_new_is_sent(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    payment_id, operation_id = unknown_refund(shop, worker)
    (job,) = claim(worker)
    begin(worker, job)
    refused(worker, job, "retry", BROKEN)
    (job,) = claim(worker)
    begun = begin(worker, job, body="bmV3", snapshots=[seen(payment_id, api_entry("c1"))])
    assert (begun["decision"], begun["attempt_number"]) == ("decided", 1)
    assert worker.one("get_operation", id=operation_id)["status"] == "succeeded"
    settle(worker, job, snapshots=[seen(payment_id, api_entry("c1"))])
    assert amounts(owner, payment_id) == (1000, 300, 0, 700)


def test_a_decline_the_list_contradicts_is_no_decline(shop: Shop, worker: Caller, owner: Caller) -> None:
    """PortOne docs: after PG_PROVIDER the payment is read; only an unchanged one proves the failure."""
    paid = paid_payment(shop, worker)
    operation = worker.one("request_cancellation", payment_id=paid.payment_id, amount=300, reason="r")
    (job,) = claim(worker)
    begin(worker, job, body="AAAA")
    entry = api_entry("c1", status="REQUESTED", cancelled_at=None)
    refused(worker, job, "failed", "PG_PROVIDER", seen(paid.payment_id, entry))
    assert worker.one("get_operation", id=operation["id"])["status"] == "pending"
    assert amounts(owner, paid.payment_id) == (1000, 0, 300, 700), "the hold stays while the PG works on it"


def test_a_decline_that_is_listed_as_failed_keeps_the_banks_words(shop: Shop, worker: Caller) -> None:
    paid = paid_payment(shop, worker)
    operation = worker.one("request_cancellation", payment_id=paid.payment_id, amount=300, reason="r")
    (job,) = claim(worker)
    begin(worker, job, body="AAAA")
    entry = api_entry("c1", status="FAILED", cancelled_at=None)
    refused(worker, job, "failed", "PG_PROVIDER", seen(paid.payment_id, entry))
    ended = worker.one("get_operation", id=operation["id"])
    assert (ended["status"], ended["error"]["code"]) == ("failed", "PG_PROVIDER")


@pytest.mark.parametrize(
    "entries",
    [
        [api_entry("c1"), api_entry("c2")],
        [api_entry("c1") | {"requested_at": "2020-01-01T00:00:00Z"}],
        [api_entry("c1", trigger=None)],
    ],
    ids=["one of two", "a clock is off", "no trigger"],
)
def test_what_may_be_ours_is_neither_sent_again_nor_called_failed(
    shop: Shop, worker: Caller, owner: Caller, entries: list[Row]
) -> None:
    payment_id, operation_id = unknown_refund(shop, worker)
    (job,) = claim(worker)
    begin(worker, job)
    state = seen(payment_id, *entries)
    refused(worker, job, "failed", BROKEN, state)
    assert amounts(owner, payment_id)[2] == 300
    for _ in range(3):
        shop.advance(2 * 3600)
        for job in claim(worker):
            assert job["kind"] == "sync_payment", "the job that may send is buried"
            settle(worker, job, snapshots=[state])
    assert worker.one("get_operation", id=operation_id)["status"] == "pending"
    assert amounts(owner, payment_id)[2] == 300
    open_findings = owner.rows("select kind from public.drift_findings where closed_at is null")
    assert "undecided_cancellation" in {row["kind"] for row in open_findings}, "a person decides"


def test_a_first_send_that_portone_refused_by_itself_did_not_happen(shop: Shop, worker: Caller) -> None:
    """Another program of the shop refunded the same amount meanwhile: that is not this refund."""
    paid = paid_payment(shop, worker)
    operation = worker.one("request_cancellation", payment_id=paid.payment_id, amount=300, reason="r")
    (job,) = claim(worker)
    begin(worker, job, body="AAAA")
    refused(worker, job, "retry", BROKEN, seen(paid.payment_id, api_entry("c1")))
    (job,) = claim(worker)
    begun = begin(worker, job, body="bmV3", snapshots=[seen(paid.payment_id, api_entry("c1"))])
    assert (begun["decision"], begun["attempt_number"]) == ("send", 2)
    assert worker.one("get_operation", id=operation["id"])["status"] == "pending"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("create_schedule", "PAYMENT_SCHEDULE_ALREADY_EXISTS"),
        ("create_schedule", "ALREADY_PAID_OR_WAITING"),
        ("charge_billing_key", "ALREADY_PAID"),
    ],
)
def test_what_portone_says_is_there_never_becomes_never_executed(
    shop: Shop, worker: Caller, owner: Caller, kind: str, code: str
) -> None:
    """Nobody else uses the payment id: a list that shows nothing lags behind, and the order stays taken."""
    call = undecided(shop, worker, kind, {"number": 1, "outcome": "unknown", "code": code})
    for _ in range(4):
        shop.advance(2 * 3600)
        for job in claim(worker):
            assert job["kind"] == "sync_payment"
            settle(worker, job, not_found=True, schedule_not_found=True)
    assert worker.one("get_operation", id=call["operation"])["status"] == "pending"
    assert owner.row("select is_live from public.payments where payment_id = %s", call["payment"])["is_live"]
    assert owner.row("select kind from public.drift_findings where closed_at is null") == {
        "kind": "undecided_charge"
    }


def test_a_later_silence_does_not_wipe_out_what_portone_has_said(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    first = {"number": 1, "outcome": "unknown", "code": "PAYMENT_SCHEDULE_ALREADY_EXISTS"}
    undecided(
        shop, worker, "create_schedule", first, {"number": 1, "outcome": "unknown", "code": "PORTONE_TIMEOUT"}
    )
    assert owner.row("select error ->> 'code' as code from private.attempts") == {
        "code": "PAYMENT_SCHEDULE_ALREADY_EXISTS"
    }
