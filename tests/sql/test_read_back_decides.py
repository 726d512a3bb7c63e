"""A call nobody could decide is decided by the next reading of its payment: operation, finding, dead job, hold and order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.sql.cards import begin, saved_card
from tests.sql.shop import (
    amounts,
    cancellation,
    claim,
    paid_payment,
    payment_row,
    prepared_payment,
    settle,
    snapshot,
)
from tests.sql.test_schedules import in_days, schedule_snapshot

if TYPE_CHECKING:
    from tests.sql.shop import Caller, Row, Shop

WINDOW = 3 * 3600
UNREADABLE = {"code": "SEALED_BODY_MISSING", "message": "The stored request cannot be opened."}


def undecided(shop: Shop, worker: Caller, kind: str, *answers: Row) -> Row:
    """A call that was sent, got these answers or none, and whose job has died. Its operation and payment."""
    if kind == "confirm_payment":
        paid = prepared_payment(shop, worker)
        operation = shop.user(paid.user_id).one(
            "request_confirmation", payment_id=paid.payment_id, payment_token="token"
        )
    elif kind == "cancel_payment":
        paid = paid_payment(shop, worker)
        operation = worker.one("request_cancellation", payment_id=paid.payment_id, amount=300, reason="r")
    else:
        user_id = shop.new_user()
        ask: dict[str, Any] = {
            "order_id": shop.new_order(user_id),
            "billing_key_id": saved_card(shop, worker, user_id, f"key-{user_id}"),
        }
        if kind == "create_schedule":
            operation = shop.user(user_id).one("request_schedule", **ask, time_to_pay=in_days(7))
        else:
            operation = shop.user(user_id).one("request_billing_payment", **ask)
    (job,) = claim(worker)
    assert begin(worker, job)["decision"] == "send"
    *earlier, last = answers or ({"number": 1, "outcome": "unknown"},)
    for answer in earlier:
        settle(worker, job, "retry", retry_in_seconds=0, attempt=answer)
        (job,) = claim(worker)
    settle(worker, job, "dead", attempt=last, error=UNREADABLE)
    return {"operation": operation["id"], "payment": job["payload"]["payment_id"], "job": job}


def read(worker: Caller, call: Row, *snapshots: Row, **outcome: Any) -> None:
    """Has the payment read back now."""
    worker.one("request_completion", payment_id=call["payment"])
    (job,) = claim(worker)
    assert (job["kind"], job["payload"]["payment_id"]) == ("sync_payment", call["payment"])
    settle(worker, job, snapshots=list(snapshots), **outcome)


def absent(worker: Caller, call: Row) -> None:
    """PortOne knows neither the payment nor a schedule for it."""
    read(worker, call, not_found=True, schedule_not_found=True)


def ended(worker: Caller, call: Row) -> tuple[str, str | None]:
    """How the operation stands, and its error's code."""
    row = worker.one("get_operation", id=call["operation"])
    return row["status"], (row["error"] or {}).get("code")


def findings(owner: Caller) -> list[tuple[str, str | None]]:
    """Kind and how each finding was closed."""
    rows = owner.rows("select kind, closed_how from public.drift_findings order by id")
    return [(row["kind"], row["closed_how"]) for row in rows]


def left_dead(owner: Caller) -> int:
    """Dead jobs somebody still has to look at."""
    return int(owner.row("select count(*) as n from queue.dead where resolved_at is null")["n"])


CALLS = ["charge_billing_key", "confirm_payment", "create_schedule"]


@pytest.mark.parametrize("kind", CALLS)
def test_a_payment_read_as_paid_ends_the_call_that_made_it(
    shop: Shop, worker: Caller, owner: Caller, kind: str
) -> None:
    call = undecided(shop, worker, kind)
    assert (ended(worker, call), findings(owner), left_dead(owner)) == (
        ("pending", None),
        [("undecided_charge", None)],
        1,
    )
    read(worker, call, snapshot(call["payment"]))  # inside the window too: paid is paid
    assert ended(worker, call) == ("succeeded", None)
    assert findings(owner) == [("undecided_charge", "succeeded")]
    assert left_dead(owner) == 0
    row = worker.one("get_operation", id=call["operation"])
    assert (row["payment_id"], row["result"]["paymentId"]) == (call["payment"], call["payment"])
    attempt = owner.row("select body, outcome, decided_at is not null as decided from private.attempts")
    assert attempt == {"body": None, "outcome": "succeeded", "decided": True}
    assert owner.row("select count(*) as n from private.payment_tokens")["n"] == 0


