"""A refund is sent only as the database decided, with the bytes it has stored, and never otherwise."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import httpx
import pytest

from tests.unit.cancel_support import KEY, SUCCEEDED, begun, run, stored
from tests.unit.support import (
    CANCELLATION,
    PAYMENT,
    REFUND,
    FakeDatabase,
    FakePortOne,
    cancel_job,
    make_deps,
    make_refund,
    partly_cancelled,
    payment,
    problem,
)
from worker.errors import Misconfigured, Transient
from worker.model import LastAttempt, RefundAccount
from worker.operations.cancel_payment import cancel_payment


async def test_a_refund_is_read_begun_sent_and_read_back() -> None:
    portone = FakePortOne()
    portone.posts = [SUCCEEDED]
    portone.gets = [
        httpx.Response(200, json=payment()),
        httpx.Response(200, json=partly_cancelled(CANCELLATION)),
    ]
    database = FakeDatabase(begin_attempts=begun("send"))
    outcome = await run(database, portone)
    assert [request.method for request in portone.requests] == ["GET", "POST", "GET"]
    (attempt,) = database.named("begin_attempts")[0]["attempts"]
    assert attempt["snapshots"][0]["payment_id"] == PAYMENT
    assert (outcome.verdict, outcome.error) == ("done", None)
    assert outcome.attempt is not None
    assert (outcome.attempt.number, outcome.attempt.outcome) == (1, "succeeded")
    assert outcome.attempt.cancellation_id == CANCELLATION["id"]
    assert [snapshot.status for snapshot in outcome.snapshots] == ["PARTIAL_CANCELLED"]


async def test_the_balance_comes_from_the_read_of_this_job() -> None:
    requested = CANCELLATION | {"id": "c2", "status": "REQUESTED", "totalAmount": 500}
    portone = FakePortOne(partly_cancelled(CANCELLATION, requested))
    portone.posts = [SUCCEEDED]
    await run(FakeDatabase(begin_attempts=begun("send")), portone)
    (sent,) = portone.sent("POST")
    assert json.loads(sent.content)["currentCancellableAmount"] == 11000 - 3000 - 500
    assert json.loads(sent.content)["amount"] == 3000
    assert sent.headers["idempotency-key"] == f'"{KEY}"'


@pytest.mark.parametrize(
    ("discount", "waiting", "refused", "balance"),
    [
        (0, 0, 3, 11000),
        (500, 0, 0, 11000),
        (500, 0, 1, 10500),
        (500, 0, 2, 11000),
        (0, 700, 0, 10300),
        (0, 700, 1, 11000),
        (500, 700, 2, 9800),
        (500, 700, 3, 10500),
    ],
)
async def test_a_balance_portone_does_not_know_is_tried_in_its_other_readings(
    discount: int, waiting: int, refused: int, balance: int
) -> None:
    """Whether a discount or a requested cancellation counts is undocumented; only the right figure is executed."""
    requested = [CANCELLATION | {"id": "c2", "status": "REQUESTED", "totalAmount": waiting}]
    state = payment(
        amount=payment()["amount"] | {"discount": discount}, cancellations=requested if waiting else []
    )
    portone = FakePortOne(state)
    portone.posts = [SUCCEEDED]
    job = replace(cancel_job(), attempt=LastAttempt(refused, "failed") if refused else None)
    await cancel_payment(make_deps(FakeDatabase(begin_attempts=begun("send")), portone), job)
    (sent,) = portone.sent("POST")
    assert json.loads(sent.content)["currentCancellableAmount"] == balance


async def test_what_the_database_stores_is_sealed_and_is_what_is_sent() -> None:
    account = RefundAccount("SHINHAN", "110123456789", "Hong")
    portone = FakePortOne()
    portone.posts = [SUCCEEDED]
    database = FakeDatabase(begin_attempts=begun("send"))
    deps = make_deps(database, portone)
    await cancel_payment(deps, cancel_job(refund=make_refund(refund_account=account)))
    sealed = base64.b64decode(database.named("begin_attempts")[0]["attempts"][0]["body"])
    assert b"110123456789" not in sealed
    assert deps.sealer.open(sealed, purpose=f"cancel:{REFUND}") == portone.sent("POST")[0].content
    assert b"110123456789" in portone.sent("POST")[0].content


@pytest.mark.parametrize("last", [None, "unknown"])
async def test_after_a_crash_the_stored_bytes_go_out_again_unread(last: str | None) -> None:
    portone = FakePortOne(partly_cancelled(CANCELLATION))
    portone.posts = [SUCCEEDED]
    database = FakeDatabase()
    deps = make_deps(database, portone)
    database.answers["begin_attempts"] = begun("resend", body=stored(deps, b'{"amount":3000,"old":true}'))
    outcome = await cancel_payment(deps, cancel_job(last))
    assert database.named("begin_attempts") == [
        {"attempts": [{"job_id": 1, "claim": 1, "body": None, "snapshots": []}]}
    ]
    assert [request.method for request in portone.requests] == ["POST", "GET"]
    assert portone.sent("POST")[0].content == b'{"amount":3000,"old":true}'
    assert outcome is not None
    assert outcome.verdict == "done"


async def test_a_definite_failure_before_means_a_new_body() -> None:
    portone = FakePortOne(partly_cancelled(CANCELLATION))
    portone.posts = [SUCCEEDED]
    database = FakeDatabase(begin_attempts=begun("send", attempt_number=2))
    await run(database, portone, outcome="failed")
    assert database.named("begin_attempts")[0]["attempts"][0]["body"] is not None


async def test_a_lost_claim_says_nothing_and_sends_nothing() -> None:
    portone = FakePortOne()
    database = FakeDatabase(begin_attempts=begun("lost"))
    assert await cancel_payment(make_deps(database, portone), cancel_job()) is None
    assert portone.sent("POST") == []


@pytest.mark.parametrize(
    ("decision", "verdict", "code", "snapshots"),
    [
        ("balance_changed", "done", None, 1),
        ("blocked", "retry", "PAYMENT_CALL_BLOCKED", 1),
        ("decided", "done", None, 1),
        ("read_only", "retry", "CANCELLATION_UNDECIDED", 1),
        ("something new", "retry", "DECISION_UNKNOWN", 0),
    ],
)
async def test_every_other_decision_sends_nothing(
    decision: str, verdict: str, code: str | None, snapshots: int
) -> None:
    portone = FakePortOne()
    outcome = await run(FakeDatabase(begin_attempts=begun(decision)), portone)
    assert portone.sent("POST") == []
    assert outcome.verdict == verdict
    assert (outcome.error or {}).get("code") == code
    assert len(outcome.snapshots) == snapshots
    assert outcome.attempt is None


async def test_waiting_for_another_refund_or_for_a_second_read_is_no_failure() -> None:
    for decision in ("blocked", "read_only"):
        outcome = await run(FakeDatabase(begin_attempts=begun(decision)), FakePortOne())
        assert outcome.counts_as_failure is False
        assert outcome.retry_in_seconds is not None
    read_again = await run(FakeDatabase(begin_attempts=begun("read_only")), FakePortOne(), outcome="unknown")
    assert read_again.retry_in_seconds is not None
    assert read_again.retry_in_seconds > 60


async def test_a_decided_cancellation_waits_until_portone_lists_it() -> None:
    refund = make_refund(cancellation_id=CANCELLATION["id"])
    database = FakeDatabase(begin_attempts=begun("decided"))
    outcome = await run(database, FakePortOne(), outcome="unknown", refund=refund)
    assert (outcome.verdict, (outcome.error or {})["code"]) == ("retry", "CANCELLATION_NOT_LISTED")
    listed = await run(
        database, FakePortOne(partly_cancelled(CANCELLATION)), outcome="unknown", refund=refund
    )
    assert listed.verdict == "done"


async def test_a_404_is_no_proof_that_the_payment_does_not_exist() -> None:
    portone = FakePortOne()
    portone.payment = None
    outcome = await run(FakeDatabase(), portone)
    assert (outcome.verdict, outcome.not_found) == ("retry", True)


async def test_a_stored_body_that_cannot_be_opened_needs_a_person() -> None:
    database = FakeDatabase(begin_attempts=begun("resend", body=base64.b64encode(b"junk").decode()))
    outcome = await run(database, FakePortOne(), outcome="unknown")
    assert (outcome.verdict, (outcome.error or {})["code"]) == ("dead", "SEALED_BODY_UNREADABLE")
    missing = await run(FakeDatabase(begin_attempts=begun("resend")), FakePortOne(), outcome="unknown")
    assert (missing.verdict, (missing.error or {})["code"]) == ("dead", "SEALED_BODY_MISSING")


async def test_a_body_sealed_with_a_key_we_lost_stops_the_runner() -> None:
    other = make_deps(data_encryption_key="old:" + base64.b64encode(bytes(32)).decode())
    database = FakeDatabase(begin_attempts=begun("resend", body=stored(other, b"{}")))
    with pytest.raises(Misconfigured, match="DATA_ENCRYPTION_KEY"):
        await run(database, FakePortOne(), outcome="unknown")


async def test_a_job_without_its_refund_needs_a_person() -> None:
    outcome = await run(FakeDatabase(), FakePortOne(), refund=None)
    assert (outcome.verdict, (outcome.error or {})["code"]) == ("dead", "CONTEXT_INCOMPLETE")


async def test_an_outage_before_the_send_is_an_ordinary_retry() -> None:
    portone = FakePortOne()
    portone.gets = [httpx.ReadTimeout("x")]
    with pytest.raises(Transient):
        await run(FakeDatabase(), portone)
    assert portone.sent("POST") == []


async def test_no_bank_detail_reaches_an_outcome() -> None:
    account = RefundAccount("SHINHAN", "110123456789", "Hong", "01012345678")
    portone = FakePortOne()
    portone.posts = [problem(400, "INVALID_REQUEST")]
    outcome = await run(
        FakeDatabase(begin_attempts=begun("send")), portone, refund=make_refund(refund_account=account)
    )
    text = json.dumps(outcome.to_json())
    for secret in ("110123456789", "01012345678", "Hong"):
        assert secret not in text
