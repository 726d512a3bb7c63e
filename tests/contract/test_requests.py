"""Every request the worker makes is one PortOne's OpenAPI document allows, and every refusal it lists has its branch."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from jsonschema import ValidationError

from tests.unit.cancel_support import begun
from tests.unit.card_support import SCHEDULE, SCHEDULE_ID, card_job
from tests.unit.support import (
    PAYMENT,
    FakeDatabase,
    FakePortOne,
    cancel_job,
    make_deps,
    make_job,
    make_refund,
    portone_stores,
)
from worker.errors import Transient
from worker.model import ExpectedPayment, RefundAccount
from worker.operations.cancel_payment import cancel_payment
from worker.operations.charge_billing_key import charge_billing_key
from worker.operations.close_virtual_account import close_virtual_account
from worker.operations.confirm_payment import confirm_payment
from worker.operations.create_schedule import create_schedule
from worker.operations.delete_billing_key import delete_billing_key
from worker.operations.prepare_payment import prepare_payment
from worker.operations.read_identity import read_identity
from worker.operations.register_billing_key import register_billing_key
from worker.operations.revoke_schedule import revoke_schedule
from worker.operations.stop_cancellation import stop_cancellation
from worker.operations.sync_billing_key import sync_billing_key
from worker.operations.sync_payment import sync_payment
from worker.portone.faults import FAULTS
from worker.portone.identities import Person
from worker.subjects import Schedule

if TYPE_CHECKING:
    from tests.contract.judge import RequestJudge

USED = {
    "getPayment", "preRegisterPayment", "cancelPayment", "stopPaymentCancellation", "closeVirtualAccount", "payWithBillingKey", "confirmPayment",
    "createPaymentSchedule", "getPaymentSchedule", "getPaymentSchedules", "revokePaymentSchedules",
    "getBillingKeyInfo", "deleteBillingKey", "getIdentityVerification", "sendIdentityVerification",
    "resendIdentityVerification", "confirmIdentityVerification",
}  # fmt: skip


async def every_request() -> list[httpx.Request]:
    """Run every operation against a PortOne that answers what leads on, and return what was sent."""
    fake = FakePortOne()
    fake.posts = [lambda _request: httpx.Response(200, json={"schedule": {"id": SCHEDULE_ID}})] * 99
    database = FakeDatabase(begin_attempts=begun("send"))
    deps = make_deps(database, fake, notice_urls="https://shop.example/hook")
    account = RefundAccount("SHINHAN", "110123456789", "홍길동", "01012345678")
    prepared = ExpectedPayment(PAYMENT, False, "preparing", None, 11000, 1000, "KRW", "CARD")
    await sync_payment(deps, make_job())
    await prepare_payment(deps, make_job("prepare_payment", payment=prepared))
    await cancel_payment(deps, cancel_job(refund=make_refund(refund_account=account, tax_free_amount=5)))
    await stop_cancellation(deps, make_job("stop_cancellation", refund=make_refund(cancellation_id="c-1")))
    await close_virtual_account(deps, make_job("close_virtual_account"))
    await charge_billing_key(deps, card_job("charge_billing_key"))
    await confirm_payment(deps, card_job("confirm_payment"))
    fake.gets = [httpx.Response(200, json=SCHEDULE), httpx.Response(200, json={"items": []})]
    await create_schedule(deps, card_job("create_schedule"))
    database.answers["begin_attempts"] = begun("decided")
    await create_schedule(deps, card_job("create_schedule"))
    await _reads(deps)
    await _by_hand(fake)
    return fake.requests


async def _reads(deps: Any) -> None:
    known = Schedule("s1", SCHEDULE_ID, PAYMENT, "2026-10-01T00:00:00Z", "scheduled")
    jobs: list[tuple[Any, dict[str, Any]]] = [
        (register_billing_key, {}), (sync_billing_key, {}), (read_identity, {}),
        (delete_billing_key, {"schedule_ids": (SCHEDULE_ID,)}), (revoke_schedule, {"schedule": known}),
    ]  # fmt: skip
    for operation, fields in jobs:
        # The fake answers a payment to every read; what was sent is what counts here.
        with suppress(Transient):
            await operation(deps, card_job(operation.__name__, **fields))


async def _by_hand(fake: FakePortOne) -> None:
    identities = portone_stores(fake).main.identities
    sms = Person("홍길동", "01012345678", "0002293", "203.0.113.9", "LGU_MVNO", "SMS")
    app = Person("홍길동", "01012345678", None, "203.0.113.9", "SKT", "APP")
    for person in (sms, app):
        await identities.send(
            "iv1", person, channel_key="channel-key-danal", idempotency_key="identity-0123456789"
        )
    await identities.resend("iv1", idempotency_key="identity-0123456789")
    for otp in ("123456", None):
        await identities.confirm("iv1", otp=otp, idempotency_key="identity-0123456789")


async def test_every_request_is_allowed_and_every_operation_was_made(judge: RequestJudge) -> None:
    judge.judged.clear()
    for request in await every_request():
        judge.judge(request)
    assert judge.judged == USED


async def test_the_judge_can_fail(judge: RequestJudge) -> None:
    requests = await every_request()
    charge = next(request for request in requests if request.url.path.endswith("/billing-key"))
    headers = dict(charge.headers)
    for spoilt in (
        charge.content.replace(b'"orderName"', b'"ordername"'),
        charge.content.replace(b'"total":11000', b'"total":"11000"'),
        charge.content.replace(b'"KRW"', b'"WON"'),
    ):
        headers["content-length"] = str(len(spoilt))
        assert spoilt != charge.content
        with pytest.raises(ValidationError):
            judge.judge(httpx.Request("POST", charge.url, content=spoilt, headers=headers))
    with pytest.raises(AssertionError, match="no parameter"):
        judge.judge(httpx.Request("GET", f"https://portone.test/payments/{PAYMENT}?storeID=x"))
    with pytest.raises(AssertionError, match="has no"):
        judge.judge(httpx.Request("GET", "https://portone.test/payment"))


def test_every_refusal_of_every_operation_has_its_branch(judge: RequestJudge) -> None:
    schemas = judge.document["components"]["schemas"]
    documented: dict[str, set[int]] = {}
    for methods in judge.document["paths"].values():
        for operation in methods.values():
            if not isinstance(operation, dict) or operation.get("operationId") not in USED:
                continue
            for status, answer in operation["responses"].items():
                if status.startswith("2"):
                    continue
                union = schemas[answer["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]]
                for word, target in union["discriminator"]["mapping"].items():
                    status_code = schemas[target.rpartition("/")[2]]["x-portone-status-code"]
                    documented.setdefault(word, set()).add(status_code)
    assert len(documented) > 30
    assert {word: {FAULTS[word][0]} for word in documented} == documented
