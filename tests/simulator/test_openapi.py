"""Every reply keeps PortOne's official OpenAPI document; which ones were judged is itself asserted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from jsonschema import ValidationError

from sandbox.portone.banks import BANKS
from sandbox.portone.errors import STATUS_OF
from sandbox.portone.routes import ROUTES

from .walk import Walk, billing_keys, identities, login, other_payments, refused_everywhere

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from sandbox.portone.control_client import SimulatorControl
    from sandbox.portone.server import RunningSimulator

    from .openapi import Contract

    Pay = Callable[..., str]

ACCOUNT = {"bank": "KAKAO", "number": "3333012345678", "holderName": "Hong"}


def test_every_operation_and_status_is_judged(
    contract: Contract,
    running: RunningSimulator,
    hooked: SimulatorControl,
    api: httpx.Client,
    open_window: Pay,
    pay: Pay,
) -> None:
    walk = Walk(contract, api)
    _virtual_accounts(walk, hooked, open_window)
    _cards(walk, hooked, open_window, pay)
    _webhooks(walk, hooked, pay())
    _lists(walk)
    _refusals(walk)
    billing_keys(walk, hooked)
    other_payments(walk, hooked)
    identities(walk, hooked)
    login(walk, running.api_secret)
    refused_everywhere(walk)
    judged = {(method, path) for method, path, _ in contract.judged}
    served = {(method, shape) for shape, methods in ROUTES.items() for method in methods}
    assert len(judged) == len(served), "every operation the simulator serves was judged"
    assert {status for _, _, status in contract.judged} == {200, 400, 401, 403, 404, 409, 502}


def _virtual_accounts(walk: Walk, control: SimulatorControl, open_window: Pay) -> None:
    account, closed = (open_window(1000, "vbank", "VIRTUAL_ACCOUNT") for _ in range(2))
    walk.get(account)
    walk.cancel(account)
    walk.call("POST", f"/payments/{account}/virtual-account/close")
    for payment_id in (account, closed):
        control.issue_virtual_account(payment_id)
    assert walk.get(account)["status"] == "VIRTUAL_ACCOUNT_ISSUED"
    control.deposit(account)
    assert walk.get(account)["status"] == "PAID"
    walk.cancel(account)
    walk.cancel(account, amount=400, refundAccount=ACCOUNT)
    assert walk.get(account)["status"] == "PARTIAL_CANCELLED"
    walk.cancel(account, refundAccount=ACCOUNT)
    assert walk.cancel(account, refundAccount=ACCOUNT)["type"] == "PAYMENT_ALREADY_CANCELLED"
    assert walk.get(account)["status"] == "CANCELLED"
    walk.call("POST", f"/payments/{closed}/virtual-account/close")
    assert walk.get(closed)["status"] == "FAILED"


def _cards(walk: Walk, control: SimulatorControl, open_window: Pay, pay: Pay) -> None:
    slow = pay(1000, "async")
    entry = walk.cancel(slow)["cancellation"]
    assert walk.get(slow)["cancellations"][0]["status"] == "REQUESTED"
    walk.call("POST", f"/payments/{slow}/cancellations/none/stop", json={})
    for _ in range(2):
        walk.call("POST", f"/payments/{slow}/cancellations/{entry['id']}/stop", json={})
    walk.get(slow)
    easy = pay(
        1000, "easypay", "EASY_PAY", customer={"customerId": "u", "fullName": "Hong"}, customData={"a": 1}
    )
    control.dispute(easy)
    control.resolve_dispute(easy)
    walk.get(easy)
    walk.call("POST", f"/payments/{easy}/pre-register", json={})
    control.add_fault("pg_provider", "/payments/*/cancel")
    assert walk.cancel(easy)["type"] == "PG_PROVIDER"
    pending = open_window()
    control.pend(pending)
    assert walk.get(pending)["status"] == "PAY_PENDING"
    walk.call("POST", "/payments/new0000001/pre-register", json={"totalAmount": 1000, "currency": "KRW"})


def _webhooks(walk: Walk, control: SimulatorControl, payment_id: str) -> None:
    control.settle()
    walk.get(payment_id)
    walk.call("POST", f"/payments/{payment_id}/resend-webhook", json={})
    walk.call("POST", f"/payments/{payment_id}/resend-webhook", json={"webhookId": "none"})
    control.assumptions(manual_resend_limit=0)
    walk.call("POST", f"/payments/{payment_id}/resend-webhook", json={})


def _lists(walk: Walk) -> None:
    walk.call("GET", "/banks")
    for path in ("/payments", "/payments-by-cursor", "/payment-events-by-cursor"):
        assert walk.call("GET", path)["items"]
        walk.call("GET", path, params={"requestBody": "["})
        walk.call("GET", path, headers={"Authorization": "PortOne wrong"})
    walk.call("GET", "/payments", params={"requestBody": '{"filter": {"storeId": "store-other"}}'})


def _refusals(walk: Walk) -> None:
    foreign = {"storeId": "store-other"}
    walk.call("GET", "/payments/pay000000001", params=foreign)
    for tail in ("cancel", "pre-register", "resend-webhook", "cancellations/x/stop"):
        path = f"/payments/pay000000001/{tail}"
        walk.call("POST", path, json={"reason": "r"} | foreign)
        walk.call("POST", path, json={"storeId": 1})
        walk.call("POST", path, json={}, headers={"Authorization": "PortOne wrong"})
    walk.call("POST", "/payments/pay000000001/virtual-account/close", params=foreign)
    for tail in ("cancel", "resend-webhook", "cancellations/x/stop", "virtual-account/close"):
        walk.call("POST", f"/payments/nothing/{tail}", json={"reason": "r"})


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
