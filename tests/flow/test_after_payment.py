"""What happens to a payment later: payouts followed, deadlines told early, disputes seen, others' cancels converge."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.flow.test_virtual_account import ACCOUNT

if TYPE_CHECKING:
    from sandbox.demo.shopper import Shopper
    from sandbox.demo.world import Purchase, World

_DAY = 86_400


def _refunded_account(world: World, customer: Shopper) -> Purchase:
    purchase = world.prepared(customer, 5_000, "VIRTUAL_ACCOUNT")
    world.open_window(purchase)
    world.portone.issue_virtual_account(purchase.payment_id)
    world.portone.deposit(purchase.payment_id)
    world.quiet(purchase)
    assert world.admin.cancel(purchase.payment_id, refund_account=ACCOUNT).result["amount"] == 5_000
    world.quiet(purchase)
    return purchase


def _findings(world: World, purchase: Purchase, kind: str) -> list[dict[str, Any]]:
    return world.admin.select(
        "drift_findings", "kind,closed_at", subject=f"eq.{purchase.payment_id}", kind=f"eq.{kind}"
    )


def _payout(customer: Shopper, purchase: Purchase) -> str | None:
    (row,) = customer.select("payments", "refund_status", payment_id=f"eq.{purchase.payment_id}")
    status: str | None = row["refund_status"]
    return status


def test_the_payout_of_a_virtual_account_refund_is_followed_until_it_is_complete(
    world: World, mina: Shopper
) -> None:
    purchase = _refunded_account(world, mina)
    assert _payout(mina, purchase) == "PENDING"
    world.portone.refund_payout(purchase.payment_id, "FAILED")
    world.advance(_DAY)
    world.wait(lambda: _payout(mina, purchase) == "FAILED")
    (finding,) = _findings(world, purchase, "refund_not_paid_out")
    assert finding["closed_at"] is None
    world.portone.refund_payout(purchase.payment_id, "COMPLETED")
    world.advance(_DAY)
    world.wait(lambda: _payout(mina, purchase) == "COMPLETED")
    world.books.wait_idle()
    (finding,) = _findings(world, purchase, "refund_not_paid_out")
    assert finding["closed_at"] is not None
    assert world.books.differences(purchase.payment_id) == []


def test_the_refund_account_is_kept_sealed_and_erased_when_the_refund_is_done(
    world: World, mina: Shopper
) -> None:
    purchase = _refunded_account(world, mina)
    rows = json.dumps(world.books.cancellations(purchase.payment_id), default=str)
    assert ACCOUNT["number"] not in rows
    attempts = world.books.rows(
        "select body from private.attempts where payment_id = %s",
        purchase.payment_id,
    )
    assert [row["body"] for row in attempts] == [None]


def _mobile(world: World, customer: Shopper) -> Purchase:
    purchase = world.prepared(customer, 7_000)
    world.open_window(purchase, payMethod="MOBILE")
    world.portone.approve(purchase.payment_id)
    world.quiet(purchase)
    return purchase


def test_a_mobile_payment_of_this_month_goes_back_to_the_phone_bill(world: World, mina: Shopper) -> None:
    purchase = _mobile(world, mina)
    refused = world.admin.cancel(purchase.payment_id, refund_account=ACCOUNT)
    assert (refused.status, refused.code) == (422, "REFUND_ACCOUNT_NOT_USED")
    assert world.admin.cancel(purchase.payment_id).result["amount"] == 7_000
    world.quiet(purchase)
    assert world.books.differences(purchase.payment_id) == []


def test_a_mobile_payment_of_an_earlier_month_goes_to_a_bank_account(world: World, mina: Shopper) -> None:
    purchase = _mobile(world, mina)
    world.advance(32 * _DAY)
    missing = world.admin.cancel(purchase.payment_id)
    assert (missing.status, missing.code) == (422, "REFUND_ACCOUNT_REQUIRED")
    assert world.cancel_calls(purchase) == []
    assert world.admin.cancel(purchase.payment_id, refund_account=ACCOUNT).result["amount"] == 7_000
    world.quiet(purchase)
    (call,) = world.cancel_calls(purchase)
    assert json.loads(call["body"])["refundAccount"]["number"] == ACCOUNT["number"]
    assert world.books.differences(purchase.payment_id) == []


def test_a_refund_after_the_deadline_is_refused_early_in_korean_and_english(
    world: World, mina: Shopper
) -> None:
    purchase = world.paid(mina, 5_000)
    world.advance(366 * _DAY)
    late = world.admin.cancel(purchase.payment_id, 1_000)
    assert (late.status, late.code) == (409, "CANCEL_DEADLINE_PASSED")
    assert late.error["message"].startswith("This payment could be refunded until 20")
    assert "취소할 수 있었습니다" in late.error["message_ko"]
    assert world.cancel_calls(purchase) == []
    assert world.books.amounts(purchase.payment_id) == (5_000, 0, 0, 5_000)


def test_a_dispute_is_seen_when_it_opens_and_when_it_ends(world: World, mina: Shopper) -> None:
    purchase = world.paid(mina, 5_000)
    world.portone.dispute(purchase.payment_id, reason="fraud")
    world.quiet(purchase)
    (finding,) = _findings(world, purchase, "dispute")
    assert finding["closed_at"] is None
    assert world.books.events(purchase.payment_id, "dispute_opened") == 1
    world.portone.resolve_dispute(purchase.payment_id)
    world.quiet(purchase)
    (finding,) = _findings(world, purchase, "dispute")
    assert finding["closed_at"] is not None
    assert world.books.events(purchase.payment_id, "dispute_resolved") == 1
    assert world.books.payment(purchase.payment_id)["status"] == "paid"


def test_console_chargeback_and_our_refund_end_in_the_same_books(world: World, mina: Shopper) -> None:
    purchase = world.paid(mina, 9_000)
    world.portone.hold_webhooks()
    world.portone.chargeback(purchase.payment_id, amount=1_000)
    assert world.admin.cancel(purchase.payment_id, 2_000).result["amount"] == 2_000
    world.portone.console_cancel(purchase.payment_id, amount=3_000)
    world.portone.release_webhooks(order="reverse", duplicate=True)
    world.quiet(purchase)
    assert world.books.amounts(purchase.payment_id) == (9_000, 6_000, 0, 3_000)
    assert world.books.differences(purchase.payment_id) == []


def test_the_console_took_everything_first_and_our_refund_ends_without_a_send(
    world: World, mina: Shopper
) -> None:
    purchase = world.paid(mina, 9_000)
    world.portone.hold_webhooks()
    world.portone.console_cancel(purchase.payment_id)
    late = world.admin.cancel(purchase.payment_id, 2_000)
    assert (late.body["status"], late.body["error"]["code"]) == ("failed", "BALANCE_CHANGED")
    assert world.books.differences(purchase.payment_id) == []
    assert world.cancel_calls(purchase) == []