@pytest.mark.parametrize("kind", CALLS)
def test_nothing_there_in_two_reads_a_minute_apart_after_the_window_means_it_never_happened(
    shop: Shop, worker: Caller, owner: Caller, kind: str
) -> None:
    call = undecided(shop, worker, kind)
    absent(worker, call)
    absent(worker, call)
    assert ended(worker, call) == ("pending", None), "inside the window it may still be under way"
    shop.advance(WINDOW + 1)
    absent(worker, call)
    shop.advance(30)
    absent(worker, call)
    assert ended(worker, call) == ("pending", None), "two reads too close together prove nothing"
    shop.advance(31)
    (job,) = claim(worker)  # asked for by itself: the second read was scheduled by the first
    assert job["kind"] == "sync_payment"
    settle(worker, job, not_found=True, schedule_not_found=True)
    assert ended(worker, call) == ("failed", "NOT_EXECUTED")
    assert findings(owner) == [("undecided_charge", "failed: NOT_EXECUTED")]
    assert left_dead(owner) == 0
    if kind != "confirm_payment":
        assert payment_row(owner, call["payment"])["is_live"] is False, "the order is free"


@pytest.mark.parametrize("kind", CALLS)
def test_a_read_leaves_a_call_alone_whose_job_lives_again(
    shop: Shop, worker: Caller, owner: Caller, kind: str
) -> None:
    """Somebody has put the dead job back while the payment was being read: it waits its turn, and decides by itself."""
    call = undecided(shop, worker, kind)
    worker.one("request_completion", payment_id=call["payment"])
    (reading,) = claim(worker)
    worker.rows(
        "select * from public.requeue_jobs(array[%s::bigint], reason => %s, actor => %s)",
        call["job"]["id"],
        "the key is back",
        "ada",
    )
    settle(worker, reading, snapshots=[snapshot(call["payment"])])
    assert ended(worker, call) == ("pending", None)
    (job,) = claim(worker)
    assert (job["kind"], job["operation_id"]) == (kind, call["operation"])
    assert begin(worker, job)["decision"] == "decided"
    settle(worker, job, snapshots=[snapshot(call["payment"])])
    assert ended(worker, call) == ("succeeded", None)


