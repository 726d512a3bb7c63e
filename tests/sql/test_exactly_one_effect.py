"""Law 7: the key and the body are stored before the send, an unknown outcome is repeated with the same bytes, and after the window it is decided by reading."""

from __future__ import annotations

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
    settle,
    snapshot,
)

WINDOW = 3 * 3600


def unknown_refund(shop: Shop, worker: Caller, amount: int = 300) -> tuple[str, str]:
    """A refund that was sent and whose answer never came: payment id, operation id."""
    paid = paid_payment(shop, worker)
    operation = worker.one("request_cancellation", payment_id=paid.payment_id, amount=amount, reason="r")
    (job,) = claim(worker)
    begin(worker, job, body="Ym9keQ==")
    settle(worker, job, "retry", retry_in_seconds=0, attempt={"number": 1, "outcome": "unknown"})
    return paid.payment_id, str(operation["id"])


def begin(worker: Caller, job: Row, **extra: object) -> Row:
    """begin_attempts for one job."""
    (begun,) = worker.call("begin_attempts", attempts=[{"job_id": job["id"], "claim": job["claim"], **extra}])
    return begun


def test_the_attempt_is_stored_with_its_exact_body_before_it_is_sent(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    paid = paid_payment(shop, worker)
    worker.one("request_cancellation", payment_id=paid.payment_id, amount=300, reason="r")
    (job,) = claim(worker)
    begun = begin(worker, job, body="Ym9keQ==")
    assert begun["decision"] == "send"
    stored = owner.row("select * from private.attempts")
    assert (
        stored["body"],
        stored["idempotency_key"],
        stored["job_id"],
        stored["claim"],
        stored["outcome"],
    ) == ("Ym9keQ==", begun["idempotency_key"], job["id"], job["claim"], None)
    assert 20 <= len(begun["idempotency_key"]) <= 200
    again = begin(worker, job, body="b3RoZXI=")
    assert (again["decision"], again["body"], again["idempotency_key"]) == (
        "resend",
        "Ym9keQ==",
        begun["idempotency_key"],
    ), "the reply of begin was lost: same bytes"


def test_a_claim_that_was_lost_may_not_send(shop: Shop, worker: Caller, owner: Caller) -> None:
    paid = paid_payment(shop, worker)
    worker.one("request_cancellation", payment_id=paid.payment_id, amount=300, reason="r")
    (stale,) = claim(worker)
    shop.advance(61)
    (fresh,) = claim(worker, name="w2")
    assert fresh["id"] == stale["id"]
    assert begin(worker, stale, body="AAAA")["decision"] == "lost"
    assert owner.row("select count(*) as n from private.attempts")["n"] == 0
    assert begin(worker, fresh, body="AAAA")["decision"] == "send"


def test_an_expired_lease_may_not_send_even_before_anybody_else_claims(shop: Shop, worker: Caller) -> None:
    paid = paid_payment(shop, worker)
    worker.one("request_cancellation", payment_id=paid.payment_id, amount=300, reason="r")
    (stale,) = claim(worker)
    shop.advance(61)
    worker.call("claim_jobs", worker="w2", max=1, lease_seconds=60, after_id=10**9)  # reaps, claims nothing
    assert begin(worker, stale, body="AAAA")["decision"] == "lost"


def test_inside_the_window_an_unknown_outcome_sends_the_stored_bytes_with_the_same_key(
    shop: Shop, worker: Caller
) -> None:
    unknown_refund(shop, worker)
    shop.advance(WINDOW - 600)
    (job,) = claim(worker)
    begun = begin(worker, job)
    assert (begun["decision"], begun["attempt_number"], begun["body"]) == ("resend", 1, "Ym9keQ==")


def test_after_the_window_nothing_is_resent(shop: Shop, worker: Caller) -> None:
    unknown_refund(shop, worker)
    shop.advance(WINDOW + 1)
    (job,) = claim(worker)
    assert begin(worker, job, body="bmV3")["decision"] == "read_only"


def after_window(shop: Shop, worker: Caller) -> Row:
    """The job of the unknown refund, once the window is over."""
    shop.advance(WINDOW + 1)
    (job,) = claim(worker)
    begin(worker, job)
    return job


def seen(payment_id: str, *entries: Row) -> Row:
    """PortOne's list after the window."""
    total = sum(entry["amount"] for entry in entries if entry["status"] == "SUCCEEDED")
    return snapshot(
        payment_id,
        "PARTIAL_CANCELLED" if total else "PAID",
        cancelled=total,
        cancellations=list(entries),
        updated_at="2099-01-01T00:00:00Z",
    )


def api_entry(identifier: str, amount: int = 300, **changes: object) -> Row:
    """An entry that was made over the API after our send."""
    return cancellation(identifier, amount, requested_at="2099-01-01T00:00:00Z", **changes)


def test_after_the_window_exactly_one_fitting_entry_is_ours(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    payment_id, operation_id = unknown_refund(shop, worker)
    job = after_window(shop, worker)
    (answer,) = settle(worker, job, snapshots=[seen(payment_id, api_entry("c-1"))])
    assert answer["operation_status"] == "succeeded"
    assert amounts(owner, payment_id) == (1000, 300, 0, 700)
    refunds = owner.rows(
        "select operation_id::text, cancellation_id, status::text from public.payment_cancellations"
    )
    assert refunds == [{"operation_id": operation_id, "cancellation_id": "c-1", "status": "succeeded"}]


@pytest.mark.parametrize(
    "entry",
    [
        api_entry("c-1", 299),
        api_entry("c-1", trigger="CONSOLE"),
        api_entry("c-1", tax_free=1),
        api_entry("c-1") | {"requested_at": "2020-01-01T00:00:00Z"},
    ],
    ids=["other amount", "other trigger", "other tax-free part", "before the send"],
)
def test_an_entry_that_does_not_fit_is_not_taken_for_ours(
    shop: Shop, worker: Caller, owner: Caller, entry: Row
) -> None:
    payment_id, operation_id = unknown_refund(shop, worker)
    job = after_window(shop, worker)
    settle(worker, job, snapshots=[seen(payment_id, entry)])
    assert worker.one("get_operation", id=operation_id)["status"] == "pending"
    assert (
        owner.row("select operation_id from public.payment_cancellations where cancellation_id = 'c-1'")[
            "operation_id"
        ]
        is None
    )


def test_two_fitting_entries_need_a_person(shop: Shop, worker: Caller, owner: Caller) -> None:
    payment_id, operation_id = unknown_refund(shop, worker)
    job = after_window(shop, worker)
    settle(worker, job, snapshots=[seen(payment_id, api_entry("c-1"), api_entry("c-2"))])
    assert worker.one("get_operation", id=operation_id)["status"] == "pending", (
        "nobody claims to know how it ended"
    )
    assert owner.row("select reason from queue.dead")["reason"] == "cancellation_ambiguous"
    assert {
        row["kind"] for row in owner.rows("select kind from public.drift_findings where closed_at is null")
    } == {"ambiguous_cancellation", "undecided_cancellation"}


def test_no_match_in_two_reads_a_minute_apart_means_it_never_happened(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    payment_id, operation_id = unknown_refund(shop, worker)
    job = after_window(shop, worker)
    settle(worker, job, snapshots=[seen(payment_id)])
    assert amounts(owner, payment_id) == (1000, 0, 300, 700), "one read proves nothing"
    shop.advance(30)
    assert claim(worker) == []
    shop.advance(31)
    (job,) = claim(worker)
    begin(worker, job)
    settle(worker, job, snapshots=[seen(payment_id)])
    ended = worker.one("get_operation", id=operation_id)
    assert (ended["status"], ended["error"]["code"]) == ("failed", "NOT_EXECUTED")
    assert amounts(owner, payment_id) == (1000, 0, 0, 1000)


def test_two_reads_too_close_together_prove_nothing(shop: Shop, worker: Caller, owner: Caller) -> None:
    payment_id, operation_id = unknown_refund(shop, worker)
    for _ in range(2):
        job = after_window(shop, worker)
        settle(worker, job, snapshots=[seen(payment_id)])
        owner.run("update queue.jobs set run_at = created_at")  # somebody is impatient
        shop.advance(-WINDOW + 10)
    assert worker.one("get_operation", id=operation_id)["status"] == "pending"
    assert amounts(owner, payment_id) == (1000, 0, 300, 700)


def test_a_new_attempt_number_only_after_a_definite_failure(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    paid = paid_payment(shop, worker)
    worker.one("request_cancellation", payment_id=paid.payment_id, amount=300, reason="r")
    (job,) = claim(worker)
    first = begin(worker, job, body="AAAA")
    settle(
        worker,
        job,
        "retry",
        retry_in_seconds=0,
        attempt={"number": 1, "outcome": "failed", "code": "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN"},
    )
    (job,) = claim(worker)
    second = begin(worker, job, body="BBBB")
    assert (second["decision"], second["attempt_number"]) == ("send", 2)
    assert second["idempotency_key"] != first["idempotency_key"]


def test_a_refund_that_could_never_be_sent_gives_its_hold_back_when_its_time_is_over(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    paid = paid_payment(shop, worker)
    operation = worker.one("request_cancellation", payment_id=paid.payment_id, amount=300, reason="r")
    shop.advance(5 * 3600)
    (job,) = claim(worker)
    settle(worker, job, "retry", error={"code": "UNREACHABLE", "message": "PortOne does not answer."})
    ended = worker.one("get_operation", id=operation["id"])
    assert (ended["status"], ended["error"]["code"]) == ("failed", "UNREACHABLE")
    assert amounts(owner, paid.payment_id) == (1000, 0, 0, 1000)


def test_an_undecided_refund_whose_time_is_over_keeps_its_hold_and_calls_for_a_person(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    payment_id, operation_id = unknown_refund(shop, worker)
    shop.advance(5 * 3600)
    (job,) = claim(worker)
    settle(worker, job, "retry", error={"code": "UNREACHABLE", "message": "PortOne does not answer."})
    assert amounts(owner, payment_id) == (1000, 0, 300, 700)
    assert worker.one("get_operation", id=operation_id)["status"] == "pending"
    assert (
        owner.row("select kind from public.drift_findings where closed_at is null")["kind"]
        == "undecided_cancellation"
    )
    assert owner.row("select status::text from public.payment_cancellations")["status"] == "unknown"


def test_a_worker_that_calls_an_unsent_refund_done_is_not_believed(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    paid = paid_payment(shop, worker)
    operation = worker.one("request_cancellation", payment_id=paid.payment_id, amount=300, reason="r")
    (job,) = claim(worker)
    settle(worker, job, "done", snapshots=[snapshot(paid.payment_id)])
    assert worker.one("get_operation", id=operation["id"])["status"] == "pending"
    assert owner.row("select state from queue.jobs")["state"] == "backoff"


def test_a_worker_that_calls_an_undecided_refund_failed_is_not_believed(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    payment_id, operation_id = unknown_refund(shop, worker)
    (job,) = claim(worker)
    settle(worker, job, "failed", error={"code": "BUG", "message": "x"}, snapshots=[snapshot(payment_id)])
    assert amounts(owner, payment_id) == (1000, 0, 300, 700)
    assert worker.one("get_operation", id=operation_id)["status"] == "pending"


def test_an_asynchronous_cancellation_ends_when_portone_says_so(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    for word, expected, cancelled in (("SUCCEEDED", "succeeded", 300), ("FAILED", "failed", 0)):
        paid = paid_payment(shop, worker)
        operation = worker.one("request_cancellation", payment_id=paid.payment_id, amount=300, reason="r")
        (job,) = claim(worker)
        begin(worker, job, body="AAAA")
        pending = snapshot(
            paid.payment_id,
            cancellations=[cancellation("c-1", 300, "REQUESTED")],
            updated_at="2026-11-02T00:00:00Z",
        )
        settle(
            worker,
            job,
            attempt={"number": 1, "outcome": "requested", "cancellation_id": "c-1"},
            snapshots=[pending],
        )
        assert worker.one("get_operation", id=operation["id"])["status"] == "pending"
        assert amounts(owner, paid.payment_id) == (1000, 0, 300, 700)
        worker.one("request_completion", payment_id=paid.payment_id)
        (job,) = claim(worker)
        decided = snapshot(
            paid.payment_id,
            "PARTIAL_CANCELLED" if cancelled else "PAID",
            cancelled=cancelled,
            cancellations=[cancellation("c-1", 300, word)],
            updated_at="2026-11-03T00:00:00Z",
            status_changed_at="2026-11-03T00:00:00Z",
        )
        settle(worker, job, snapshots=[decided])
        assert worker.one("get_operation", id=operation["id"])["status"] == expected
        assert amounts(owner, paid.payment_id) == (1000, cancelled, 0, 1000 - cancelled)


def test_bank_details_and_bodies_are_gone_when_the_refund_is_over(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    paid = paid_payment(shop, worker, pay_method="VIRTUAL_ACCOUNT")
    account = {
        "refund_bank": "SHINHAN",
        "refund_account_number": "110123456789",
        "refund_account_holder": "Hong",
    }
    worker.one("request_cancellation", payment_id=paid.payment_id, amount=300, reason="r", **account)
    (job,) = claim(worker)
    assert job["context"]["cancellation"]["refund_account"] == {
        "bank": "SHINHAN",
        "number": "110123456789",
        "holderName": "Hong",
    }
    begin(worker, job, body="AAAA")
    settle(
        worker,
        job,
        attempt={"number": 1, "outcome": "succeeded", "cancellation_id": "c-1"},
        snapshots=[
            snapshot(
                paid.payment_id,
                "PARTIAL_CANCELLED",
                cancelled=300,
                cancellations=[cancellation("c-1", 300)],
                updated_at="2026-11-02T00:00:00Z",
            )
        ],
    )
    assert owner.row("select count(*) as n from private.refund_accounts")["n"] == 0
    assert owner.row("select body from private.attempts")["body"] is None
    everything = owner.rows(
        "select to_jsonb(c)::text as row from public.payment_cancellations as c union all select to_jsonb(o)::text from public.payment_operations as o union all select to_jsonb(f)::text from queue.finished as f"
    )
    assert not [row for row in everything if "110123456789" in row["row"]]
    assert (
        owner.row("select refund_account_masked from public.payment_cancellations")["refund_account_masked"]
        == "********6789"
    )


def test_only_cancel_jobs_may_begin_attempts(shop: Shop, worker: Caller) -> None:
    paid = paid_payment(shop, worker)
    worker.one("request_completion", payment_id=paid.payment_id)
    (job,) = claim(worker)
    with pytest.raises(Refused) as refused:
        begin(worker, job, body="AAAA")
    assert refused.value.code == "JOB_SENDS_NO_MONEY"
