"""Charges in the future: made once, learned by their payment's state, taken back before they run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.sql.cards import begin, saved_card
from tests.sql.shop import claim, payment_row, settle, snapshot
from tests.sql.test_bad_input import refusal

if TYPE_CHECKING:
    from tests.sql.shop import Caller, Row, Shop


def in_days(days: float) -> datetime:
    """A time from now."""
    return datetime.now(UTC) + timedelta(days=days)


def schedule_snapshot(job: Row, status: str = "SCHEDULED") -> Row:
    """PortOne's schedule."""
    return {
        "schedule_id": f"schedule-of-{job['payload']['payment_id']}",
        "payment_id": job["payload"]["payment_id"],
        "status": status,
        "time_to_pay": "2027-01-01T00:00:00Z",
        "revoked_at": None,
    }


def scheduled(shop: Shop, worker: Caller) -> tuple[str, str, Row]:
    """A schedule PortOne has taken: user, its id, the payment's row as claimed."""
    user_id = shop.new_user()
    card_id = saved_card(shop, worker, user_id, f"key-{user_id}")
    operation = shop.user(user_id).one(
        "request_schedule", order_id=shop.new_order(user_id), billing_key_id=card_id, time_to_pay=in_days(7)
    )
    (job,) = claim(worker)
    assert begin(worker, job)["decision"] == "send"
    settle(worker, job, attempt={"number": 1, "outcome": "succeeded"}, schedules=[schedule_snapshot(job)])
    result = worker.one("get_operation", id=operation["id"])["result"]
    assert result["status"] == "scheduled"
    return user_id, result["scheduleId"], job


def status(owner: Caller, schedule_id: str) -> str:
    """How the schedule stands."""
    return str(
        owner.row("select status::text from public.payment_schedules where id = %s::uuid", schedule_id)[
            "status"
        ]
    )


