"""A saved card is charged only with the bytes the database has stored, at most once, and a decline is final."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import pytest

from tests.unit.cancel_support import begun
from tests.unit.card_support import CUSTOMER, KEY, card_job, charge, operation_body, saved_card
from tests.unit.support import (
    OPERATION,
    PAYMENT,
    SECOND_STORE,
    STORE,
    FakeDatabase,
    FakePortOne,
    make_deps,
    payment,
    problem,
)
from worker.operations.charge_billing_key import charge_billing_key
from worker.operations.confirm_payment import confirm_payment
from worker.operations.create_schedule import create_schedule
from worker.operations.send_stored import RefusedWhileSending
from worker.subjects import Channel

ACCEPTED = {"payment": {"pgTxId": "t1", "paidAt": "2026-09-01T01:00:31Z"}}


def portone(*answers: Any, state: Any = None) -> FakePortOne:
    """Return a PortOne with these answers to the send."""
    fake = FakePortOne(state)
    fake.posts = list(answers)
    return fake


def paid() -> httpx.Response:
    """Return the answer to a successful charge or approval."""
    return httpx.Response(200, json=ACCEPTED)


async def test_a_charge_is_begun_sent_and_read_back() -> None:
    fake = portone(paid())
    database = FakeDatabase(begin_attempts=begun("send"))
    outcome = await charge(database, fake)
    assert [(request.method, request.url.path) for request in fake.requests] == [
        ("POST", f"/payments/{PAYMENT}/billing-key"),
        ("GET", f"/payments/{PAYMENT}"),
    ]
    assert json.loads(fake.requests[0].content) == {
        "storeId": STORE, "billingKey": KEY, "channelKey": "channel-key-billing", "orderName": "Widget x1",
        "customer": {"id": CUSTOMER}, "amount": {"total": 11000, "taxFree": 1000}, "currency": "KRW",
    }  # fmt: skip
    assert (outcome.verdict, outcome.attempt.outcome, len(outcome.snapshots)) == ("done", "succeeded", 1)


async def test_what_is_stored_is_sealed_and_is_what_is_sent() -> None:
    fake = portone(paid())
    database = FakeDatabase(begin_attempts=begun("send"))
    deps = make_deps(database, fake)
    await charge_billing_key(deps, card_job("charge_billing_key"))
    sealed = base64.b64decode(database.named("begin_attempts")[0]["attempts"][0]["body"])
    assert KEY.encode() not in sealed
    assert deps.sealer.open(sealed, purpose=f"operation:{OPERATION}") == fake.requests[0].content


@pytest.mark.parametrize("last", [None, "unknown"])
async def test_after_a_crash_the_stored_bytes_go_out_again(last: str | None) -> None:
    fake = portone(paid())
    database = FakeDatabase()
    deps = make_deps(database, fake)
    database.answers["begin_attempts"] = begun("resend", body=operation_body(deps, b'{"old":true}'))
    outcome = await charge_billing_key(deps, card_job("charge_billing_key", last))
    assert database.named("begin_attempts")[0]["attempts"][0]["body"] is None
    assert fake.sent("POST")[0].content == b'{"old":true}'
    assert outcome is not None
    assert outcome.verdict == "done"


@pytest.mark.parametrize("last", ["succeeded", "requested"])
async def test_a_send_that_succeeded_is_never_followed_by_another(last: str) -> None:
    fake = portone()
    outcome = await charge(FakeDatabase(), fake, outcome=last)
    assert [request.method for request in fake.requests] == ["GET"]
    assert outcome.verdict == "done"


async def test_a_declined_card_is_a_final_business_answer_with_the_banks_words() -> None:
    fake = portone(
        problem(502, "PG_PROVIDER", pgCode="LIMIT", pgMessage="한도 초과"), state=payment("FAILED")
    )
    outcome = await charge(FakeDatabase(begin_attempts=begun("send")), fake)
    assert (outcome.verdict, outcome.attempt.outcome, outcome.attempt.code) == (
        "failed",
        "failed",
        "PG_PROVIDER",
    )
    assert (outcome.error["pg_code"], outcome.error["pg_message"]) == ("LIMIT", "한도 초과")
    assert outcome.error["message_ko"]
    assert [snapshot.status for snapshot in outcome.snapshots] == ["FAILED"]


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ReadTimeout("x"), httpx.ReadError("x"), httpx.ConnectError("x"), httpx.Response(502, text="<html>"),
        httpx.Response(200, text="<html>"), problem(409, "IDEMPOTENCY_OUTSTANDING_REQUEST"),
        problem(400, "TOMORROW"),
    ],
)  # fmt: skip
async def test_an_unknown_outcome_stays_unknown(answer: Any) -> None:
    outcome = await charge(FakeDatabase(begin_attempts=begun("send")), portone(answer))
    assert (outcome.verdict, outcome.attempt.outcome, outcome.retry_in_seconds) == ("retry", "unknown", 2)


@pytest.mark.parametrize(
    ("status", "verdict", "word"),
    [("PAID", "done", "succeeded"), ("CANCELLED", "done", "succeeded"), ("READY", "retry", "unknown")],
)
async def test_already_paid_is_our_own_earlier_send_once_the_read_agrees(
    status: str, verdict: str, word: str
) -> None:
    fake = portone(problem(409, "ALREADY_PAID"), state=payment(status))
    outcome = await charge(FakeDatabase(begin_attempts=begun("send")), fake)
    assert (outcome.verdict, outcome.attempt.outcome) == (verdict, word)


async def test_a_decline_that_cannot_be_read_back_is_not_believed_yet() -> None:
    """The next charge of the order has another payment id: nothing at PortOne would stop it."""
    fake = portone(problem(502, "PG_PROVIDER", pgCode="LIMIT", pgMessage="no"))
    fake.gets = [httpx.ReadTimeout("x")]
    outcome = await charge(FakeDatabase(begin_attempts=begun("send")), fake)
    assert (outcome.verdict, outcome.attempt.outcome) == ("retry", "unknown")
    fake = portone(problem(502, "PG_PROVIDER", pgCode="LIMIT", pgMessage="no"))
    fake.gets = [problem(404, "PAYMENT_NOT_FOUND")]
    outcome = await charge(FakeDatabase(begin_attempts=begun("send")), fake)
    assert (outcome.verdict, outcome.attempt.outcome) == ("failed", "failed"), "read: there is nothing"


async def test_already_paid_that_cannot_be_read_back_stays_unknown() -> None:
    fake = portone(problem(409, "ALREADY_PAID"))
    fake.gets = [httpx.ReadTimeout("x")]
    outcome = await charge(FakeDatabase(begin_attempts=begun("send")), fake)
    assert (outcome.verdict, outcome.attempt.outcome, outcome.snapshots) == ("retry", "unknown", ())


@pytest.mark.parametrize(
    ("status", "code", "deleted"),
    [
        (409, "BILLING_KEY_ALREADY_DELETED", True), (404, "BILLING_KEY_NOT_FOUND", False),
        (404, "CHANNEL_NOT_FOUND", False), (409, "PAYMENT_SCHEDULE_ALREADY_EXISTS", False),
        (409, "SUM_OF_PARTS_EXCEEDS_TOTAL_AMOUNT", False), (400, "MAX_TRANSACTION_COUNT_REACHED", False),
        (400, "INVALID_REQUEST", False), (403, "FORBIDDEN", False),
    ],
)  # fmt: skip
async def test_a_definite_no_is_final(status: int, code: str, deleted: bool) -> None:
    fake = portone(problem(status, code))
    fake.payment = None
    outcome = await charge(FakeDatabase(begin_attempts=begun("send")), fake)
    assert (outcome.verdict, outcome.error["code"], outcome.attempt.outcome) == ("failed", code, "failed")
    assert outcome.to_json()["deleted"] is deleted


async def test_an_accepted_charge_that_cannot_be_read_back_keeps_what_is_known() -> None:
    fake = portone(paid())
    fake.gets = [httpx.Response(503)]
    outcome = await charge(FakeDatabase(begin_attempts=begun("send")), fake)
    assert (outcome.verdict, outcome.attempt.outcome, outcome.counts_as_failure) == (
        "retry",
        "succeeded",
        False,
    )


async def test_after_the_window_the_payment_is_only_read() -> None:
    fake = portone()
    database = FakeDatabase(begin_attempts=begun("read_only"))
    found = await charge(database, fake, outcome="unknown")
    assert (found.verdict, len(found.snapshots), found.not_found) == ("retry", 1, False)
    fake.payment = None
    gone = await charge(database, fake, outcome="unknown")
    assert (gone.verdict, gone.not_found, gone.counts_as_failure) == ("retry", True, False)
    assert gone.retry_in_seconds > 60
    assert fake.sent("POST") == []


@pytest.mark.parametrize(("decision", "sent"), [("lost", 0), ("decided", 0), ("tomorrow", 0)])
async def test_every_other_decision_sends_nothing(decision: str, sent: int) -> None:
    fake = portone()
    outcome = await charge(FakeDatabase(begin_attempts=begun(decision)), fake)
    assert len(fake.sent("POST")) == sent
    assert (outcome is None) == (decision == "lost")


async def test_a_test_channel_charges_nothing_in_a_live_shop() -> None:
    fake = portone()
    deps = make_deps(FakeDatabase(), fake, environment="live")
    job = card_job("charge_billing_key", channel=Channel(STORE, "channel-key-billing", "TEST", None))
    outcome = await charge_billing_key(deps, job)
    assert outcome is not None
    assert (outcome.verdict, (outcome.error or {})["code"]) == ("failed", "CHANNEL_KIND_MISMATCH")
    assert fake.requests == []


@pytest.mark.parametrize("kind", ["charge_billing_key", "create_schedule"])
async def test_a_card_saved_before_the_shop_went_live_pays_for_nothing(kind: str) -> None:
    """Its payment would expect the TEST channel it was issued in, find it, and be fulfilled with no money."""
    fake = portone()
    deps = make_deps(FakeDatabase(), fake, environment="live")
    run = charge_billing_key if kind == "charge_billing_key" else create_schedule
    outcome = await run(deps, card_job(kind, card=saved_card(channel_kind="TEST")))
    assert outcome is not None
    assert (outcome.verdict, (outcome.error or {})["code"]) == ("failed", "CHANNEL_KIND_MISMATCH")
    assert fake.requests == []


async def test_the_cards_own_channel_is_used_and_none_is_invented() -> None:
    fake = portone(paid())
    channel = Channel(STORE, "channel-key-other", "TEST", None)
    card = saved_card(channel_key=None)
    await charge(FakeDatabase(begin_attempts=begun("send")), fake, channel=channel, card=card)
    assert "channelKey" not in json.loads(fake.requests[0].content)


async def test_a_card_of_another_store_is_charged_there_with_that_stores_secret() -> None:
    fake = portone(paid())
    await charge(FakeDatabase(begin_attempts=begun("send")), fake, card=saved_card(store_id=SECOND_STORE))
    sent, read = fake.requests
    assert json.loads(sent.content)["storeId"] == SECOND_STORE
    assert {sent.headers["authorization"], read.headers["authorization"]} == {"PortOne " + "t" * 40}
    assert read.url.params["storeId"] == SECOND_STORE


async def test_refused_credentials_name_the_store_whose_secret_to_renew() -> None:
    fake = portone(problem(401, "UNAUTHORIZED"))
    with pytest.raises(RefusedWhileSending) as caught:
        await charge(FakeDatabase(begin_attempts=begun("send")), fake, card=saved_card(store_id=SECOND_STORE))
    assert caught.value.message.startswith(f"PORTONE_STORES.{SECOND_STORE}.api_secret: ")
    assert SECOND_STORE in caught.value.message
    assert caught.value.outcome.attempt is not None
    assert caught.value.outcome.attempt.outcome == "failed"


@pytest.mark.parametrize(
    "missing", [{"card": None}, {"card": saved_card(billing_key=None)}, {"payment": None}]
)
async def test_a_job_without_card_or_price_needs_a_person(missing: dict[str, Any]) -> None:
    outcome = await charge(FakeDatabase(), portone(), **missing)
    assert (outcome.verdict, outcome.error["code"]) == ("dead", "CONTEXT_INCOMPLETE")


async def test_an_approval_asks_for_the_price_of_the_database() -> None:
    fake = portone(paid())
    database = FakeDatabase(begin_attempts=begun("send"))
    deps = make_deps(database, fake)
    outcome = await confirm_payment(deps, card_job("confirm_payment"))
    assert fake.requests[0].url.path == f"/payments/{PAYMENT}/confirm"
    assert json.loads(fake.requests[0].content) == {
        "storeId": STORE, "paymentToken": "paytoken-secret", "txId": "tx-1", "currency": "KRW", "totalAmount": 11000,
        "taxFreeAmount": 1000, "isTest": True,
    }  # fmt: skip
    assert outcome is not None
    assert outcome.verdict == "done"
    assert "paytoken-secret" not in json.dumps([outcome.to_json(), database.calls])
    assert "paytoken-secret" not in repr(card_job("confirm_payment"))


@pytest.mark.parametrize(
    ("status", "code"), [(409, "INFORMATION_MISMATCH"), (400, "INVALID_PAYMENT_TOKEN"), (404, "PAYMENT_NOT_FOUND")]
)  # fmt: skip
async def test_an_approval_that_does_not_fit_fails_with_its_code(status: int, code: str) -> None:
    fake = portone(problem(status, code), state=payment("READY"))
    deps = make_deps(FakeDatabase(begin_attempts=begun("send")), fake)
    outcome = await confirm_payment(deps, card_job("confirm_payment"))
    assert outcome is not None
    assert (outcome.verdict, (outcome.error or {})["code"], len(outcome.snapshots)) == ("failed", code, 1)


async def test_an_approval_without_its_token_needs_a_person() -> None:
    outcome = await confirm_payment(make_deps(), card_job("confirm_payment", approval=None))
    assert outcome is not None
    assert outcome.verdict == "dead"