def test_a_dead_call_is_read_back_by_itself_when_the_window_is_over(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    call = undecided(shop, worker, "charge_billing_key")
    shop.advance(WINDOW - 60)
    assert claim(worker) == []
    for _ in range(2):
        shop.advance(130)
        (job,) = claim(worker)
        settle(worker, job, not_found=True)
    assert ended(worker, call) == ("failed", "NOT_EXECUTED")
    assert claim(worker) == []


def test_a_payment_read_as_failed_after_the_window_ends_the_charge_with_the_pgs_words(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    call = undecided(shop, worker, "charge_billing_key")
    failed = snapshot(call["payment"], "FAILED", failure={"pg_code": "LIMIT", "pg_message": "over the limit"})
    read(worker, call, failed)
    assert ended(worker, call) == ("pending", None)
    shop.advance(WINDOW + 1)
    read(worker, call, failed)
    assert ended(worker, call) == ("failed", "PG_PROVIDER")
    assert worker.one("get_operation", id=call["operation"])["error"]["pg_code"] == "LIMIT"
    assert findings(owner) == [("undecided_charge", "failed: PG_PROVIDER")]


def test_a_confirmation_portone_still_waits_for_was_not_executed(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    call = undecided(shop, worker, "confirm_payment")
    shop.advance(WINDOW + 1)
    read(worker, call, snapshot(call["payment"], "READY"))
    assert ended(worker, call) == ("pending", None)
    shop.advance(61)
    read_due = claim(worker)
    assert len(read_due) == 1
    settle(worker, read_due[0], snapshots=[snapshot(call["payment"], "READY")])
    assert ended(worker, call) == ("failed", "NOT_EXECUTED")
    assert payment_row(owner, call["payment"])["status"] == "ready", "the window can be used again"


def test_what_portone_cannot_say_yet_is_left_to_a_person(shop: Shop, worker: Caller, owner: Caller) -> None:
    call = undecided(shop, worker, "charge_billing_key")
    shop.advance(WINDOW + 1)
    for _ in range(3):
        read(worker, call, snapshot(call["payment"], "PAY_PENDING"))
        shop.advance(120)
        for job in claim(worker):
            settle(worker, job, snapshots=[snapshot(call["payment"], "PAY_PENDING")])
    assert ended(worker, call) == ("pending", None)
    assert findings(owner) == [("undecided_charge", None)]


def test_a_call_portone_accepted_is_never_called_unexecuted_by_a_read(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    user_id = shop.new_user()
    operation = shop.user(user_id).one(
        "request_billing_payment",
        order_id=shop.new_order(user_id),
        billing_key_id=saved_card(shop, worker, user_id),
    )
    (job,) = claim(worker)
    begin(worker, job)
    settle(worker, job, "dead", attempt={"number": 1, "outcome": "succeeded"}, error=UNREADABLE)
    call = {"operation": operation["id"], "payment": job["payload"]["payment_id"]}
    shop.advance(WINDOW + 1)
    for _ in range(3):
        absent(worker, call)
        shop.advance(120)
        for due in claim(worker):
            settle(worker, due, not_found=True)
    read(worker, call, snapshot(call["payment"], "FAILED"))
    assert ended(worker, call) == ("pending", None), "neither by silence nor by a word against its own"
    read(worker, call, snapshot(call["payment"]))
    assert ended(worker, call) == ("succeeded", None)
    assert findings(owner) == [("undecided_charge", "succeeded")]


def test_a_schedule_found_at_portone_was_taken(shop: Shop, worker: Caller, owner: Caller) -> None:
    call = undecided(shop, worker, "create_schedule")
    worker.one("request_completion", payment_id=call["payment"])
    (job,) = claim(worker)
    assert job["context"]["billing_key"]["billing_key"].startswith("key-"), (
        "its id was lost: it is looked for by its card"
    )
    settle(worker, job, not_found=True, schedules=[schedule_snapshot(call["job"])])
    assert ended(worker, call) == ("succeeded", None)
    row = owner.row("select status::text, schedule_id from public.payment_schedules")
    assert row == {"status": "scheduled", "schedule_id": f"schedule-of-{call['payment']}"}
    assert payment_row(owner, call["payment"])["status"] == "ready"


def test_revoking_a_schedule_nobody_knows_of_decides_it_first(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    call = undecided(shop, worker, "create_schedule")
    schedule = owner.row("select id::text, user_id::text from public.payment_schedules")
    user = shop.user(schedule["user_id"])
    revocation = user.one("revoke_schedule", id=schedule["id"])
    shop.advance(WINDOW + 1)
    for _ in range(2):
        (job,) = [job for job in claim(worker) if job["kind"] == "revoke_schedule"]
        settle(worker, job, "retry", retry_in_seconds=61, schedule_not_found=True)
        shop.advance(62)
    assert ended(worker, call) == ("failed", "NOT_EXECUTED")
    gone = user.one("get_operation", id=revocation["id"])
    assert (gone["status"], gone["error"]["code"]) == ("failed", "PAYMENT_SCHEDULE_FAILED")


def test_a_dead_refund_is_decided_by_a_read_in_either_way(shop: Shop, worker: Caller, owner: Caller) -> None:
    entry = cancellation("c-1", 300, requested_at="2099-01-01T00:00:00Z")
    found = {"cancelled": 300, "cancellations": [entry], "updated_at": "2099-01-01T00:00:00Z"}
    for listed, expected in (
        (found, ("succeeded", None)),
        ({"updated_at": "2099-01-01T00:00:00Z"}, ("failed", "NOT_EXECUTED")),
    ):
        call = undecided(shop, worker, "cancel_payment")
        assert amounts(owner, call["payment"])[2] == 300
        shop.advance(WINDOW + 61)
        seen = snapshot(call["payment"], "PARTIAL_CANCELLED" if "cancelled" in listed else "PAID", **listed)
        for job in claim(worker):
            settle(worker, job, snapshots=[seen])
        shop.advance(62)
        for job in claim(worker):
            settle(worker, job, snapshots=[seen])
        assert ended(worker, call) == expected
        assert amounts(owner, call["payment"])[2] == 0, "the hold is gone"
        assert left_dead(owner) == 0
    assert {how for _, how in findings(owner)} == {"succeeded", "failed"}


def test_while_a_call_is_undecided_no_other_is_sent_and_then_it_is(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    call = undecided(shop, worker, "confirm_payment")
    user_id = payment_row(owner, call["payment"])["user_id"]
    shop.user(str(user_id)).one("request_confirmation", payment_id=call["payment"], payment_token="again")
    (job,) = claim(worker)
    assert begin(worker, job)["decision"] == "blocked"
    settle(worker, job, "retry", retry_in_seconds=0, counts_as_failure=False)
    owner.run("update private.attempts set outcome = 'failed', decided_at = now()")
    (job,) = claim(worker)
    assert begin(worker, job)["decision"] == "send"
