"""A refund is sent only as the database decided, and every answer of PortOne ends as what is known about it."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

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
from worker.model import Outcome, RefundAccount
from worker.operations.cancel_payment import cancel_payment
from worker.operations.send_cancel import RefusedWhileSending

if TYPE_CHECKING:
    from worker.deps import Deps

KEY = f"cancel-{REFUND}-1"
SUCCEEDED = httpx.Response(200, json={"cancellation": CANCELLATION})


def begun(decision: str, **fields: Any) -> Any:
    """Answer ``begin_attempts`` like the database: a send gives the body back."""

    def answer(params: dict[str, Any]) -> list[dict[str, Any]]:
        (attempt,) = params["attempts"]
        row = {
            "index": 1, "job_id": attempt["job_id"], "decision": decision, "attempt_number": 1, "idempotency_key": KEY,
            "body": attempt["body"], "sent_at": "2026-09-02T01:00:00Z", "detail": None,
        }  # fmt: skip
        return [row | fields]

    return answer


def stored(deps: Deps, body: bytes) -> str:
    """Return a sealed body as the database stores it."""
    return base64.b64encode(deps.sealer.seal(body, purpose=f"cancel:{REFUND}")).decode()


async def run(database: FakeDatabase, portone: FakePortOne, **job: Any) -> Outcome:
    """Run the operation and return its outcome."""
    outcome = await cancel_payment(make_deps(database, portone), cancel_job(**job))
    assert outcome is not None
    return outcome


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
        ("blocked", "retry", "CANCELLATION_BLOCKED", 1),
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


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (httpx.ReadTimeout("x"), "PORTONE_TIMEOUT"),
        (httpx.ReadError("x"), "PORTONE_CONNECTION_LOST"),
        (httpx.ConnectError("x"), "PORTONE_UNREACHABLE"),
        (httpx.Response(500, text="<html>"), "PORTONE_UNAVAILABLE"),
        (httpx.Response(200, text="<html>"), "PORTONE_REPLY_UNREADABLE"),
        (problem(400, "A_TYPE_OF_TOMORROW"), "PORTONE_UNAVAILABLE"),
        (problem(409, "IDEMPOTENCY_OUTSTANDING_REQUEST"), "IDEMPOTENCY_OUTSTANDING_REQUEST"),
    ],
)
async def test_an_unknown_outcome_stays_unknown(answer: httpx.Response | Exception, code: str) -> None:
    portone = FakePortOne()
    portone.posts = [answer]
    outcome = await run(FakeDatabase(begin_attempts=begun("send")), portone)
    assert outcome.verdict == "retry"
    assert outcome.attempt is not None
    assert (outcome.attempt.outcome, outcome.attempt.code) == ("unknown", code)
    assert outcome.retry_in_seconds == 2


async def test_waits_for_the_same_key_grow_and_retry_after_is_honoured() -> None:
    waits = []
    for failures in range(8):
        portone = FakePortOne()
        portone.posts = [problem(409, "IDEMPOTENCY_OUTSTANDING_REQUEST")]
        outcome = await run(FakeDatabase(begin_attempts=begun("send")), portone, failures=failures)
        waits.append(outcome.retry_in_seconds)
    assert waits == [2, 5, 10, 20, 40, 60, 60, 60]
    portone = FakePortOne()
    portone.posts = [httpx.Response(429, headers={"retry-after": "33"})]
    limited = await run(FakeDatabase(begin_attempts=begun("send")), portone)
    assert limited.retry_in_seconds == 33


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (problem(502, "PG_PROVIDER", pgCode="X1", pgMessage="no balance"), "PG_PROVIDER"),
        (problem(400, "INVALID_REQUEST"), "INVALID_REQUEST"),
        (problem(403, "FORBIDDEN"), "FORBIDDEN"),
        (problem(409, "PAYMENT_NOT_PAID"), "PAYMENT_NOT_PAID"),
        (problem(409, "PAYMENT_ALREADY_CANCELLED"), "PAYMENT_ALREADY_CANCELLED"),
        (
            problem(409, "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT"),
            "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT",
        ),
        (problem(409, "MAX_CANCEL_COUNT_REACHED"), "MAX_CANCEL_COUNT_REACHED"),
    ],
)
async def test_a_definite_no_is_final_and_brings_the_state_along(answer: httpx.Response, code: str) -> None:
    portone = FakePortOne()
    portone.posts = [answer]
    outcome = await run(FakeDatabase(begin_attempts=begun("send")), portone)
    assert (outcome.verdict, (outcome.error or {})["code"]) == ("failed", code)
    assert outcome.attempt is not None
    assert (outcome.attempt.outcome, outcome.attempt.code) == ("failed", code)
    assert len(outcome.snapshots) == 1


async def test_a_definite_no_is_final_even_when_it_cannot_be_read_back() -> None:
    portone = FakePortOne()
    portone.gets = [httpx.Response(200, json=payment()), httpx.ReadTimeout("x")]
    portone.posts = [problem(502, "PG_PROVIDER", pgCode="X1", pgMessage="no")]
    outcome = await run(FakeDatabase(begin_attempts=begun("send")), portone)
    assert (outcome.verdict, outcome.snapshots) == ("failed", ())


async def test_a_wrong_balance_is_looked_at_again_with_fresh_numbers() -> None:
    portone = FakePortOne()
    portone.posts = [problem(409, "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN")]
    outcome = await run(FakeDatabase(begin_attempts=begun("send")), portone)
    assert (outcome.verdict, outcome.retry_in_seconds, outcome.counts_as_failure) == ("retry", 0, True)
    assert outcome.attempt is not None
    assert outcome.attempt.outcome == "failed"
    assert len(outcome.snapshots) == 1


@pytest.mark.parametrize(
    ("status", "outcome_word", "verdict"),
    [("SUCCEEDED", "succeeded", "done"), ("REQUESTED", "requested", "done"), ("FAILED", "failed", "failed"),
     ("PONDERING", "requested", "done")],
)  # fmt: skip
async def test_http_200_does_not_mean_refunded(status: str, outcome_word: str, verdict: str) -> None:
    entry = CANCELLATION | {"status": status}
    portone = FakePortOne(partly_cancelled(entry))
    portone.posts = [httpx.Response(200, json={"cancellation": entry})]
    outcome = await run(FakeDatabase(begin_attempts=begun("send")), portone)
    assert outcome.attempt is not None
    assert (outcome.attempt.outcome, outcome.verdict) == (outcome_word, verdict)


async def test_an_accepted_cancel_that_cannot_be_read_back_keeps_what_is_known() -> None:
    portone = FakePortOne()
    portone.gets = [httpx.Response(200, json=payment()), httpx.Response(503)]
    portone.posts = [SUCCEEDED]
    outcome = await run(FakeDatabase(begin_attempts=begun("send")), portone)
    assert outcome.verdict == "retry"
    assert outcome.attempt is not None
    assert (outcome.attempt.outcome, outcome.attempt.cancellation_id) == ("succeeded", CANCELLATION["id"])


async def test_a_read_back_older_than_the_cancel_is_read_again() -> None:
    portone = FakePortOne(payment())
    portone.posts = [SUCCEEDED]
    outcome = await run(FakeDatabase(begin_attempts=begun("send")), portone)
    assert (outcome.verdict, (outcome.error or {})["code"]) == ("retry", "CANCELLATION_NOT_LISTED")
    assert outcome.attempt is not None
    assert outcome.attempt.outcome == "succeeded"


@pytest.mark.parametrize(("decision", "outcome_word"), [("send", "failed"), ("resend", "unknown")])
async def test_refused_credentials_stop_the_runner_and_decide_only_a_first_send(
    decision: str, outcome_word: str
) -> None:
    portone = FakePortOne()
    portone.posts = [problem(401, "UNAUTHORIZED")]
    database = FakeDatabase()
    deps = make_deps(database, portone)
    database.answers["begin_attempts"] = begun(decision, body=stored(deps, b"{}"))
    with pytest.raises(RefusedWhileSending) as caught:
        await cancel_payment(deps, cancel_job())
    outcome = caught.value.outcome
    assert (outcome.verdict, outcome.counts_as_failure) == ("retry", False)
    assert outcome.attempt is not None
    assert outcome.attempt.outcome == outcome_word


async def test_forbidden_on_a_repeat_says_nothing_about_the_first_send() -> None:
    portone = FakePortOne()
    portone.posts = [problem(403, "FORBIDDEN")]
    database = FakeDatabase()
    deps = make_deps(database, portone)
    database.answers["begin_attempts"] = begun("resend", body=stored(deps, b"{}"))
    outcome = await cancel_payment(deps, cancel_job("unknown"))
    assert outcome is not None
    assert outcome.attempt is not None
    assert (outcome.verdict, outcome.attempt.outcome) == ("retry", "unknown")


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
