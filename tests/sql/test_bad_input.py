"""Every request function says which field is wrong and how to put it right."""

from __future__ import annotations

import uuid
from decimal import Decimal

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
    prepared_payment,
    snapshot,
    sync,
)

ACCOUNT = {"refund_bank": "SHINHAN", "refund_account_number": "110123456789", "refund_account_holder": "Hong"}


def refusal(caller: Caller, function: str, **arguments: object) -> tuple[int, str, str | None]:
    """Status, code and field of a refusal that carries a fix."""
    with pytest.raises(Refused) as refused:
        caller.one(function, **arguments)
    assert refused.value.hint
    assert refused.value.message.endswith(".")
    return refused.value.status, refused.value.code, refused.value.detail.get("field")


def test_request_payment(shop: Shop, worker: Caller, owner: Caller) -> None:
    user_id, other = shop.new_user(), shop.new_user()
    order_id, user = shop.new_order(user_id), shop.user(user_id)
    assert refusal(user, "request_payment", order_id="", pay_method="CARD") == (
        422,
        "ORDER_ID_REQUIRED",
        "order_id",
    )
    assert refusal(user, "request_payment", order_id=order_id, pay_method="GOLD") == (
        422,
        "PAY_METHOD_UNKNOWN",
        "pay_method",
    )
    assert refusal(user, "request_payment", order_id=order_id, pay_method=None) == (
        422,
        "PAY_METHOD_UNKNOWN",
        "pay_method",
    )
    for unknown in (str(uuid.uuid4()), "not-an-id", "' or true --"):
        assert refusal(user, "request_payment", order_id=unknown, pay_method="CARD") == (
            404,
            "ORDER_NOT_FOUND",
            "order_id",
        )
    assert refusal(shop.user(other), "request_payment", order_id=order_id, pay_method="CARD") == (
        404,
        "ORDER_NOT_FOUND",
        "order_id",
    )
    assert refusal(
        user, "request_payment", order_id=order_id, pay_method="CARD", idempotency_key="short"
    ) == (422, "IDEMPOTENCY_KEY_INVALID", "idempotency_key")
    first = user.one("request_payment", order_id=order_id, pay_method="CARD", idempotency_key="key-00001")
    assert (
        user.one("request_payment", order_id=order_id, pay_method="CARD", idempotency_key="key-00001")["id"]
        == first["id"]
    )
    assert refusal(
        user,
        "request_payment",
        order_id=shop.new_order(user_id),
        pay_method="CARD",
        idempotency_key="key-00001",
    ) == (409, "IDEMPOTENCY_KEY_REUSED", "idempotency_key")
    assert (
        shop.user(other).one(
            "request_payment", order_id=shop.new_order(other), pay_method="CARD", idempotency_key="key-00001"
        )["id"]
        != first["id"]
    ), "keys belong to their user"
    owner.run(
        "alter table public.orders drop constraint if exists orders_total_amount_check, drop constraint if exists orders_tax_free_amount_check, drop constraint if exists orders_check"
    )
    free = shop.new_order(user_id, 0)
    assert refusal(user, "request_payment", order_id=free, pay_method="CARD") == (
        409,
        "ORDER_HAS_NO_PRICE",
        "order_id",
    )


def test_nobody_signed_in_asks_for_nothing(shop: Shop) -> None:
    stranger = shop.connect("authenticated", {})
    assert refusal(stranger, "request_payment", order_id="x", pay_method="CARD")[1] == "SIGN_IN_REQUIRED"
    assert refusal(stranger, "get_operation", id=uuid.uuid4())[1] == "SIGN_IN_REQUIRED"


def test_request_completion_and_get_operation(shop: Shop, worker: Caller) -> None:
    paid = paid_payment(shop, worker)
    other = shop.user(shop.new_user())
    operation = shop.user(paid.user_id).one("request_completion", payment_id=paid.payment_id)
    assert refusal(other, "request_completion", payment_id=paid.payment_id) == (
        404,
        "PAYMENT_NOT_FOUND",
        "payment_id",
    )
    assert refusal(other, "request_completion", payment_id="payunknown") == (
        404,
        "PAYMENT_NOT_FOUND",
        "payment_id",
    )
    assert refusal(other, "request_completion", payment_id=None) == (422, "PAYMENT_ID_REQUIRED", "payment_id")
    assert refusal(other, "get_operation", id=operation["id"]) == (404, "OPERATION_NOT_FOUND", "id")
    assert refusal(other, "get_operation", id=uuid.uuid4()) == (404, "OPERATION_NOT_FOUND", "id")