def test_a_schedule_is_made_and_its_outcome_is_asked_for_when_no_webhook_comes(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    _, schedule_id, job = scheduled(shop, worker)
    payment_id = job["payload"]["payment_id"]
    assert payment_row(owner, payment_id)["status"] == "ready"
    assert claim(worker) == []
    shop.advance(7 * 86400 + 700)
    (due,) = claim(worker)
    assert (due["kind"], due["payload"]["payment_id"]) == ("sync_payment", payment_id)
    settle(worker, due, snapshots=[snapshot(payment_id)])
    assert status(owner, schedule_id) == "succeeded"
    assert payment_row(owner, payment_id)["status"] == "paid"


def test_a_schedule_that_failed_says_so_and_frees_the_order(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    _, schedule_id, job = scheduled(shop, worker)
    payment_id = job["payload"]["payment_id"]
    worker.one("request_completion", payment_id=payment_id)
    (read,) = claim(worker)
    settle(worker, read, snapshots=[snapshot(payment_id, "FAILED", failure={"pg_code": "LIMIT"})])
    row = owner.row(
        "select status::text, failure from public.payment_schedules where id = %s::uuid", schedule_id
    )
    assert row == {"status": "failed", "failure": {"pg_code": "LIMIT"}}
    assert payment_row(owner, payment_id)["is_live"] is False


def test_a_schedule_is_revoked_by_portones_word_and_its_payment_expires(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    user_id, schedule_id, _ = scheduled(shop, worker)
    user = shop.user(user_id)
    operation = user.one("revoke_schedule", id=schedule_id)
    (job,) = claim(worker)
    assert job["context"]["schedule"]["schedule_id"] == f"schedule-of-{job['payload']['payment_id']}"
    settle(worker, job, retry_in_seconds=0)
    assert user.one("get_operation", id=operation["id"])["status"] == "pending"
    (job,) = claim(worker)
    settle(worker, job, schedules=[schedule_snapshot(job, "REVOKED")])
    assert user.one("get_operation", id=operation["id"])["status"] == "succeeded"
    assert (status(owner, schedule_id), payment_row(owner, job["payload"]["payment_id"])["status"]) == (
        "revoked",
        "expired",
    )
    assert refusal(user, "revoke_schedule", id=schedule_id)[:2] == (409, "SCHEDULE_IS_OVER")
    assert refusal(shop.user(shop.new_user()), "revoke_schedule", id=schedule_id)[:2] == (
        404,
        "SCHEDULE_NOT_FOUND",
    )


def test_a_schedule_that_ran_before_it_was_revoked_is_not_called_revoked(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    user_id, schedule_id, _ = scheduled(shop, worker)
    operation = shop.user(user_id).one("revoke_schedule", id=schedule_id)
    (job,) = claim(worker)
    settle(
        worker,
        job,
        schedules=[schedule_snapshot(job, "SUCCEEDED")],
        snapshots=[snapshot(job["payload"]["payment_id"])],
    )
    ended = worker.one("get_operation", id=operation["id"])
    assert (ended["status"], ended["error"]["code"]) == ("failed", "PAYMENT_SCHEDULE_ALREADY_PROCESSED")


def test_deleting_a_card_names_the_schedules_to_revoke_first(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    user_id, schedule_id, made = scheduled(shop, worker)
    shop.user(user_id).one("delete_billing_key", id=made["payload"]["billing_key_id"])
    (job,) = claim(worker)
    assert job["context"]["schedules"] == [
        {
            "schedule_id": f"schedule-of-{made['payload']['payment_id']}",
            "payment_id": made["payload"]["payment_id"],
        }
    ]
    settle(worker, job, deleted=True, schedules=[schedule_snapshot(made, "REVOKED")])
    assert status(owner, schedule_id) == "revoked"


def test_a_deleted_cards_schedule_nobody_saw_revoked_is_read_back(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    """PortOne had revoked it, and the read that would have shown it was lost: it must not stand for two years."""
    user_id, schedule_id, job = scheduled(shop, worker)
    shop.user(user_id).one("delete_billing_key", id=job["payload"]["billing_key_id"])
    (deletion,) = claim(worker)
    settle(worker, deletion, deleted=True)
    assert status(owner, schedule_id) == "scheduled"
    (reading,) = claim(worker)
    assert (reading["kind"], reading["lane"]) == ("sync_payment", job["lane"])
    settle(worker, reading, not_found=True, schedules=[schedule_snapshot(reading, "REVOKED")])
    assert status(owner, schedule_id) == "revoked"
    row = payment_row(owner, job["payload"]["payment_id"])
    assert (row["status"], row["is_live"]) == ("expired", False), "the order is free"


def test_a_revocation_whose_job_died_is_read_back_in_case_it_happened(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    """PortOne had revoked it, every answer was lost: it must not stand as scheduled until its time."""
    user_id, schedule_id, _ = scheduled(shop, worker)
    operation = shop.user(user_id).one("revoke_schedule", id=schedule_id)
    (job,) = claim(worker)
    settle(worker, job, "dead", error={"code": "INTERNAL_ERROR", "message": "It failed."})
    assert worker.one("get_operation", id=operation["id"])["status"] == "failed"
    shop.advance(61)
    (reading,) = claim(worker)
    assert (reading["kind"], reading["lane"]) == ("sync_payment", job["lane"])
    settle(worker, reading, not_found=True, schedules=[schedule_snapshot(reading, "REVOKED")])
    assert (status(owner, schedule_id), payment_row(owner, job["payload"]["payment_id"])["status"]) == (
        "revoked",
        "expired",
    )


def test_an_unknown_schedule_is_read_back_after_the_window(shop: Shop, worker: Caller, owner: Caller) -> None:
    user_id = shop.new_user()
    card_id = saved_card(shop, worker, user_id)
    operation = shop.user(user_id).one(
        "request_schedule", order_id=shop.new_order(user_id), billing_key_id=card_id, time_to_pay=in_days(7)
    )
    (job,) = claim(worker)
    begin(worker, job)
    settle(worker, job, "retry", retry_in_seconds=0, attempt={"number": 1, "outcome": "unknown"})
    shop.advance(3 * 3600 + 1)
    for expected in ("pending", "failed"):
        (job,) = claim(worker)
        assert begin(worker, job, None)["decision"] == "read_only"
        settle(worker, job, "retry", not_found=True)
        assert worker.one("get_operation", id=operation["id"])["status"] == expected
        shop.advance(61)
    assert owner.row("select status::text from public.payment_schedules")["status"] == "failed"


def test_the_time_must_lie_ahead(shop: Shop, worker: Caller) -> None:
    user_id = shop.new_user()
    card_id = saved_card(shop, worker, user_id)
    for days in (-1, 0, 3 * 365):
        ask = {"order_id": shop.new_order(user_id), "billing_key_id": card_id, "time_to_pay": in_days(days)}
        assert refusal(shop.user(user_id), "request_schedule", **ask) == (
            422,
            "TIME_TO_PAY_OUT_OF_RANGE",
            "time_to_pay",
        )


def test_owners_see_their_own_schedules(shop: Shop, worker: Caller) -> None:
    user_id, _, _ = scheduled(shop, worker)
    count = "select count(*) as n from public.payment_schedules"
    assert (
        shop.user(user_id).row(count)["n"],
        shop.user(shop.new_user()).row(count)["n"],
        shop.admin().row(count)["n"],
    ) == (1, 0, 1)


def soon(shop: Shop, worker: Caller, seconds: float) -> tuple[Row, Row, Row]:
    """A schedule due so soon: its operation, its claimed job, and what was asked (with a key, to ask again)."""
    user_id = shop.new_user()
    asked = {
        "order_id": shop.new_order(user_id),
        "billing_key_id": saved_card(shop, worker, user_id, f"key-{user_id}"),
        "time_to_pay": in_days(seconds / 86_400),
        "idempotency_key": f"schedule-{user_id}",
    }
    operation = shop.user(user_id).one("request_schedule", **asked)
    (job,) = claim(worker)
    return operation, job, {"user_id": user_id, **asked}


def test_a_schedule_whose_time_came_while_it_waited_is_not_sent_any_more(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    operation, job, asked = soon(shop, worker, 300)
    shop.advance(301)
    begun = begin(worker, job)
    assert (begun["decision"], begun["body"]) == ("too_late", None)
    assert (
        owner.row(
            "select count(*) as n from private.attempts where operation_id = %s::uuid", operation["id"]
        )["n"]
        == 0
    )
    settle(worker, job, "failed", error={"code": "TIME_TO_PAY_PASSED", "message": "Too late."})
    ended = worker.one("get_operation", id=operation["id"])
    assert (ended["status"], ended["error"]["code"]) == ("failed", "TIME_TO_PAY_PASSED")
    schedule = owner.row(
        "select status::text, failure ->> 'code' as code from public.payment_schedules where payment_id = %s",
        job["payload"]["payment_id"],
    )
    assert schedule == {"status": "failed", "code": "TIME_TO_PAY_PASSED"}
    # The order is free: the customer may schedule it anew.
    again = {**asked, "time_to_pay": in_days(30), "idempotency_key": "scheduled-anew"}
    assert shop.user(again.pop("user_id")).one("request_schedule", **again)["status"] == "pending"


def test_a_schedule_sent_in_time_is_sent_again_after_it_and_a_refusal_says_why(
    shop: Shop, worker: Caller
) -> None:
    """Its first answer was lost: the stored bytes decide what happened, whatever time it is."""
    operation, job, _ = soon(shop, worker, 300)
    assert begin(worker, job)["decision"] == "send"
    settle(worker, job, "retry", attempt={"number": 1, "outcome": "unknown"}, retry_in_seconds=0)
    shop.advance(301)
    (job,) = claim(worker)
    assert begin(worker, job)["decision"] == "resend"
    refused = {"code": "INVALID_REQUEST", "message": "timeToPay"}
    settle(worker, job, "failed", error=refused, attempt={"number": 1, "outcome": "failed", **refused})
    ended = worker.one("get_operation", id=operation["id"])
    assert (ended["status"], ended["error"]["code"]) == ("failed", "TIME_TO_PAY_PASSED")


def test_a_schedule_refused_before_its_time_keeps_portones_word(shop: Shop, worker: Caller) -> None:
    operation, job, _ = soon(shop, worker, 300)
    assert begin(worker, job)["decision"] == "send"
    refused = {"code": "INVALID_REQUEST", "message": "orderName"}
    settle(worker, job, "failed", error=refused, attempt={"number": 1, "outcome": "failed", **refused})
    assert worker.one("get_operation", id=operation["id"])["error"]["code"] == "INVALID_REQUEST"


def test_asked_again_under_its_key_after_its_time_a_schedule_tells_what_became_of_it(
    shop: Shop, worker: Caller
) -> None:
    operation, _, asked = soon(shop, worker, 300)
    shop.advance(301)
    user = shop.user(asked.pop("user_id"))
    assert user.one("request_schedule", **asked)["id"] == operation["id"]
    assert refusal(user, "request_schedule", **{**asked, "idempotency_key": "another-key"})[:2] == (
        422,
        "TIME_TO_PAY_OUT_OF_RANGE",
    )
