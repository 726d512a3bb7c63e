"""The webhook that never came: found, asked for again, closed when it comes, in bounded steps."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.sql.shop import STORE, cancellation, paid_payment, prepared_payment, settle, snapshot, sync
from tests.sql.test_reconciliation import jobs_of, tick
from tests.sql.test_webhook_log import delivery

if TYPE_CHECKING:
    from tests.sql.shop import Caller, Row, Shop


def overdue(owner: Caller) -> list[Row]:
    """The webhooks that should have come."""
    return owner.rows(
        "select subject, missing ->> 'expected' as expected, closed_how from public.drift_findings, jsonb_array_elements(detail -> 'missing') as missing"
        " where kind = 'webhook_overdue' order by id, missing ->> 'expected'"
    )


def test_a_webhook_that_never_came_is_found_asked_for_and_read_anyway(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    tick(worker)
    silent, told = paid_payment(shop, worker), paid_payment(shop, worker)
    worker.call("record_webhooks", webhooks=[delivery("wh-told", told.payment_id)])
    shop.advance(29 * 60)
    assert tick(worker)["overdue"] == 0
    shop.advance(2 * 60)
    assert tick(worker)["overdue"] == 1
    assert overdue(owner) == [
        {"subject": silent.payment_id, "expected": "Transaction.Paid", "closed_how": None}
    ]
    assert shop.admin().row("select equal from public.is_ledger_equal")["equal"] is True
    assert tick(worker)["overdue"] == 0
    (job,) = jobs_of(worker, "resend_webhook")
    assert job["payload"] == {"payment_id": silent.payment_id, "store_id": STORE}
    settle(worker, job, snapshots=[snapshot(silent.payment_id)], result={"resend": "SUCCEEDED"})
    assert jobs_of(worker, "resend_webhook") == []
    worker.call("record_webhooks", webhooks=[delivery("wh-late", silent.payment_id)])
    tick(worker)
    assert [row["closed_how"] for row in overdue(owner)] == ["it has come"]


def test_a_webhook_portone_never_made_is_not_waited_for(shop: Shop, worker: Caller, owner: Caller) -> None:
    tick(worker)
    paid = paid_payment(shop, worker)
    shop.advance(31 * 60)
    tick(worker)
    (job,) = jobs_of(worker, "resend_webhook")
    settle(worker, job, snapshots=[snapshot(paid.payment_id)], result={"resend": "WEBHOOK_NOT_FOUND"})
    assert [row["closed_how"] for row in overdue(owner)] == [
        "read back; PortOne has no webhook of it to send"
    ]


def test_a_closed_account_is_no_webhook_that_never_came(shop: Shop, worker: Caller, owner: Caller) -> None:
    """PortOne names no webhook of it; waiting for one would leave a finding open for every account that is closed."""
    tick(worker)
    paid = prepared_payment(shop, worker)
    for status, moment in (
        ("VIRTUAL_ACCOUNT_ISSUED", "2026-11-01T00:00:10Z"),
        ("FAILED", "2026-11-01T00:01:10Z"),
    ):
        sync(
            worker,
            paid.payment_id,
            snapshot(paid.payment_id, status, status_changed_at=moment, updated_at=moment),
        )
    worker.call(
        "record_webhooks",
        webhooks=[delivery("wh-va", paid.payment_id, webhook_type="Transaction.VirtualAccountIssued")],
    )
    shop.advance(31 * 60)
    assert tick(worker)["overdue"] == 0
    assert overdue(owner) == []


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("VIRTUAL_ACCOUNT_ISSUED", "Transaction.VirtualAccountIssued"),
        ("PAY_PENDING", "Transaction.PayPending"),
        ("FAILED", "Transaction.Failed"),
        ("READY", None),
    ],
)
def test_every_state_has_its_webhook(
    shop: Shop, worker: Caller, owner: Caller, status: str, expected: str | None
) -> None:
    tick(worker)
    paid = prepared_payment(shop, worker)
    sync(worker, paid.payment_id, snapshot(paid.payment_id, status))
    shop.advance(31 * 60)
    tick(worker)
    assert [row["expected"] for row in overdue(owner)] == ([expected] if expected else [])


def test_each_partial_cancellation_has_one_of_its_own(shop: Shop, worker: Caller, owner: Caller) -> None:
    tick(worker)
    paid = prepared_payment(shop, worker)
    worker.call("record_webhooks", webhooks=[delivery("wh-paid", paid.payment_id)])
    sync(worker, paid.payment_id, snapshot(paid.payment_id))
    cancelled_at = "2026-11-02T00:00:01Z"
    sync(
        worker, paid.payment_id,
        snapshot(paid.payment_id, "PARTIAL_CANCELLED", cancelled=100, cancellations=[cancellation("c-1", 100)],
                 status_changed_at=cancelled_at, updated_at=cancelled_at),
    )  # fmt: skip
    shop.advance(31 * 60)
    assert tick(worker)["overdue"] == 1
    assert overdue(owner)[0]["expected"] == "Transaction.PartialCancelled"
    arrived = delivery(
        "wh-part", paid.payment_id, webhook_type="Transaction.PartialCancelled", event_at=cancelled_at
    )
    worker.call("record_webhooks", webhooks=[arrived])
    tick(worker)
    assert overdue(owner)[0]["closed_how"] == "it has come"


def test_one_of_two_that_came_after_all_leaves_the_other_overdue(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    tick(worker)
    paid = prepared_payment(shop, worker)
    issued_at, paid_at = "2026-11-02T00:00:01Z", "2026-11-02T00:10:00Z"
    sync(worker, paid.payment_id, snapshot(paid.payment_id, "VIRTUAL_ACCOUNT_ISSUED", status_changed_at=issued_at, updated_at=issued_at))  # fmt: skip
    sync(worker, paid.payment_id, snapshot(paid.payment_id, status_changed_at=paid_at, updated_at=paid_at))
    shop.advance(31 * 60)
    tick(worker)
    assert [(row["expected"], row["closed_how"]) for row in overdue(owner)] == [
        ("Transaction.Paid", None),
        ("Transaction.VirtualAccountIssued", None),
    ]
    worker.call("record_webhooks", webhooks=[delivery("wh-paid", paid.payment_id, event_at=paid_at)])
    tick(worker)
    assert [(row["expected"], row["closed_how"]) for row in overdue(owner)] == [
        ("Transaction.VirtualAccountIssued", None)
    ]
    issued = delivery("wh-issued", paid.payment_id, webhook_type="Transaction.VirtualAccountIssued", event_at=issued_at)  # fmt: skip
    worker.call("record_webhooks", webhooks=[issued])
    tick(worker)
    assert [row["closed_how"] for row in overdue(owner)] == ["it has come"]


def test_a_second_webhook_that_never_came_is_asked_for_as_well(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    tick(worker)
    paid = paid_payment(shop, worker)
    shop.advance(31 * 60)
    tick(worker)
    (job,) = jobs_of(worker, "resend_webhook")
    cancelled_at = "2026-11-02T01:00:00Z"
    read = snapshot(
        paid.payment_id, "PARTIAL_CANCELLED", cancelled=100, cancellations=[cancellation("c-1", 100)],
        status_changed_at=cancelled_at, updated_at=cancelled_at,
    )  # fmt: skip
    settle(worker, job, snapshots=[read], result={"resend": "SUCCEEDED"})
    shop.advance(31 * 60)
    tick(worker)
    assert [row["expected"] for row in overdue(owner)] == [
        "Transaction.Paid",
        "Transaction.PartialCancelled",
    ]
    assert len(jobs_of(worker, "resend_webhook")) == 1


def test_very_many_overdue_webhooks_are_looked_at_in_steps(shop: Shop, worker: Caller, owner: Caller) -> None:
    tick(worker)
    owner.run(
        "insert into public.drift_findings (kind, subject, detail, first_seen_at, last_seen_at)"
        " select 'webhook_overdue', 'p-' || n, '{\"missing\": [{\"expected\": \"Transaction.Paid\"}]}', now(), now() from generate_series(1, 600) as n"
    )
    owner.run(
        "insert into public.webhook_logs (webhook_id, webhook_type, status, subject_kind, subject_id, created_at, processed_at)"
        " select 'w-' || n, 'Transaction.Paid', 'processed', 'payment', 'p-' || n, now(), now() from generate_series(1, 600) as n"
    )
    closed = []
    for _ in range(2):
        tick(worker)
        closed.append(len([row for row in overdue(owner) if row["closed_how"] == "it has come"]))
    assert closed == [500, 600]


def test_events_are_looked_through_once_and_to_the_end(shop: Shop, worker: Caller, owner: Caller) -> None:
    tick(worker)
    paid = prepared_payment(shop, worker)
    # a state no webhook is waited for: a second apart, so that none is a tie of another
    owner.run(
        "insert into public.payment_events (payment_id, sequence, event_type, to_status, snapshot, source, created_at)"
        " select %s, 1000 + n, 'status_changed', 'ready', '{\"transaction_id\": \"t\"}', 'test', private.now() + n * interval '1 s' from generate_series(1, 600) as n",
        paid.payment_id,
    )
    shop.advance(3 * 3600)
    assert [tick(worker)["more"], tick(worker)["more"]] == [True, False]
    lag = owner.row("select private.now() - at as lag from private.watch_marks")["lag"]
    assert lag < timedelta(hours=1), "what is no change of a payment is not looked through again"