@pytest.mark.parametrize(
    ("change", "status", "code", "field"),
    [
        ({"amount": 0}, 422, "AMOUNT_NOT_POSITIVE", "amount"),
        ({"amount": -5}, 422, "AMOUNT_OUT_OF_RANGE", "amount"),
        ({"amount": Decimal("0.5")}, 422, "AMOUNT_NOT_WHOLE", "amount"),
        ({"amount": 2**31}, 422, "AMOUNT_OUT_OF_RANGE", "amount"),
        ({"amount": 10**30}, 422, "AMOUNT_OUT_OF_RANGE", "amount"),
        ({"amount": Decimal("NaN")}, 422, "AMOUNT_NOT_WHOLE", "amount"),
        ({"amount": 1001}, 409, "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT", "amount"),
        ({"tax_free_amount": -1}, 422, "AMOUNT_OUT_OF_RANGE", "tax_free_amount"),
        ({"reason": None}, 422, "REASON_REQUIRED", "reason"),
        ({"reason": "  "}, 422, "REASON_REQUIRED", "reason"),
        ({"reason": "x" * 201}, 422, "REASON_REQUIRED", "reason"),
        ({"reason": "a\nb"}, 422, "REASON_REQUIRED", "reason"),
        (ACCOUNT, 422, "REFUND_ACCOUNT_NOT_USED", "refund_account_number"),
        (
            {"tax_free_amount": 1},
            409,
            "CANCEL_TAX_FREE_AMOUNT_EXCEEDS_CANCELLABLE_TAX_FREE_AMOUNT",
            "tax_free_amount",
        ),
    ],
)
def test_request_cancellation(
    shop: Shop, worker: Caller, owner: Caller, change: Row, status: int, code: str, field: str
) -> None:
    paid = paid_payment(shop, worker)
    assert refusal(
        worker,
        "request_cancellation",
        **({"payment_id": paid.payment_id, "amount": 100, "reason": "r"} | change),
    ) == (status, code, field)
    assert amounts(owner, paid.payment_id) == (1000, 0, 0, 1000), "a refused request holds nothing"
    assert not owner.rows("select 1 from public.payment_cancellations union all select 1 from queue.jobs")


def test_who_may_refund(shop: Shop, worker: Caller) -> None:
    paid = paid_payment(shop, worker)
    ask = {"payment_id": paid.payment_id, "amount": 100, "reason": "r"}
    assert refusal(shop.user(paid.user_id), "request_cancellation", **ask) == (
        403,
        "CANCEL_NOT_ALLOWED",
        "payment_id",
    )
    assert refusal(shop.user(shop.new_user()), "request_cancellation", **ask) == (
        404,
        "PAYMENT_NOT_FOUND",
        "payment_id",
    )
    assert shop.admin().one("request_cancellation", **ask)["status"] == "pending"


def test_what_cannot_be_refunded(shop: Shop, worker: Caller) -> None:
    ready = prepared_payment(shop, worker)
    assert refusal(worker, "request_cancellation", payment_id=ready.payment_id, reason="r") == (
        409,
        "PAYMENT_NOT_PAID",
        "payment_id",
    )
    over = paid_payment(shop, worker)
    sync(
        worker,
        over.payment_id,
        snapshot(
            over.payment_id,
            "CANCELLED",
            cancelled=1000,
            cancellations=[cancellation("c", 1000)],
            updated_at="2026-11-09T00:00:00Z",
        ),
    )
    assert refusal(worker, "request_cancellation", payment_id=over.payment_id, reason="r") == (
        409,
        "PAYMENT_ALREADY_CANCELLED",
        "payment_id",
    )


def test_virtual_account_refunds_need_the_bank_account(shop: Shop, worker: Caller) -> None:
    paid = paid_payment(shop, worker, pay_method="VIRTUAL_ACCOUNT")
    ask = {"payment_id": paid.payment_id, "amount": 100, "reason": "r"}
    with pytest.raises(Refused) as refused:
        worker.one("request_cancellation", **ask)
    assert (refused.value.code, refused.value.detail["fields"]) == (
        "REFUND_ACCOUNT_REQUIRED",
        ["refund_bank", "refund_account_number", "refund_account_holder"],
    )
    for change, code, field in (
        ({"refund_bank": "MY_BANK"}, "REFUND_BANK_UNKNOWN", "refund_bank"),
        ({"refund_account_number": "110-123"}, "REFUND_ACCOUNT_NUMBER_INVALID", "refund_account_number"),
        ({"refund_account_number": "1" * 21}, "REFUND_ACCOUNT_NUMBER_INVALID", "refund_account_number"),
        ({"refund_account_holder": "x" * 51}, "REFUND_ACCOUNT_HOLDER_INVALID", "refund_account_holder"),
        ({"refund_account_phone": "010-1234-5678"}, "REFUND_ACCOUNT_PHONE_INVALID", "refund_account_phone"),
        ({"refund_bank": None}, "REFUND_ACCOUNT_REQUIRED", "refund_bank"),
    ):
        assert refusal(worker, "request_cancellation", **(ask | ACCOUNT | change)) == (422, code, field)
    assert worker.one("request_cancellation", **(ask | ACCOUNT))["status"] == "pending"


