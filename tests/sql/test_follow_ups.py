"""What is followed without anybody asking: payouts, abandoned windows, disputes; and what is refused because it is too late."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sql.cards import begin
from tests.sql.shop import (
    cancellation,
    claim,
    paid_payment,
    payment_row,
    prepared_payment,
    settle,
    snapshot,
    sync,
)
from tests.sql.test_bad_input import ACCOUNT, refusal

if TYPE_CHECKING:
    from tests.sql.shop import Caller, Row, Shop


def test_a_virtual_account_refund_is_followed_until_the_customer_has_the_money(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    paid = paid_payment(shop, worker, pay_method="VIRTUAL_ACCOUNT")

    def seen(status: str, minute: int) -> Row:
        account = {
            "bank": "SHINHAN",
            "account_number": "56211112222333",
            "remittee_name": "Shop",
            "expired_at": None,
            "refund_status": status,
        }
        return snapshot(paid.payment_id, "CANCELLED", cancelled=1000, cancellations=[cancellation("c-1", 1000)], virtual_account=account,
                        pay_method="VIRTUAL_ACCOUNT", updated_at=f"2026-11-05T00:{minute:02}:00Z", status_changed_at="2026-11-05T00:00:00Z")  # fmt: skip

    sync(worker, paid.payment_id, seen("PENDING", 1))
    assert claim(worker) == []
    shop.advance(13 * 3600)
    (job,) = claim(worker)
    settle(worker, job, snapshots=[seen("FAILED", 2)])
    assert (
        owner.row("select kind from public.drift_findings where closed_at is null")["kind"]
        == "refund_not_paid_out"
    )
    shop.advance(13 * 3600)
    (job,) = claim(worker)
    settle(worker, job, snapshots=[seen("COMPLETED", 3)])
    assert owner.rows("select kind from public.drift_findings where closed_at is null") == []
    shop.advance(20 * 86400)
    assert claim(worker) == [], "nothing more to ask"


def test_a_window_nobody_came_back_to_expires_here_without_lying_about_portone(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    paid = prepared_payment(shop, worker)
    sync(worker, paid.payment_id, snapshot(paid.payment_id, "READY"))
    fresh = prepared_payment(shop, worker)
    shop.advance(86400 + 60)
    owner.run("update public.payments set updated_at = private.now() where payment_id = %s", fresh.payment_id)
    worker.call("run_maintenance")
    row = payment_row(owner, paid.payment_id)
    assert (row["status"], row["portone_status"], row["is_live"]) == ("expired", "READY", False)
    assert payment_row(owner, fresh.payment_id)["status"] == "ready"
    sync(worker, paid.payment_id, snapshot(paid.payment_id))
    assert payment_row(owner, paid.payment_id)["status"] == "paid", "paid after all: found, and counts"
    assert (
        owner.row("select status from public.orders where id = %s::uuid", paid.order_id)["status"] == "paid"
    )


def test_disputes_open_and_end_with_an_event_and_a_finding_while_open(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    paid = paid_payment(shop, worker)
    dispute = {
        "status": "UNRESOLVED",
        "reason": "fraud",
        "created_at": "2026-11-02T00:00:00Z",
        "resolved_at": None,
    }
    sync(
        worker,
        paid.payment_id,
        snapshot(paid.payment_id, disputes=[dispute], updated_at="2026-11-02T00:00:00Z"),
    )
    assert owner.row("select kind from public.drift_findings where closed_at is null")["kind"] == "dispute"
    sync(
        worker,
        paid.payment_id,
        snapshot(
            paid.payment_id, disputes=[dispute | {"status": "RESOLVED"}], updated_at="2026-11-03T00:00:00Z"
        ),
    )
    assert not owner.rows("select 1 from public.drift_findings where closed_at is null")
    events = [
        row["event_type"]
        for row in owner.rows(
            "select event_type from public.payment_events where payment_id = %s order by sequence",
            paid.payment_id,
        )
    ]
    assert events[-2:] == ["dispute_opened", "dispute_resolved"]


@pytest.mark.parametrize(
    ("change", "days", "refused"),
    [
        ({"pay_method": "CARD"}, 360, False),
        ({"pay_method": "CARD"}, 370, True),
        ({"pay_method": "CARD", "pg_provider": "KSNET"}, 200, True),
        ({"pg_provider": "NAVERPAY", "pay_method": "EASY_PAY"}, 1090, False),
        ({"pg_provider": "NAVERPAY", "pay_method": "EASY_PAY"}, 1100, True),
        ({"pg_provider": "PAYPAL_V2", "pay_method": None}, 190, True),
        ({"pay_method": "TRANSFER"}, 2000, False),
    ],
)
def test_a_refund_the_pg_would_refuse_is_refused_early_in_both_languages(
    shop: Shop, worker: Caller, owner: Caller, change: Row, days: int, refused: bool
) -> None:
    paid = paid_payment(shop, worker, **change)
    owner.run(
        "update public.payments set paid_at = private.now() - make_interval(days => %s) where payment_id = %s",
        days,
        paid.payment_id,
    )
    if refused:
        assert refusal(worker, "request_cancellation", payment_id=paid.payment_id, reason="r")[:2] == (
            409,
            "CANCEL_DEADLINE_PASSED",
        )
        with pytest.raises(Exception, match="CANCEL_DEADLINE_PASSED") as caught:
            worker.one("request_cancellation", payment_id=paid.payment_id, reason="r")
        assert "취소" in caught.value.detail["message_ko"]  # type: ignore[attr-defined]
    else:
        assert (
            worker.one("request_cancellation", payment_id=paid.payment_id, reason="r")["status"] == "pending"
        )


def test_mobile_payments_go_back_to_the_bill_within_the_korean_month_and_to_a_bank_after_it(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    paid = paid_payment(shop, worker, pay_method="MOBILE")
    owner.run("update public.payments set paid_at = private.now() where payment_id = %s", paid.payment_id)
    ask = {"payment_id": paid.payment_id, "amount": 100, "reason": "r"}
    assert refusal(worker, "request_cancellation", **ask, **ACCOUNT)[1] == "REFUND_ACCOUNT_NOT_USED"
    worker.one("request_cancellation", **ask)
    owner.run(
        "update public.payments set paid_at = private.now() - interval '32 days' where payment_id = %s",
        paid.payment_id,
    )
    assert refusal(worker, "request_cancellation", **ask)[1] == "REFUND_ACCOUNT_REQUIRED"
    worker.one("request_cancellation", **ask, **ACCOUNT)


def test_a_payment_is_confirmed_by_its_token_once_and_the_token_is_forgotten(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    paid = prepared_payment(shop, worker)
    user = shop.user(paid.user_id)
    assert (
        refusal(user, "request_confirmation", payment_id=paid.payment_id, payment_token="")[1]
        == "PAYMENT_TOKEN_REQUIRED"
    )
    operation = user.one(
        "request_confirmation", payment_id=paid.payment_id, payment_token="token-1", tx_id="tx-1"
    )
    (job,) = claim(worker)
    assert (job["kind"], job["context"]["secret"]) == (
        "confirm_payment",
        {"payment_token": "token-1", "tx_id": "tx-1"},
    )
    begin(worker, job)
    settle(worker, job, attempt={"number": 1, "outcome": "succeeded"}, snapshots=[snapshot(paid.payment_id)])
    assert user.one("get_operation", id=operation["id"])["result"]["status"] == "paid"
    assert not owner.rows("select 1 from private.payment_tokens")
    assert (
        refusal(user, "request_confirmation", payment_id=paid.payment_id, payment_token="token-1")[1]
        == "PAYMENT_NOT_CONFIRMABLE"
    )


def test_a_mismatch_at_confirmation_ends_the_attempt_with_its_code(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    paid = prepared_payment(shop, worker)
    operation = shop.user(paid.user_id).one(
        "request_confirmation", payment_id=paid.payment_id, payment_token="token-1"
    )
    (job,) = claim(worker)
    begin(worker, job)
    settle(worker, job, "failed", attempt={"number": 1, "outcome": "failed", "code": "INFORMATION_MISMATCH"}, error={"code": "INFORMATION_MISMATCH", "message": "x"},
           snapshots=[snapshot(paid.payment_id, "READY")])  # fmt: skip
    assert worker.one("get_operation", id=operation["id"])["error"]["code"] == "INFORMATION_MISMATCH"
    assert not owner.rows("select 1 from private.payment_tokens")


def test_a_prepared_payment_goes_through_the_channel_that_is_configured(shop: Shop, worker: Caller) -> None:
    for key, methods, priority in (
        ("channel-vbank", ["VIRTUAL_ACCOUNT"], 0),
        ("channel-any", [], 5),
        ("channel-card", ["CARD"], 1),
    ):
        worker.run(
            "insert into public.payment_channels (store_id, channel_key, channel_kind, pay_methods, priority) values ('store-2', %s, 'TEST', %s, %s)",
            key,
            methods,
            priority,
        )
    user_id = shop.new_user()
    shop.user(user_id).one("request_payment", order_id=shop.new_order(user_id), pay_method="CARD")
    (job,) = claim(worker)
    assert job["context"]["channel"] == {
        "store_id": "store-2",
        "channel_key": "channel-card",
        "kind": "TEST",
        "pg_provider": None,
    }
