"""Cancellation: every refusal, their order, refunds to bank accounts, asynchronous PGs, and the sums."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox.portone.control_client import SimulatorControl, SimulatorRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    Pay = Callable[..., str]

ACCOUNT = {"bank": "KOOKMIN", "number": "12345678901234", "holderName": "Hong"}


def cancel(api: httpx.Client, payment_id: str, **body: Any) -> httpx.Response:
    """Ask for a cancellation."""
    return api.post(f"/payments/{payment_id}/cancel", json={"reason": "test"} | body)


def refusal(response: httpx.Response) -> tuple[int, str]:
    """Return status and error type."""
    return response.status_code, response.json()["type"]


def test_part_by_part_until_nothing_is_left(api: httpx.Client, pay: Pay) -> None:
    payment_id = pay(1000)
    first = cancel(api, payment_id, amount=300).json()["cancellation"]
    assert (first["status"], first["totalAmount"], first["vatAmount"]) == ("SUCCEEDED", 300, 27)
    after = api.get(f"/payments/{payment_id}").json()
    assert (after["status"], after["amount"]["cancelled"]) == ("PARTIAL_CANCELLED", 300)
    assert after["amount"]["paid"] == 1000, "paid does not shrink"
    assert "disputes" not in after
    assert after["cancellations"][0]["id"] == first["id"]
    assert cancel(api, payment_id).json()["cancellation"]["totalAmount"] == 700
    assert api.get(f"/payments/{payment_id}").json()["status"] == "CANCELLED"


def test_more_than_is_left_is_refused_and_changes_nothing(api: httpx.Client, pay: Pay) -> None:
    payment_id = pay(1000)
    cancel(api, payment_id, amount=300)
    before = api.get(f"/payments/{payment_id}").content
    assert refusal(cancel(api, payment_id, amount=701)) == (409, "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT")
    assert api.get(f"/payments/{payment_id}").content == before


@pytest.mark.parametrize(("base", "balance"), [("total", 1000), ("total_minus_discount", 700)])
def test_what_a_discount_means_for_the_balance_is_an_assumption(
    api: httpx.Client, control: SimulatorControl, open_window: Callable[..., Any], base: str, balance: int
) -> None:
    control.assumptions(cancellable_base=base)
    payment_id = open_window(1000, "easypay", "EASY_PAY")
    control.approve(payment_id, discount=300)
    other = cancel(api, payment_id, amount=100, currentCancellableAmount=1700 - balance)
    assert refusal(other) == (409, "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN")
    assert cancel(api, payment_id, amount=100, currentCancellableAmount=balance).status_code == 200
    assert cancel(api, payment_id).json()["cancellation"]["totalAmount"] == balance - 100
    assert api.get(f"/payments/{payment_id}").json()["status"] == "CANCELLED"


def test_the_optimistic_lock(api: httpx.Client, control: SimulatorControl, pay: Pay) -> None:
    payment_id = pay(1000)
    control.console_cancel(payment_id, amount=100)
    broken = cancel(api, payment_id, amount=100, currentCancellableAmount=1000)
    assert refusal(broken) == (409, "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN")
    assert cancel(api, payment_id, amount=100, currentCancellableAmount=900).status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": -1}, "amount"),
        ({"amount": "100"}, "amount"),
        ({"amount": 1.5}, "amount"),
        ({"reason": ""}, "reason"),
        ({"requester": "ROBOT"}, "requester"),
        ({"refundAccount": ACCOUNT | {"bank": "KOOKMIN_BANK"}}, "refundAccount.bank"),
        ({"refundAccount": {"bank": "KOOKMIN"}}, "refundAccount.number"),
    ],
)
def test_malformed_bodies_name_the_field(
    api: httpx.Client, pay: Pay, body: dict[str, Any], field: str
) -> None:
    response = cancel(api, pay(), **body)
    assert refusal(response) == (400, "INVALID_REQUEST")
    assert field in response.json()["message"]


def test_order_of_checks(api: httpx.Client, control: SimulatorControl, open_window: Pay, pay: Pay) -> None:
    """Each request breaks its own rule and every later one; the earliest broken rule answers."""
    everything_wrong = {
        "amount": 10**9,
        "taxFreeAmount": 10**9,
        "vatAmount": 10**9,
        "currentCancellableAmount": -1,
    }
    control.assumptions(max_cancel_count=1)
    assert refusal(cancel(api, "pay999999", storeId="store-other")) == (403, "FORBIDDEN")
    assert refusal(cancel(api, "pay999999", **everything_wrong)) == (404, "PAYMENT_NOT_FOUND")
    assert refusal(cancel(api, open_window(), **everything_wrong)) == (409, "PAYMENT_NOT_PAID")
    done = pay(1000)
    control.console_cancel(done)
    assert refusal(cancel(api, done, **everything_wrong)) == (409, "PAYMENT_ALREADY_CANCELLED")
    payment_id = pay(1000, "vbank", "VIRTUAL_ACCOUNT", taxFreeAmount=200)
    control.console_cancel(payment_id, amount=100)
    steps: list[tuple[dict[str, int], str]] = [
        ({}, "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN"),
        ({"currentCancellableAmount": 900}, "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT"),
        ({"amount": 900}, "SUM_OF_PARTS_EXCEEDS_CANCEL_AMOUNT"),
        (
            {"taxFreeAmount": 201, "vatAmount": 0},
            "CANCEL_TAX_FREE_AMOUNT_EXCEEDS_CANCELLABLE_TAX_FREE_AMOUNT",
        ),
        ({"taxFreeAmount": 199}, "CANCEL_TAX_AMOUNT_EXCEEDS_CANCELLABLE_TAX_AMOUNT"),
        ({"taxFreeAmount": 200}, "MAX_CANCEL_COUNT_REACHED"),
    ]
    body = dict(everything_wrong)
    for change, expected in steps:
        body |= change
        assert refusal(cancel(api, payment_id, **body)) == (409, expected)
    control.assumptions(max_cancel_count=9)
    control.add_fault("pg_provider", "/payments/*/cancel", pgCode="NO_BALANCE", pgMessage="too little money")
    assert refusal(cancel(api, payment_id, **body)) == (400, "INVALID_REQUEST")
    response = cancel(api, payment_id, **body, refundAccount=ACCOUNT)
    assert refusal(response) == (502, "PG_PROVIDER")
    assert response.json()["pgCode"] == "NO_BALANCE"
    assert cancel(api, payment_id, **body, refundAccount=ACCOUNT).status_code == 200


def test_a_mixed_payment_needs_its_tax_free_part(
    api: httpx.Client, control: SimulatorControl, pay: Pay
) -> None:
    payment_id = pay(1100, taxFreeAmount=100)
    assert refusal(cancel(api, payment_id)) == (409, "CANCEL_TAX_AMOUNT_EXCEEDS_CANCELLABLE_TAX_AMOUNT")
    entry = cancel(api, payment_id, amount=550, taxFreeAmount=50).json()["cancellation"]
    assert (entry["taxFreeAmount"], entry["vatAmount"]) == (50, 45)
    assert api.get(f"/payments/{payment_id}").json()["amount"]["cancelledTaxFree"] == 50
    control.assumptions(full_cancel_derives_tax_free=True)
    assert cancel(api, payment_id).json()["cancellation"]["taxFreeAmount"] == 50


def test_the_parts_count_together(api: httpx.Client, pay: Pay) -> None:
    payment_id = pay(1000, taxFreeAmount=100)
    too_much = cancel(api, payment_id, amount=500, taxFreeAmount=100, vatAmount=401)
    assert refusal(too_much) == (409, "SUM_OF_PARTS_EXCEEDS_CANCEL_AMOUNT")
    entry = cancel(api, payment_id, amount=500, taxFreeAmount=100, vatAmount=400).json()["cancellation"]
    assert entry["vatAmount"] == 400


def test_a_virtual_account_needs_a_refund_account(
    api: httpx.Client, control: SimulatorControl, pay: Pay
) -> None:
    payment_id = pay(5000, "vbank", "VIRTUAL_ACCOUNT")
    response = cancel(api, payment_id)
    assert refusal(response) == (400, "INVALID_REQUEST")
    assert "refundAccount" in response.json()["message"]
    control.assumptions(missing_refund_account="pg_provider")
    assert refusal(cancel(api, payment_id)) == (502, "PG_PROVIDER")
    assert cancel(api, payment_id, refundAccount=ACCOUNT).status_code == 200
    payment = api.get(f"/payments/{payment_id}").json()
    assert (payment["status"], payment["method"]["refundStatus"]) == ("CANCELLED", "PENDING")
    assert control.refund_payout(payment_id, "FAILED")["method"]["refundStatus"] == "FAILED"


def test_smartro_also_needs_a_phone_number(api: httpx.Client, pay: Pay) -> None:
    payment_id = pay(5000, "smartro", "VIRTUAL_ACCOUNT", customer={"phoneNumber": "01012345678"})
    response = cancel(api, payment_id, refundAccount=ACCOUNT)
    assert refusal(response) == (400, "INVALID_REQUEST")
    assert "holderPhoneNumber" in response.json()["message"]
    account = ACCOUNT | {"holderPhoneNumber": "01012345678"}
    assert cancel(api, payment_id, refundAccount=account).status_code == 200


def test_an_issued_account_is_not_cancelled(
    api: httpx.Client, control: SimulatorControl, open_window: Pay
) -> None:
    payment_id = open_window(5000, "vbank", "VIRTUAL_ACCOUNT")
    control.issue_virtual_account(payment_id)
    assert refusal(cancel(api, payment_id, refundAccount=ACCOUNT)) == (409, "PAYMENT_NOT_PAID")


def test_carrier_billing_is_cancelled_whole_and_in_its_month(
    api: httpx.Client, control: SimulatorControl, pay: Pay
) -> None:
    payment_id = pay(1000, "card", "MOBILE")
    assert refusal(cancel(api, payment_id, amount=500)) == (502, "PG_PROVIDER")
    control.advance_clock(32 * 24 * 3600)
    assert refusal(cancel(api, payment_id)) == (400, "INVALID_REQUEST")
    assert cancel(api, payment_id, refundAccount=ACCOUNT).status_code == 200


def test_an_asynchronous_cancellation(api: httpx.Client, control: SimulatorControl, pay: Pay) -> None:
    payment_id = pay(1000, "async")
    entry = cancel(api, payment_id, amount=400).json()["cancellation"]
    assert entry["status"] == "REQUESTED"
    assert "cancelledAt" not in entry
    payment = api.get(f"/payments/{payment_id}").json()
    assert (payment["status"], payment["amount"]["cancelled"]) == ("PAID", 0)
    assert refusal(cancel(api, payment_id, amount=601)) == (409, "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT")
    assert cancel(api, payment_id, amount=600, currentCancellableAmount=600).status_code == 200
    after = control.complete_cancellation(payment_id, entry["id"], "SUCCEEDED")
    assert (after["status"], after["amount"]["cancelled"]) == ("PARTIAL_CANCELLED", 400)
    with pytest.raises(SimulatorRefused, match="not REQUESTED"):
        control.complete_cancellation(payment_id, entry["id"], "FAILED")


def test_a_failed_asynchronous_cancellation_frees_the_amount(
    api: httpx.Client, control: SimulatorControl, pay: Pay
) -> None:
    payment_id = pay(1000, "async")
    entry = cancel(api, payment_id).json()["cancellation"]
    assert refusal(cancel(api, payment_id)) == (409, "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT")
    after = control.complete_cancellation(payment_id, entry["id"], "FAILED")
    assert (after["status"], after["cancellations"][0]["status"]) == ("PAID", "FAILED")
    assert cancel(api, payment_id).status_code == 200


def test_stopping_a_cancellation(api: httpx.Client, pay: Pay) -> None:
    payment_id = pay(1000, "async")
    entry = cancel(api, payment_id).json()["cancellation"]
    path = f"/payments/{payment_id}/cancellations/{entry['id']}/stop"
    assert refusal(api.post(path.replace(entry["id"], "nothing"), json={})) == (
        404,
        "PAYMENT_CANCELLATION_NOT_FOUND",
    )
    assert "stoppedAt" in api.post(path, json={}).json()
    assert refusal(api.post(path, json={})) == (409, "PAYMENT_CANCELLATION_NOT_PENDING")


def test_a_cancellation_may_answer_200_and_have_failed(
    api: httpx.Client, control: SimulatorControl, pay: Pay
) -> None:
    payment_id = pay(1000)
    control.add_fault("cancellation_failed", "/payments/*/cancel")
    response = cancel(api, payment_id)
    assert (response.status_code, response.json()["cancellation"]["status"]) == (200, "FAILED")
    assert api.get(f"/payments/{payment_id}").json()["amount"]["cancelled"] == 0


def test_console_and_chargeback_leave_their_trigger(
    api: httpx.Client, control: SimulatorControl, pay: Pay
) -> None:
    payment_id = pay(1000, "vbank", "VIRTUAL_ACCOUNT", taxFreeAmount=300)
    control.console_cancel(payment_id, amount=100, reason="by hand")
    control.chargeback(payment_id)
    entries = api.get(f"/payments/{payment_id}").json()["cancellations"]
    assert [(entry["trigger"], entry["totalAmount"]) for entry in entries] == [
        ("CONSOLE", 100),
        ("CHARGEBACK", 900),
    ]
    assert entries[1]["taxFreeAmount"] == 300
    with pytest.raises(SimulatorRefused, match="PAYMENT_ALREADY_CANCELLED"):
        control.console_cancel(payment_id)


def test_disputes(api: httpx.Client, control: SimulatorControl, pay: Pay) -> None:
    payment_id = pay()
    control.dispute(payment_id, reason="unknown purchase")
    assert api.get(f"/payments/{payment_id}").json()["disputes"][0]["status"] == "UNRESOLVED"
    control.resolve_dispute(payment_id)
    assert api.get(f"/payments/{payment_id}").json()["disputes"][0]["status"] == "RESOLVED"
