"""What an operator does by hand: dead jobs back or off the list, webhooks again, findings closed; who and why is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sql.operators import TIMEOUT, actions, dead_sync, ids, state_of
from tests.sql.shop import Refused, claim, paid_payment, prepared_payment, settle, snapshot, sync
from tests.sql.test_webhook_log import delivery, logs

if TYPE_CHECKING:
    from tests.sql.shop import Caller, Shop


@pytest.fixture
def desk(shop: Shop) -> Caller:
    """Whoever operates, reading as the service role does."""
    return shop.service()


def test_a_dead_job_runs_again_under_its_own_number_with_the_webhooks_that_waited(
    shop: Shop, worker: Caller, owner: Caller, desk: Caller
) -> None:
    paid = prepared_payment(shop, worker)
    job_id = dead_sync(worker, paid.payment_id)
    assert [row["word"] for row in logs(owner)] == ["failed"]
    admin = shop.admin()
    (answer,) = admin.call("requeue_jobs", ids=ids(job_id), reason="PortOne is back")
    assert (answer["done"], answer["why_not"], answer["job_id"]) == (True, None, job_id)
    assert [(row["word"], row["attempts"]) for row in logs(owner)] == [("received", 2)]
    (job,) = claim(worker)
    assert job["id"] == job_id
    settle(worker, job, snapshots=[snapshot(paid.payment_id)])
    assert [row["word"] for row in logs(owner)] == ["processed"]
    assert state_of(desk, job_id) == "done"
    (again,) = admin.call("requeue_jobs", ids=ids(job_id), reason="PortOne is back")
    assert (again["done"], again["why_not"]) == (False, "not_found")
    (done,) = actions(owner)
    me = admin.row("select auth.uid()::text as id")["id"]
    assert (done["action"], done["payment_id"], done["actor"], done["reason"]) == (
        "requeue_job", paid.payment_id, me, "PortOne is back",
    )  # fmt: skip


def test_a_settle_of_the_claim_that_died_cannot_end_the_job_that_runs_again(
    shop: Shop, worker: Caller, desk: Caller
) -> None:
    paid = prepared_payment(shop, worker)
    worker.call("record_webhooks", webhooks=[delivery("wh-1", paid.payment_id)])
    (job,) = claim(worker)
    settle(worker, job, "dead", error=TIMEOUT)
    desk.call("requeue_jobs", ids=ids(job["id"]), reason="again")
    (answer,) = settle(worker, job, "done")
    assert (answer["accepted"], answer["reason"]) == (False, "lost")
    assert state_of(desk, job["id"]) == "ready"


def test_a_job_that_backs_off_or_is_scheduled_runs_now(shop: Shop, worker: Caller, desk: Caller) -> None:
    paid = prepared_payment(shop, worker)
    worker.call("record_webhooks", webhooks=[delivery("wh-1", paid.payment_id)])
    (job,) = claim(worker)
    settle(worker, job, "retry", retry_in_seconds=900, error=TIMEOUT)
    later = f"payment:{paid.payment_id}"
    (scheduled,) = worker.call(
        "enqueue_jobs",
        jobs=[{"job_kind": "sync_payment", "idempotency_key": "later-123", "lane": later,
               "payload": {"payment_id": paid.payment_id}, "run_at": "2099-01-01T00:00:00Z"}],
    )  # fmt: skip
    assert claim(worker) == []
    answers = desk.call("requeue_jobs", ids=ids(job["id"], scheduled["job_id"]), reason="now")
    assert [answer["done"] for answer in answers] == [True, True]
    (first,) = claim(worker)
    assert first["id"] == job["id"]
    (running,) = desk.call("requeue_jobs", ids=ids(job["id"]), reason="now")
    assert running["why_not"] == "not_dead"
    settle(worker, first)
    (second,) = claim(worker)
    assert second["id"] == scheduled["job_id"]


def test_what_somebody_was_told_has_failed_is_not_done_after_all(
    shop: Shop, worker: Caller, desk: Caller
) -> None:
    paid = paid_payment(shop, worker)
    operation = worker.one("request_cancellation", payment_id=paid.payment_id, amount=100, reason="r")
    (job,) = claim(worker)
    settle(worker, job, "dead", error={"code": "INTERNAL_ERROR", "message": "bug"})
    assert worker.one("get_operation", id=operation["id"])["status"] == "failed"
    (answer,) = desk.call("requeue_jobs", ids=ids(job["id"]), reason="again")
    assert (answer["done"], answer["why_not"]) == (False, "operation_ended")
    assert claim(worker) == []


def test_an_account_whose_closing_has_failed_is_not_closed_after_all(
    shop: Shop, worker: Caller, desk: Caller
) -> None:
    """Whoever was told that it stays open may have told the customer to pay into it."""
    paid = prepared_payment(shop, worker)
    sync(
        worker,
        paid.payment_id,
        snapshot(paid.payment_id, "VIRTUAL_ACCOUNT_ISSUED", pay_method="VIRTUAL_ACCOUNT"),
    )
    operation = worker.one("request_cancellation", payment_id=paid.payment_id, reason="r")
    (job,) = claim(worker)
    assert job["kind"] == "close_virtual_account"
    settle(worker, job, "dead", error={"code": "INTERNAL_ERROR", "message": "bug"})
    assert worker.one("get_operation", id=operation["id"])["status"] == "failed"
    (answer,) = desk.call("requeue_jobs", ids=ids(job["id"]), reason="again")
    assert (answer["done"], answer["why_not"]) == (False, "operation_ended")
    assert claim(worker) == []


def test_an_undecided_refund_is_asked_about_again_and_never_sent_again(
    shop: Shop, worker: Caller, owner: Caller, desk: Caller
) -> None:
    paid = paid_payment(shop, worker)
    operation = worker.one("request_cancellation", payment_id=paid.payment_id, amount=100, reason="r")
    (job,) = claim(worker)
    named = {"job_id": job["id"], "claim": job["claim"]}
    worker.call("begin_attempts", attempts=[named | {"body": "AAAA"}])
    unknown = {"number": 1, "outcome": "unknown"}
    shop.advance(4 * 3600 + 60)
    settle(worker, job, "retry", attempt=unknown, error=TIMEOUT)
    assert [
        row["kind"] for row in owner.rows("select kind from public.drift_findings where closed_at is null")
    ] == ["undecided_cancellation"]
    (answer,) = desk.call(
        "requeue_jobs", ids=ids(job["id"]), reason="PortOne answers again", actor="kim@desk"
    )
    assert answer["done"]
    (job,) = claim(worker)
    (begun,) = worker.call(
        "begin_attempts", attempts=[{"job_id": job["id"], "claim": job["claim"], "body": "BBBB"}]
    )
    assert (begun["decision"], begun["body"]) == ("read_only", None)
    settle(worker, job, "retry", snapshots=[snapshot(paid.payment_id)])
    shop.advance(61)
    (job,) = claim(worker)
    settle(worker, job, "retry", snapshots=[snapshot(paid.payment_id)])
    ended = worker.one("get_operation", id=operation["id"])
    assert (ended["status"], ended["error"]["code"]) == ("failed", "NOT_EXECUTED")
    assert owner.rows("select kind from public.drift_findings where closed_at is null") == []
    assert actions(owner)[0]["actor"] == "service_role:kim@desk"


def test_a_dead_job_is_taken_off_the_list(shop: Shop, worker: Caller, owner: Caller, desk: Caller) -> None:
    paid = prepared_payment(shop, worker)
    job_id = dead_sync(worker, paid.payment_id)
    admin = shop.admin()
    assert [row["id"] for row in admin.rows("select id from public.dead_jobs")] == [job_id]
    (answer,) = admin.call("discard_jobs", ids=ids(job_id), reason="a test call")
    assert answer["done"]
    assert admin.rows("select id from public.dead_jobs") == []
    assert state_of(desk, job_id) == "discarded"
    answers = admin.call("discard_jobs", ids=ids(job_id, 4711), reason="a test call")
    assert [answer["why_not"] for answer in answers] == ["resolved", "not_found"]
    (requeued,) = admin.call("requeue_jobs", ids=ids(job_id), reason="after all")
    assert requeued["why_not"] == "resolved"
    assert [row["action"] for row in actions(owner)] == ["discard_job"]


def test_a_job_nobody_had_is_taken_out_and_a_refund_gives_back_what_it_held(
    shop: Shop, worker: Caller, owner: Caller, desk: Caller
) -> None:
    paid = paid_payment(shop, worker)
    operation = worker.one("request_cancellation", payment_id=paid.payment_id, amount=300, reason="r")
    answer = desk.one("cancel_job", id=operation["job_id"], reason="asked twice")
    assert answer["done"]
    ended = worker.one("get_operation", id=operation["id"])
    assert (ended["status"], ended["error"]["code"]) == ("failed", "JOB_CANCELLED")
    row = owner.row(
        "select reserved_amount, cancellable_amount from public.payments where payment_id = %s",
        paid.payment_id,
    )
    assert (row["reserved_amount"], row["cancellable_amount"]) == (0, 1000)
    assert claim(worker) == []
    assert shop.admin().rows("select id from public.dead_jobs") == []


def test_what_may_have_happened_is_not_taken_out(shop: Shop, worker: Caller, desk: Caller) -> None:
    paid = paid_payment(shop, worker)
    worker.one("request_cancellation", payment_id=paid.payment_id, amount=300, reason="r")
    (job,) = claim(worker)
    with pytest.raises(Refused) as running:
        desk.one("cancel_job", id=job["id"], reason="stop")
    assert running.value.code == "JOB_IS_RUNNING"
    settle(worker, job, "retry", retry_in_seconds=60)
    with pytest.raises(Refused) as undecided:
        desk.one("cancel_job", id=job["id"], reason="stop")
    assert undecided.value.code == "JOB_IS_UNDECIDED"
    with pytest.raises(Refused) as missing:
        desk.one("cancel_job", id=4711, reason="stop")
    assert missing.value.code == "JOB_NOT_FOUND"
    with pytest.raises(Refused) as unknown:
        desk.one("describe_job", id=4711)
    assert unknown.value.code == "JOB_NOT_FOUND"


def test_a_finding_is_closed_by_name(shop: Shop, worker: Caller, owner: Caller) -> None:
    paid = prepared_payment(shop, worker)
    sync(worker, paid.payment_id, snapshot(paid.payment_id, total=999))
    finding = owner.row("select id from public.drift_findings where kind = 'discrepancy'")["id"]
    admin = shop.admin()
    closed = admin.one("close_finding", id=finding, how="refunded, customer told")
    assert (closed["closed_how"], closed["closed_at"] is not None) == ("refunded, customer told", True)
    again = admin.one("close_finding", id=finding, how="somebody else")
    assert again["closed_how"] == "refunded, customer told"
    assert [(a["action"], a["payment_id"], a["reason"]) for a in actions(owner)] == [
        ("close_finding", paid.payment_id, "refunded, customer told")
    ]
    with pytest.raises(Refused) as missing:
        admin.one("close_finding", id=4711, how="r")
    assert missing.value.code == "FINDING_NOT_FOUND"


@pytest.mark.parametrize(
    ("function", "arguments", "code"),
    [
        ("requeue_jobs", {"ids": "{1}", "reason": " "}, "REASON_REQUIRED"),
        ("requeue_jobs", {"ids": "{1}", "reason": "a\nb"}, "REASON_REQUIRED"),
        ("close_finding", {"id": 1, "how": "x" * 201}, "REASON_REQUIRED"),
        ("discard_jobs", {"ids": None, "reason": "r"}, "BATCH_REQUIRED"),
        ("discard_jobs", {"ids": ids(*range(101)), "reason": "r"}, "BATCH_TOO_LARGE"),
        ("requeue_jobs", {"ids": "{1,null}", "reason": "r"}, "ID_REQUIRED"),
    ],
)
def test_an_action_says_why_and_to_what(
    shop: Shop, function: str, arguments: dict[str, object], code: str
) -> None:
    with pytest.raises(Refused) as refused:
        shop.admin().call(function, **arguments)
    assert refused.value.code == code


def test_a_customer_acts_on_nothing_and_sees_nothing(shop: Shop, worker: Caller) -> None:
    paid = prepared_payment(shop, worker)
    job_id = dead_sync(worker, paid.payment_id)
    customer = shop.user(paid.user_id)
    for function, arguments in (
        ("requeue_jobs", {"ids": ids(job_id), "reason": "mine"}),
        ("list_jobs", {}),
        ("list_webhooks", {}),
    ):
        with pytest.raises(Refused) as refused:
            customer.call(function, **arguments)
        assert refused.value.code == "ADMIN_REQUIRED"
    assert customer.rows("select * from public.operator_actions") == []
