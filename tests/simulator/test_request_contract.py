"""The checker other tests use on a client's requests: it passes good ones and can fail for each rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .request_contract import RequestContract

if TYPE_CHECKING:
    import httpx

    from sandbox.portone.control_client import SimulatorControl

    from .openapi import Contract

KEY = '"cancel-0190d6f2-0001"'
GOOD: dict[str, Any] = {
    "method": "POST",
    "path": "/payments/pay000000001/cancel",
    "query": "",
    "body": '{"reason": "r", "amount": 1}',
    "idempotency_key": KEY,
}


def test_good_requests_pass_as_the_simulator_logs_them(
    contract: Contract, control: SimulatorControl, api: httpx.Client
) -> None:
    api.post("/payments/pay000000001/cancel", json={"reason": "r"}, headers={"Idempotency-Key": KEY})
    api.get("/payments/pay000000001", params={"storeId": "s"})
    api.get("/payments", params={"requestBody": '{"filter": {"status": ["PAID"]}}'})
    api.delete(
        "/payment-schedules",
        params={"requestBody": '{"billingKey": "k"}'},
        headers={"Idempotency-Key": '"revoke-0190d6f2-0001"'},
    )
    checker = RequestContract(contract)
    assert checker.check(control.requests()) == 4
    assert checker.seen == {"cancelPayment", "getPayment", "getPayments", "revokePaymentSchedules"}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"body": '{"amount": 1}'}, "body: 'reason' is a required property"),
        ({"body": '{"reason": "r", "amout": 1}'}, "body: unknown property 'amout'"),
        ({"body": '{"reason": "r", "amount": "1"}'}, "body.amount: '1' is not of type 'integer'"),
        ({"body": '{"reason": "r", "refundAccount": {"bank": "NONE"}}'}, "body.refundAccount"),
        ({"body": "{"}, "body: is not JSON"),
        ({"query": "storeID=s"}, "query storeID: is no parameter"),
        ({"idempotency_key": None}, "Idempotency-Key: is missing"),
        ({"idempotency_key": KEY.strip('"')}, "is not a quoted key"),
        ({"path": "/payments/pay000000001/cancle"}, "no operation of the document"),
        ({"method": "PUT"}, "no operation of the document"),
        (
            {"method": "GET", "path": "/payments", "query": "requestBody=%7B%22pages%22%3A1%7D", "body": ""},
            "pages",
        ),
        ({"method": "GET", "path": "/payments", "body": '{"page": {}}'}, "use the query form"),
    ],
)
def test_each_rule_can_fail(contract: Contract, change: dict[str, Any], problem: str) -> None:
    with pytest.raises(AssertionError, match=r"(POST|PUT|GET) /") as failure:
        RequestContract(contract).check([GOOD, GOOD | change])
    assert problem in str(failure.value)
    assert str(failure.value).count("\n") <= 1
