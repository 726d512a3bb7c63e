"""The checklist's virtual accounts: issuance, completion, refund with bank details, validation of refund_account."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sandbox.demo.shopper import Shopper
    from sandbox.demo.world import Purchase, World

ACCOUNT = {"bank": "KOOKMIN", "number": "12345678901234", "holder_name": "Mina Kim"}


def _issued(world: World, shopper: Shopper, **window: Any) -> Purchase:
    purchase = world.prepared(shopper, 5_000, "VIRTUAL_ACCOUNT")
    world.open_window(purchase, **window)
    world.portone.issue_virtual_account(purchase.payment_id)
    world.quiet(purchase)
    return purchase


def _deposited(world: World, shopper: Shopper, **window: Any) -> Purchase:
    purchase = _issued(world, shopper, **window)
    world.portone.deposit(purchase.payment_id)
    world.quiet(purchase)
    return purchase


def test_issuance_shows_the_account_and_fulfils_nothing(world: World, mina: Shopper) -> None:
    purchase = _issued(world, mina)
    (row,) = mina.select("payments", payment_id=f"eq.{purchase.payment_id}")
    method = world.portone.payment(purchase.payment_id)["method"]
    assert (row["status"], row["virtual_account_bank"]) == ("virtual_account_issued", method["bank"])
    assert row["virtual_account_number"] == method["accountNumber"]
    assert row["virtual_account_expires_at"] is not None
    assert (row["paid_amount"], mina.select("orders")[0]["status"]) == (0, "pending")
    assert world.books.differences(purchase.payment_id) == []


def test_completion_by_the_deposit_pays_the_order_once(world: World, mina: Shopper) -> None:
    purchase = _deposited(world, mina)
    assert mina.select("orders")[0]["status"] == "paid"
    assert world.books.events(purchase.payment_id, "order_settled") == 1
    assert world.books.differences(purchase.payment_id) == []


def test_refund_with_bank_details_in_two_parts(world: World, mina: Shopper) -> None:
    purchase = _deposited(world, mina)
    for amount in (2_000, 3_000):
        assert (
            world.admin.cancel(purchase.payment_id, amount, refund_account=ACCOUNT).result["amount"] == amount
        )
    world.quiet(purchase)
    sent = [json.loads(call["body"])["refundAccount"] for call in world.cancel_calls(purchase)]
    assert sent == [{"bank": "KOOKMIN", "number": ACCOUNT["number"], "holderName": "Mina Kim"}] * 2
    assert world.books.differences(purchase.payment_id) == []
    assert world.books.amounts(purchase.payment_id) == (5_000, 5_000, 0, 0)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"bank": None}, "refund_account.bank"),
        ({"number": None}, "refund_account.number"),
        ({"holder_name": None}, "refund_account.holder_name"),
        ({"bank": "kookmin"}, "refund_account.bank"),
        ({"bank": "BANK_OF_NOWHERE"}, "refund_account.bank"),
        ({"number": "123-456-7890"}, "refund_account.number"),
        ({"number": "12345"}, "refund_account.number"),
        ({"number": 12345678901234}, "refund_account.number"),
        ({"holder_name": ""}, "refund_account.holder_name"),
        ({"holder_name": "M" * 51}, "refund_account.holder_name"),
        ({"holder_phone_number": "010-1234-5678"}, "refund_account.holder_phone_number"),
        ({"swift": "KOOKKRSE"}, "refund_account.swift"),
    ],
    ids=str,
)
def test_validation_of_refund_account_names_the_field(
    world: World, virtual_account: Purchase, change: dict[str, Any], field: str
) -> None:
    account = {name: value for name, value in {**ACCOUNT, **change}.items() if value is not None}
    refused = world.admin.cancel(virtual_account.payment_id, 1_000, refund_account=account)
    assert (refused.status, refused.error["field"]) == (422, field)
    assert refused.error.get("hint") or "should" in refused.error["message"]
    assert ACCOUNT["number"] not in str(refused.body)
    assert world.cancel_calls(virtual_account) == []


@pytest.fixture(scope="module")
def virtual_account(flow_world: World) -> Purchase:
    return _deposited(flow_world, flow_world.customer())


def test_validation_smartro_needs_the_phone_number(world: World, mina: Shopper) -> None:
    purchase = _deposited(
        world, mina, channelKey="channel-key-smartro", customer={"phoneNumber": "01012345678"}
    )
    refused = world.admin.cancel(purchase.payment_id, 1_000, refund_account=ACCOUNT)
    assert (refused.status, refused.code) == (422, "REFUND_ACCOUNT_REQUIRED")
    assert refused.error["fields"] == ["refund_account.holder_phone_number"]
    account = {**ACCOUNT, "holder_phone_number": "01012345678"}
    assert world.admin.cancel(purchase.payment_id, 1_000, refund_account=account).result["amount"] == 1_000
    world.quiet(purchase)
    assert world.books.differences(purchase.payment_id) == []


def test_a_card_takes_no_refund_account(world: World, mina: Shopper) -> None:
    purchase = world.paid(mina, 5_000)
    refused = world.admin.cancel(purchase.payment_id, 1_000, refund_account=ACCOUNT)
    assert (refused.status, refused.code) == (422, "REFUND_ACCOUNT_NOT_USED")


def test_the_owner_may_close_an_account_nobody_paid_into(world: World, mina: Shopper) -> None:
    purchase = _issued(world, mina)
    closed = mina.cancel(purchase.payment_id)
    assert (closed.status, closed.body["kind"], closed.body["status"]) == (
        200,
        "close_virtual_account",
        "succeeded",
    )
    world.quiet(purchase)
    assert world.books.differences(purchase.payment_id) == []
    assert world.cancel_calls(purchase) == []
    again = mina.pay(purchase.order_id).result
    assert again["paymentId"] != purchase.payment_id