def test_smartro_virtual_accounts_need_the_phone_number_too(shop: Shop, worker: Caller) -> None:
    paid = paid_payment(shop, worker, pay_method="VIRTUAL_ACCOUNT", pg_provider="SMARTRO_V2")
    ask = {"payment_id": paid.payment_id, "amount": 100, "reason": "r"} | ACCOUNT
    assert refusal(worker, "request_cancellation", **ask) == (
        422,
        "REFUND_ACCOUNT_REQUIRED",
        "refund_account_phone",
    )
    assert (
        worker.one("request_cancellation", **ask, refund_account_phone="01012345678")["status"] == "pending"
    )


def test_an_unpaid_virtual_account_is_closed_by_its_owner_and_only_as_a_whole(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    paid = prepared_payment(shop, worker, method="VIRTUAL_ACCOUNT")
    account = {
        "bank": "SHINHAN",
        "account_number": "56211112222333",
        "remittee_name": "Shop",
        "expired_at": "2026-11-03T14:59:59Z",
        "refund_status": None,
    }
    sync(
        worker,
        paid.payment_id,
        snapshot(
            paid.payment_id, "VIRTUAL_ACCOUNT_ISSUED", pay_method="VIRTUAL_ACCOUNT", virtual_account=account
        ),
    )
    user = shop.user(paid.user_id)
    assert (
        user.row("select virtual_account_number as shown from public.payments")["shown"] == "56211112222333"
    ), "the payer needs the number"
    assert refusal(user, "request_cancellation", payment_id=paid.payment_id, amount=1, reason="r") == (
        409,
        "PAYMENT_NOT_PAID",
        "amount",
    )
    assert (
        user.one("request_cancellation", payment_id=paid.payment_id, reason="changed my mind")["kind"]
        == "close_virtual_account"
    )
    (job,) = claim(worker)
    assert job["kind"] == "close_virtual_account"
    worker.call("release_jobs", jobs=[{"job_id": job["id"], "claim": job["claim"]}])
    sync_now = snapshot(
        paid.payment_id,
        pay_method="VIRTUAL_ACCOUNT",
        virtual_account=account,
        updated_at="2026-11-02T00:00:00Z",
        status_changed_at="2026-11-02T00:00:00Z",
    )
    (job,) = claim(worker)
    worker.call(
        "settle_jobs",
        outcomes=[
            {
                "job_id": job["id"],
                "claim": job["claim"],
                "verdict": "failed",
                "error": {"code": "PAYMENT_NOT_WAITING_FOR_DEPOSIT", "message": "paid"},
                "snapshots": [sync_now],
            }
        ],
    )
    assert (
        user.row("select virtual_account_number as shown from public.payments")["shown"] == "**********2333"
    ), "masked once it was paid"


def test_tax_free_parts_are_split_as_asked_and_never_beyond_what_is_left(shop: Shop, worker: Caller) -> None:
    paid = paid_payment(shop, worker, 1000, tax_free=400)
    ask = {"payment_id": paid.payment_id, "reason": "r"}
    assert refusal(worker, "request_cancellation", **ask, amount=500) == (
        422,
        "TAX_FREE_AMOUNT_REQUIRED",
        "tax_free_amount",
    )
    assert refusal(worker, "request_cancellation", **ask, amount=500, tax_free_amount=401) == (
        409,
        "CANCEL_TAX_FREE_AMOUNT_EXCEEDS_CANCELLABLE_TAX_FREE_AMOUNT",
        "tax_free_amount",
    )
    assert refusal(worker, "request_cancellation", **ask, amount=900, tax_free_amount=100) == (
        409,
        "CANCEL_TAX_AMOUNT_EXCEEDS_CANCELLABLE_TAX_AMOUNT",
        "tax_free_amount",
    )
    worker.one("request_cancellation", **ask, amount=700, tax_free_amount=300)
    worker.one("request_cancellation", **ask)
    parts = [
        (row["amount"], row["tax_free_amount"])
        for row in shop.owner().rows(
            "select amount, tax_free_amount from public.payment_cancellations order by number"
        )
    ]
    assert parts == [(700, 300), (300, 100)]
