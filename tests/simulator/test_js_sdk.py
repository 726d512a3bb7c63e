"""PortOne's official JavaScript SDK works against the simulator: every operation, and every webhook verified."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.setup.node import NODE_MODULES, node_binary

from .walk import STORE

if TYPE_CHECKING:
    from sandbox.portone.control_client import SimulatorControl
    from sandbox.portone.server import RunningSimulator

    from .openapi import Contract
    from .receiver import Receiver

SCRIPTS = Path(__file__).parent / "js"
EXPECTED_ERRORS = {
    "getPaymentMissing": {"error": "PAYMENT_NOT_FOUND", "kind": "GetPaymentError"},
    "cancelTooMuch": {"error": "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT", "kind": "CancelPaymentError"},
    "confirmMismatch": {"error": "INFORMATION_MISMATCH", "kind": "ConfirmPaymentError"},
    "payDeclined": {"error": "PG_PROVIDER", "kind": "PayWithBillingKeyError"},
    "deleteTooEarly": {"error": "PAYMENT_SCHEDULE_ALREADY_EXISTS", "kind": "DeleteBillingKeyError"},
}
# Operation of the SDK -> schema of its answer; what is not here answers an empty object.
SCHEMAS = {
    "getPayment": "Payment",
    "cancelPayment": "CancelPaymentResponse",
    "cancelLater": "CancelPaymentResponse",
    "getPayments": "GetPaymentsResponse",
    "getPaymentTransactions": "GetPaymentTransactionsResponse",
    "resendWebhook": "ResendWebhookResponse",
    "confirmPayment": "ConfirmedPaymentSummary",
    "payInstantly": "PayInstantlyResponse",
    "closeVirtualAccount": "CloseVirtualAccountResponse",
    "issueBillingKey": "IssueBillingKeyResponse",
    "getBillingKeyInfo": "BillingKeyInfo",
    "getBillingKeyInfos": "GetBillingKeyInfosResponse",
    "payWithBillingKey": "PayWithBillingKeyResponse",
    "createPaymentSchedule": "CreatePaymentScheduleResponse",
    "getPaymentSchedule": "PaymentSchedule",
    "getPaymentSchedules": "GetPaymentSchedulesResponse",
    "revokePaymentSchedules": "RevokePaymentSchedulesResponse",
    "deleteBillingKey": "DeleteBillingKeyResponse",
    "confirmIdentityVerification": "ConfirmIdentityVerificationResponse",
    "getIdentityVerification": "IdentityVerification",
    "loginViaApiSecret": "LoginViaApiSecretResponse",
}


def run_script(name: str, given: dict[str, Any]) -> Any:
    """Return what a script printed; skips where the SDK is not installed."""
    if not (NODE_MODULES / "@portone" / "server-sdk").is_dir():
        pytest.skip("the JavaScript SDK is not installed; run `make setup`")
    done = subprocess.run(
        [str(node_binary()), str(SCRIPTS / name)],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def driven(running: RunningSimulator, hooked: SimulatorControl) -> dict[str, Any]:
    """Return the results of all operations."""
    given = {
        "url": running.url,
        "secret": running.api_secret,
        "storeId": STORE,
        "controlUrl": running.control_url,
    }
    results: dict[str, Any] = run_script("drive.mjs", given)
    return results


def test_every_operation(
    driven: dict[str, Any],
    hooked: SimulatorControl,
    contract: Contract,
    receiver: Receiver,
    running: RunningSimulator,
) -> None:
    assert {name: result for name, result in driven.items() if "error" in result} == EXPECTED_ERRORS
    for name, schema in SCHEMAS.items():
        contract.check(schema, driven[name])
    assert len(driven) == 37
    called = {contract.operation(row["method"], row["path"])["operationId"] for row in hooked.requests()}
    assert len(called) == 31, "every operation the simulator serves, except the list of banks"
    hooked.settle()
    sent = [{"body": one.body.decode(), "headers": one.headers} for one in receiver.take()]
    types = run_script("verify.mjs", {"secret": running.webhook_secret, "messages": sent})
    assert types == [json.loads(message["body"])["type"] for message in sent]
    assert set(types) >= {"Transaction.Paid", "Transaction.Failed", "BillingKey.Issued", "BillingKey.Deleted"}


def test_forged_and_stale_messages_are_refused(
    running: RunningSimulator, hooked: SimulatorControl, receiver: Receiver
) -> None:
    hooked.send_webhook(type="Transaction.Paid", data={"paymentId": "p"}, secret="whsec_" + "AAAA" * 8)
    hooked.send_webhook(type="Transaction.Paid", data={"paymentId": "p"}, timestamp=1)
    hooked.send_webhook(type="Transaction.Paid", data={"paymentId": "p"}, headers={"webhook-id": None})
    sent = [{"body": one.body.decode(), "headers": one.headers} for one in receiver.take()]
    verdicts = run_script("verify.mjs", {"secret": running.webhook_secret, "messages": sent})
    assert verdicts == ["NO_MATCHING_SIGNATURE", "TIMESTAMP_TOO_OLD", "MISSING_REQUIRED_HEADERS"]
