"""Law 6, first half: every signed delivery is a row, the first owns its id, and what it asks for is enqueued with it."""

from __future__ import annotations

from base64 import b64decode, b64encode
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.sql.shop import Caller, Refused, Row, Shop, claim, paid_payment, prepared_payment, settle, snapshot

BODY = b64encode(b'{"type":"Transaction.Paid"}').decode()


def delivery(webhook_id: str, payment_id: str | None = None, **changes: object) -> Row:
    """A signed webhook as the worker hands it over."""
    made: Row = {
        "webhook_id": webhook_id,
        "webhook_type": "Transaction.Paid",
        "body": BODY,
        "headers": {"webhook-id": webhook_id},
        "subject_kind": "payment" if payment_id else None,
        "subject_id": payment_id,
        "provider_transaction_id": "tx-1",
        "event_at": "2026-11-01T00:00:10Z",
        "secret_index": 0,
        "skip_reason": None,
    }
    return made | changes


def logs(owner: Caller) -> list[Row]:
    """The log, in order."""
    return owner.rows("select *, status::text as word from public.webhook_logs order by id")


def test_a_delivery_is_logged_in_full_and_its_payment_is_read_back(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    paid = prepared_payment(shop, worker)
    (recorded,) = worker.call("record_webhooks", webhooks=[delivery("wh-1", paid.payment_id)])
    assert (recorded["status"], recorded["duplicate"]) == ("received", False)
    (job,) = claim(worker)
    assert (job["kind"], job["id"], job["lane"]) == (
        "sync_payment",
        recorded["job_id"],
        f"payment:{paid.payment_id}",
    )
    settle(worker, job, snapshots=[snapshot(paid.payment_id)])
    (row,) = logs(owner)
    assert (row["word"], row["payment_id"], row["webhook_type"], row["provider_transaction_id"]) == (
        "processed",
        paid.payment_id,
        "Transaction.Paid",
        "tx-1",
    )
    assert (bytes(row["request_body"]), row["request_headers"], row["response_status"]) == (
        b64decode(BODY),
        {"webhook-id": "wh-1"},
        200,
    )
    assert row["processed_at"] is not None


def test_the_same_delivery_twice_is_processed_once_and_logged_twice(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    paid = prepared_payment(shop, worker)
    first, second = (
        worker.one("record_webhooks", webhooks=[delivery("wh-1", paid.payment_id)]) for _ in range(2)
    )
    assert (second["status"], second["duplicate"]) == ("skipped", True)
    (job,) = claim(worker)
    settle(worker, job, snapshots=[snapshot(paid.payment_id)])
    assert [(row["word"], row["skip_reason"], row["duplicate_of"]) for row in logs(owner)] == [
        ("processed", None, None),
        ("skipped", "duplicate", first["id"]),
    ]
    found = owner.row(
        "select webhook_id, count(*) as attempt_count, max(created_at) as last_attempt from webhook_logs group by webhook_id having count(*) > 1"
    )
    assert (found["webhook_id"], found["attempt_count"]) == ("wh-1", 2)


def test_repeats_inside_one_call_and_across_calls_at_once_have_one_owner(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    paid = prepared_payment(shop, worker)
    callers = [shop.service() for _ in range(6)]

    def send(number: int) -> list[Row]:
        return callers[number].call(
            "record_webhooks", webhooks=[delivery(f"wh-{n}", paid.payment_id) for n in (1, 2, 1, 3)]
        )

    with ThreadPoolExecutor(6) as pool:
        answers = [row for rows in pool.map(send, range(6)) for row in rows]
    assert sum(not row["duplicate"] for row in answers) == 3
    assert [row["index"] for row in answers] == [1, 2, 3, 4] * 6
    rows = logs(owner)
    assert len(rows) == 24
    assert sorted(row["webhook_id"] for row in rows if row["duplicate_of"] is None) == [
        "wh-1",
        "wh-2",
        "wh-3",
    ]
    assert owner.row("select count(*) as n from queue.jobs")["n"] == 1, "one read answers them all"


def test_webhooks_of_one_payment_share_the_read_that_has_not_started(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    paid = prepared_payment(shop, worker)
    worker.call(
        "record_webhooks", webhooks=[delivery("wh-1", paid.payment_id), delivery("wh-2", paid.payment_id)]
    )
    (job,) = claim(worker)
    late = worker.one("record_webhooks", webhooks=[delivery("wh-3", paid.payment_id)])
    assert late["job_id"] != job["id"], "a read under way may have come too early"
    settle(worker, job, snapshots=[snapshot(paid.payment_id)])
    assert [row["word"] for row in logs(owner)] == ["processed", "processed", "received"]
    (job,) = claim(worker)
    settle(worker, job, "retry", retry_in_seconds=30)
    later = worker.one("record_webhooks", webhooks=[delivery("wh-4", paid.payment_id)])
    assert later["job_id"] not in (job["id"], late["job_id"]), "one that is backing off has started"


def test_a_repeat_of_a_failed_delivery_revives_it_with_one_new_job(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    paid = prepared_payment(shop, worker)
    first = worker.one("record_webhooks", webhooks=[delivery("wh-1", paid.payment_id)])
    (job,) = claim(worker)
    settle(worker, job, "dead", error={"code": "X", "message": "y"})
    assert [row["word"] for row in logs(owner)] == ["failed"]
    answers = worker.call(
        "record_webhooks", webhooks=[delivery("wh-1", paid.payment_id), delivery("wh-1", paid.payment_id)]
    )
    assert [row["duplicate"] for row in answers] == [True, True]
    rows = logs(owner)
    assert [(row["word"], row["skip_reason"], row["attempts"]) for row in rows] == [
        ("received", None, 2),
        ("skipped", "retries_failed", 1),
        ("skipped", "duplicate", 1),
    ]
    (job,) = claim(worker)
    settle(worker, job, snapshots=[snapshot(paid.payment_id)])
    assert logs(owner)[0]["word"] == "processed"
    assert rows[0]["id"] == first["id"]


@pytest.mark.parametrize("reason", ["unknown_type", "legacy_version", "unparsable", "not_actionable"])
def test_a_delivery_nobody_acts_on_is_stored_as_skipped_with_its_reason(
    worker: Caller, owner: Caller, reason: str
) -> None:
    (recorded,) = worker.call(
        "record_webhooks", webhooks=[delivery("wh-1", None, webhook_type=None, skip_reason=reason)]
    )
    assert (recorded["status"], recorded["job_id"]) == ("skipped", None)
    (row,) = logs(owner)
    assert (row["skip_reason"], row["duplicate_of"]) == (reason, None)
    assert claim(worker) == []


def test_a_webhook_for_a_payment_nobody_knows_is_settled_and_visible(worker: Caller, owner: Caller) -> None:
    worker.call("record_webhooks", webhooks=[delivery("wh-1", "payunknown")])
    (job,) = claim(worker)
    assert job["context"]["payment"] is None
    settle(worker, job, not_found=True)
    (row,) = logs(owner)
    assert (row["word"], row["skip_reason"], row["subject_id"], row["payment_id"]) == (
        "skipped",
        "payment_not_found",
        "payunknown",
        None,
    )


def test_a_payment_known_only_to_portone_is_recorded_and_never_fulfils(worker: Caller, owner: Caller) -> None:
    worker.call("record_webhooks", webhooks=[delivery("wh-1", "payconsole")])
    (job,) = claim(worker)
    settle(worker, job, snapshots=[snapshot("payconsole")])
    payment = owner.row(
        "select origin::text, user_id, order_id, status::text, cancellable_amount from public.payments where payment_id = 'payconsole'"
    )
    assert payment == {
        "origin": "portone",
        "user_id": None,
        "order_id": None,
        "status": "paid",
        "cancellable_amount": 1000,
    }
    assert owner.row("select kind from public.drift_findings")["kind"] == "missing_here"
    assert logs(owner)[0]["payment_id"] == "payconsole"
    assert not owner.rows("select 1 from private.order_settlements")


def test_the_raw_body_is_for_admins(shop: Shop, worker: Caller) -> None:
    paid = paid_payment(shop, worker)
    (recorded,) = worker.call("record_webhooks", webhooks=[delivery("wh-1", paid.payment_id)])
    assert shop.admin().row("select public.read_webhook_body(%s) as body", recorded["id"])["body"] == BODY
    with pytest.raises(Refused) as refused:
        shop.user(paid.user_id).row("select public.read_webhook_body(%s) as body", recorded["id"])
    assert refused.value.code == "ADMIN_REQUIRED"
    with pytest.raises(Refused) as refused:
        shop.admin().row("select public.read_webhook_body(%s) as body", recorded["id"] + 1)
    assert refused.value.code == "WEBHOOK_NOT_FOUND"
