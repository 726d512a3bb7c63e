"""Decides how PortOne's saved cards, schedules and identity checks look in the tests, and the jobs about them."""

from __future__ import annotations

import base64
import copy
from typing import Any

from tests.unit.support import (
    OPERATION,
    PAYMENT,
    STORE,
    FakeDatabase,
    FakePortOne,
    make_deps,
    make_job,
)
from worker.model import ExpectedPayment, Job, LastAttempt
from worker.operations.charge_billing_key import charge_billing_key
from worker.subjects import Approval, IdentityCheck, SavedCard, Schedule

KEY = "billing-key-75ae3cab-6afe-422d-bf34-3a7b1762451d"
ISSUE = "iss0f6c2f4e7a9b4c5d8e1f2a3b4c5d6e7f"
USER = "0b6f1c2d-3e4f-4a5b-8c6d-7e8f9a0b1c2d"
# What the database calls that user at PortOne (private.customer_id_of).
CUSTOMER = "c0a1b2c3d4e5f6a7b8c9"
CARD_ID = "5f1d0c3e-2b4a-4f6d-9e8c-7b6a5f4e3d2c"
SCHEDULE_ID = "0190d7aa-2222-7a40-9a53-5f0c2a1d7e11"
TIME_TO_PAY = "2026-10-01T00:00:00.000000Z"
IDENTITY_ID = "a1b2c3d4-e5f6-4a7b-8c9d-0e1f2a3b4c5d"
IDENTITY = "iv0f6c2f4e7a9b4c5d8e1f2a3b4c5d6e7f"
HASH_KEY = base64.b64encode(bytes(range(64, 96))).decode()
CI = "CIciCIci" * 11
DI = "DIdiDIdi" * 8 + "=="

BILLING_KEY: dict[str, Any] = {
    "status": "ISSUED", "billingKey": KEY, "merchantId": "merchant-7e2a", "storeId": STORE,
    "methods": [{
        "type": "BillingKeyPaymentMethodCard",
        "card": {
            "publisher": "SHINHAN_CARD", "issuer": "SHINHAN_CARD", "brand": "LOCAL", "type": "CREDIT",
            "ownerType": "PERSONAL", "bin": "433012", "name": "Deep Dream", "number": "433012******1234",
        },
    }],
    "channels": [{
        "type": "TEST", "id": "c1", "key": "channel-key-billing", "name": "b", "pgProvider": "TOSSPAYMENTS",
        "pgMerchantId": "tosstest",
    }],
    "customer": {"id": CUSTOMER, "name": "Hong", "phoneNumber": "01012345678"},
    "issueId": ISSUE, "issueName": "saved card", "requestedAt": "2026-09-01T00:59:00Z",
    "issuedAt": "2026-09-01T01:00:00Z",
}  # fmt: skip

SCHEDULE: dict[str, Any] = {
    "status": "SCHEDULED", "id": SCHEDULE_ID, "merchantId": "merchant-7e2a", "storeId": STORE, "paymentId": PAYMENT,
    "billingKey": KEY, "orderName": "Widget x1", "isCulturalExpense": False, "isEscrow": False, "customer": {},
    "customData": "", "totalAmount": 11000, "currency": "KRW", "createdAt": "2026-09-01T01:00:00Z",
    "timeToPay": "2026-10-01T00:00:00Z",
}  # fmt: skip

VERIFIED: dict[str, Any] = {
    "status": "VERIFIED", "id": IDENTITY,
    "channel": {"type": "TEST", "id": "c2", "key": "channel-key-danal", "name": "d", "pgProvider": "DANAL",
                "pgMerchantId": "A010002002"},
    "verifiedCustomer": {
        "id": "u", "name": "홍길동", "operator": "SKT_MVNO", "phoneNumber": "01012345678", "birthDate": "2000-02-29",
        "gender": "MALE", "isForeigner": False, "ci": CI, "di": DI,
    },
    "requestedAt": "2026-09-01T01:00:00Z", "updatedAt": "2026-09-01T01:01:00Z",
    "statusChangedAt": "2026-09-01T01:01:00Z", "verifiedAt": "2026-09-01T01:01:00Z", "pgTxId": "d1",
    "pgRawResponse": '{"CI":"RAWSECRET"}', "version": "V2",
}  # fmt: skip


def changed(base: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return a copy with these top-level fields; None removes one."""
    body = copy.deepcopy(base) | fields
    return {name: value for name, value in body.items() if value is not None}


def saved_card(**fields: Any) -> SavedCard:
    """Return the card of a job's context."""
    values: dict[str, Any] = {
        "id": CARD_ID, "billing_key": KEY, "user_id": USER, "customer_id": CUSTOMER, "issue_id": ISSUE, "store_id": None,
        "channel_key": "channel-key-billing", "pg_provider": "TOSSPAYMENTS", "status": "issued",
        "channel_kind": "TEST",
    }  # fmt: skip
    return SavedCard(**(values | fields))


def card_job(kind: str, outcome: str | None = "none", **fields: Any) -> Job:
    """Return a job about a saved card; ``outcome`` "none" = never sent, else how the last send ended."""
    attempt = None if outcome == "none" else LastAttempt(1, outcome)
    payment = ExpectedPayment(
        PAYMENT, False, "preparing", None, 11000, 1000, "KRW", "CARD", order_name="Widget x1"
    )
    values: dict[str, Any] = {
        "card": saved_card(), "payment": payment, "attempt": attempt,
        "schedule": Schedule("s1", None, PAYMENT, TIME_TO_PAY, "requested"),
        "approval": Approval("paytoken-secret", "tx-1"),
        "identity": IdentityCheck(IDENTITY_ID, IDENTITY, None),
    }  # fmt: skip
    return make_job(kind, **(values | fields))


def operation_body(deps: Any, body: bytes) -> str:
    """Return a sealed body of this operation as the database stores it."""
    return base64.b64encode(deps.sealer.seal(body, purpose=f"operation:{OPERATION}")).decode()


async def charge(database: FakeDatabase, portone: FakePortOne, **job: Any) -> Any:
    """Run the charge operation and return its outcome."""
    return await charge_billing_key(make_deps(database, portone), card_job("charge_billing_key", **job))
