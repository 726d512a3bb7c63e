"""Every reply keeps PortOne's official OpenAPI document; which ones were judged is itself asserted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import ValidationError

from sandbox.portone.banks import BANKS
from sandbox.portone.errors import STATUS_OF
from sandbox.portone.routes import ROUTES

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from sandbox.portone.control_client import SimulatorControl

    from .openapi import Contract

    Pay = Callable[..., str]

ACCOUNT = {"bank": "KAKAO", "number": "3333012345678", "holderName": "Hong"}


def test_a_walk_through_every_operation(
    contract: Contract, hooked: SimulatorControl, api: httpx.Client, open_window: Pay, pay: Pay
) -> None:
    """Statuses, methods and errors of each operation, judged reply by reply."""

    def call(method: str, path: str, **options: Any) -> Any:
        response = api.request(method, path, **options)
        contract.judge(response)
        return response.json()

    def cancel(payment_id: str, **body: Any) -> Any:
        return call("POST", f"/payments/{payment_id}/cancel", json={"reason": "r"} | body)

    call("POST", "/payments/pay000000001/pre-register", json={"totalAmount": 1000, "currency": "KRW"})
    account = open_window(1000, "vbank", "VIRTUAL_ACCOUNT")
    call("GET", f"/payments/{account}")
    cancel(account)
    call("POST", f"/payments/{account}/virtual-account/close")
    hooked.issue_virtual_account(account)
    call("GET", f"/payments/{account}")
    hooked.deposit(account)
    call("GET", f"/payments/{account}")
    cancel(account)
    cancel(account, amount=400, refundAccount=ACCOUNT)
    call("GET", f"/payments/{account}")
    cancel(account, refundAccount=ACCOUNT)
    cancel(account, refundAccount=ACCOUNT)
    call("GET", f"/payments/{account}")
    closed = open_window(1000, "vbank", "VIRTUAL_ACCOUNT")
    hooked.issue_virtual_account(closed)
    call("POST", f"/payments/{closed}/virtual-account/close")
    call("GET", f"/payments/{closed}")
    slow = pay(1000, "async")
    entry = cancel(slow)["cancellation"]
    call("GET", f"/payments/{slow}")
    call("POST", f"/payments/{slow}/cancellations/none/stop", json={})
    call("POST", f"/payments/{slow}/cancellations/{entry['id']}/stop", json={})
    call("POST", f"/payments/{slow}/cancellations/{entry['id']}/stop", json={})
    call("GET", f"/payments/{slow}")
    easy = pay(
        1000, "easypay", "EASY_PAY", customer={"customerId": "u", "fullName": "Hong"}, customData={"a": 1}
    )
    hooked.dispute(easy)
    hooked.resolve_dispute(easy)
    call("GET", f"/payments/{easy}")
    call("POST", f"/payments/{easy}/pre-register", json={})
    hooked.add_fault("pg_provider", "/payments/*/cancel")
    cancel(easy)
    hooked.settle()
    call("POST", f"/payments/{easy}/resend-webhook", json={})
    call("POST", f"/payments/{easy}/resend-webhook", json={"webhookId": "none"})
    hooked.assumptions(manual_resend_limit=0)
    call("POST", f"/payments/{easy}/resend-webhook", json={})
    pending = open_window()
    hooked.pend(pending)
    call("GET", f"/payments/{pending}")
    for path in ("/payments", "/payments-by-cursor", "/payment-events-by-cursor", "/banks"):
        call("GET", path)
    for path in ("/payments", "/payments-by-cursor", "/payment-events-by-cursor"):
        call("GET", path, params={"requestBody": "["})
        call("GET", path, params={"requestBody": "{}"}, headers={"Authorization": "PortOne wrong"})
    foreign = {"storeId": "store-other"}
    call("GET", "/payments", params={"requestBody": '{"filter": {"storeId": "store-other"}}'})
    call("GET", "/payments/pay000000001", params=foreign)
    for tail in ("cancel", "pre-register", "resend-webhook", "cancellations/x/stop"):
        call("POST", f"/payments/pay000000001/{tail}", json={"reason": "r"} | foreign)
        call("POST", f"/payments/pay000000001/{tail}", json={"storeId": 1})
        call("POST", f"/payments/pay000000001/{tail}", json={}, headers={"Authorization": "PortOne wrong"})
    call("POST", "/payments/pay000000001/virtual-account/close", params=foreign)
    for tail in ("cancel", "resend-webhook", "cancellations/x/stop", "virtual-account/close"):
        call("POST", f"/payments/nothing/{tail}", json={"reason": "r"})
    judged = {(method, path) for method, path, _ in contract.judged}
    served = {(method, shape) for shape, methods in ROUTES.items() for method in methods}
    assert len(judged) == len(served), "every operation the simulator serves was judged"
    assert {status for _, _, status in contract.judged} == {200, 400, 401, 403, 404, 409, 502}


def test_banks_are_the_documents(contract: Contract, api: httpx.Client) -> None:
    document = contract.document["components"]["schemas"]["Bank"]
    assert list(BANKS) == document["enum"]
    assert {bank: entry["title"] for bank, entry in document["x-portone-enum"].items()} == BANKS
    assert len(api.get("/banks").json()["items"]) == 79


def test_statuses_of_errors_are_the_documents(contract: Contract) -> None:
    schemas = contract.document["components"]["schemas"]
    documented: dict[str, set[int]] = {}
    for name, union in schemas.items():
        if not name.endswith("Error") or "discriminator" not in union:
            continue
        for word, target in union["discriminator"]["mapping"].items():
            status = schemas[target.rpartition("/")[2]]["x-portone-status-code"]
            documented.setdefault(word, set()).add(status)
    ours = {word: {status} for word, status in STATUS_OF.items() if not word.startswith("SIM_")}
    # The idempotency refusal is in no error union of the document.
    assert ours.pop("IDEMPOTENCY_OUTSTANDING_REQUEST") == {409}
    assert ours == {word: documented[word] for word in ours}


def test_the_judge_can_fail(contract: Contract, api: httpx.Client, pay: Pay) -> None:
    payment = api.get(f"/payments/{pay()}").json()
    contract.check("Payment", payment)
    for spoilt in (
        payment | {"status": "PAYED"},
        payment | {"statusChangeAt": "2026-01-01T00:00:00Z"},
        payment | {"paidAt": "2026-01-01 00:00:00"},
        payment | {"amount": payment["amount"] | {"total": "1000"}},
        payment | {"method": {"type": "PaymentMethodCard", "card": {"brand": "NONE"}}},
        {name: value for name, value in payment.items() if name != "disputes"},
    ):
        with pytest.raises(ValidationError):
            contract.check("Payment", spoilt)
