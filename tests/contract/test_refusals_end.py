"""Each refusal of each call ends the worker's job as decided: sent once, never retried, said in two languages."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.contract.refusals import ENDS, PAIRS
from tests.contract.test_requests import USED
from tests.unit.cancel_support import begun
from tests.unit.card_support import BILLING_KEY, SCHEDULE, SCHEDULE_ID, card_job
from tests.unit.support import (
    PAYMENT,
    FakeDatabase,
    FakePortOne,
    cancel_job,
    make_deps,
    make_job,
    make_refund,
    payment,
    portone_stores,
    problem,
    settle_all,
)
from worker.errors import Conflict, Misconfigured, Rejected, Transient
from worker.model import ExpectedPayment
from worker.portone.faults import FAULTS
from worker.portone.identities import Person
from worker.runner.executor import Executor
from worker.runner.settler import Settler
from worker.sentences import english, korean
from worker.state import RunnerState, held
from worker.subjects import Schedule

if TYPE_CHECKING:
    from tests.contract.judge import RequestJudge
    from worker.model import Job

OPERATIONS = sorted(ENDS)
HANGUL = re.compile(r"[가-힣]")
NAMED = [(operation, word) for operation, word in PAIRS if word != "UNAUTHORIZED"]
PERSON = Person("홍길동", "01012345678", "0002293", "203.0.113.9", "SKT", "SMS")
JOBS = [pair for pair in PAIRS if ENDS[pair[0]][pair[1]] != "told"]
TOLD = [pair for pair in PAIRS if ENDS[pair[0]][pair[1]] == "told"]
# Reads that come after the call and decide; without one the payment is read, which is PAID.
AFTER: dict[str, list[dict[str, Any]]] = {
    "createPaymentSchedule": [{"items": []}],
    "revokePaymentSchedules": [SCHEDULE],
    "deleteBillingKey": [BILLING_KEY],
}
STUBBORN = ("deleteBillingKey", "PAYMENT_SCHEDULE_ALREADY_EXISTS")
REVOKED = [SCHEDULE | {"status": "REVOKED"}]


def answer(word: str) -> httpx.Response:
    """PortOne's refusal, as the document describes it."""
    extra: dict[str, Any] = {"pgCode": "REJECT", "pgMessage": "한도초과"} if word == "PG_PROVIDER" else {}
    if word == "CHANNEL_SPECIFIC":
        extra = {"failures": [{"type": "PG_PROVIDER", "pgCode": "REJECT", "pgMessage": "한도초과"}]}
    return problem(FAULTS[word][0], word, **extra)


def job_of(operation: str) -> tuple[Job, str]:
    """The job that makes this call, and what the database decides about its attempt."""
    known = Schedule("s1", SCHEDULE_ID, PAYMENT, "2026-10-01T00:00:00Z", "scheduled")
    prepared = ExpectedPayment(PAYMENT, False, "preparing", None, 11000, 1000, "KRW", "CARD")
    jobs = {
        "getPayment": make_job(),
        "preRegisterPayment": make_job("prepare_payment", payment=prepared),
        "cancelPayment": cancel_job(refund=make_refund()),
        "stopPaymentCancellation": make_job("stop_cancellation", refund=make_refund(cancellation_id="c-1")),
        "closeVirtualAccount": make_job("close_virtual_account"),
        "payWithBillingKey": card_job("charge_billing_key"),
        "confirmPayment": card_job("confirm_payment"),
        "createPaymentSchedule": card_job("create_schedule"),
        "getPaymentSchedule": card_job("revoke_schedule", schedule=known),
        "getPaymentSchedules": card_job("create_schedule"),
        "revokePaymentSchedules": card_job("revoke_schedule", schedule=known),
        "getBillingKeyInfo": card_job("sync_billing_key"),
        "deleteBillingKey": card_job("delete_billing_key"),
        "getIdentityVerification": card_job("read_identity"),
    }
    return jobs[operation], "decided" if operation == "getPaymentSchedules" else "send"


class Bench:
    """The real executor, operations and client between a scripted PortOne and a scripted database."""

    def __init__(self, operation: str, word: str) -> None:
        self.job, decision = job_of(operation)
        self.portone = FakePortOne(payment())
        self.method = "GET" if operation.startswith("get") else "POST"
        scripted = [answer(word)]
        if self.method == "GET":
            self.portone.gets = [*scripted]
            self.portone.posts = [httpx.Response(200, json={})]
        else:
            after = REVOKED if word == "PAYMENT_SCHEDULE_ALREADY_REVOKED" else AFTER.get(operation, [])
            self.portone.posts = [*scripted]
            if (operation, word) == STUBBORN:
                self.portone.posts += [httpx.Response(200, json={}), answer(word)]
            self.portone.gets = [httpx.Response(200, json=one) for one in after]
            if operation == "cancelPayment":
                self.portone.gets = [httpx.Response(200, json=payment())]
            if operation == "deleteBillingKey" and word == "BILLING_KEY_NOT_FOUND":
                self.portone.gets = [problem(404, word)]
            if operation == "deleteBillingKey" and word in (
                "BILLING_KEY_NOT_ISSUED",
                "BILLING_KEY_ALREADY_DELETED",
            ):
                self.portone.gets = [httpx.Response(200, json=BILLING_KEY | {"status": "DELETED"})]
        self.database = FakeDatabase(settle_jobs=settle_all, release_jobs=[], begin_attempts=begun(decision))
        self.deps = make_deps(self.database, self.portone)
        self.state = RunnerState()

    async def run(self) -> list[dict[str, Any]]:
        """Run the job once; what was settled."""
        settler = Settler(self.deps, self.state)
        self.state.running[held(self.job)] = self.job
        await Executor(self.deps, self.state, settler).run(self.job)
        settler.close()
        async with asyncio.timeout(5):
            await settler.run()
        return [one for call in self.database.named("settle_jobs") for one in call["outcomes"]]

    def sent(self) -> list[httpx.Request]:
        """The calls of the kind that was refused."""
        return [one for one in self.portone.requests if (one.method == "GET") == (self.method == "GET")]


@pytest.mark.parametrize(("operation", "word"), JOBS)
async def test_a_refusal_ends_the_job_as_decided(operation: str, word: str) -> None:
    bench, end = Bench(operation, word), ENDS[operation][word]
    settled = await bench.run()
    if end == "stop":
        refusal = bench.state.portone_refusal
        assert refusal is not None
        assert not bench.state.may_claim
        assert refusal.message.startswith("PORTONE_API_SECRET: PortOne refused it")
        assert "issue a new V2 API secret" in refusal.message
        # A job that sent money calls keeps its attempt; any other is simply given back.
        assert [one["verdict"] for one in settled] in ([], ["retry"])
        return
    assert bench.state.portone_refusal is None
    (outcome,) = settled
    assert outcome["verdict"] == {"again": "retry", "unsure": "retry"}.get(end, end)
    # A money call whose attempt stayed open would be sent again by the next claim.
    attempt = outcome.get("attempt")
    words = {"done": "succeeded", "unsure": "unknown"}
    assert attempt is None or attempt["outcome"] == words.get(end, "failed")
    if end in ("failed", "dead"):
        error = outcome["error"]
        assert error["code"] == word
        assert HANGUL.search(error["message_ko"])
        assert not HANGUL.search(error["message"])
        assert error["message"] == english(word)
        if word in ("PG_PROVIDER", "CHANNEL_SPECIFIC"):
            assert (error["pg_code"], error["pg_message"]) == ("REJECT", "한도초과")
    if end in ("failed", "done") and bench.method != "GET":
        # Only schedules nobody told us about are worth a second try: they are revoked in between.
        sends = 3 if (operation, word) == STUBBORN else 1
        assert len(bench.sent()) == sends, "a final answer is not asked for a second time"


async def test_a_wrong_balance_is_tried_again_with_a_new_key_and_fresh_numbers() -> None:
    (outcome,) = await Bench("cancelPayment", "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN").run()
    assert (outcome["verdict"], outcome["retry_in_seconds"]) == ("retry", 0)
    # The attempt is closed, so the next one has a key of its own; the balance just read goes along.
    assert outcome["attempt"]["outcome"] == "failed"
    assert [one["total"] for one in outcome["snapshots"]] == [11000]


@pytest.mark.parametrize(("operation", "word"), TOLD)
async def test_a_refused_identity_call_is_told_at_once(operation: str, word: str) -> None:
    fake = FakePortOne()
    fake.posts = [answer(word)]
    identities = portone_stores(fake).main.identities
    key = "identity-0123456789"
    calls: dict[str, Any] = {
        "sendIdentityVerification": lambda: identities.send(
            "iv1", PERSON, channel_key="channel-key-danal", idempotency_key=key
        ),
        "resendIdentityVerification": lambda: identities.resend("iv1", idempotency_key=key),
        "confirmIdentityVerification": lambda: identities.confirm("iv1", otp="123456", idempotency_key=key),
    }
    with pytest.raises(FAULTS[word][1]) as refused:
        await calls[operation]()
    said = refused.value.as_error()
    assert said["code"] == word
    assert HANGUL.search(str(said["message_ko"]))
    assert len(fake.requests) == 1


def test_every_call_and_every_known_refusal_has_a_decision() -> None:
    assert set(ENDS) == USED
    assert {word for words in ENDS.values() for word in words} <= FAULTS.keys()
    assert all(korean(word) for _, word in PAIRS)
    # What the four branches are for: nothing here is both final and waited for.
    for operation, word in NAMED:
        branch, end = FAULTS[word][1], ENDS[operation][word]
        assert branch in (Rejected, Conflict)
        assert end != "stop"
        assert not issubclass(branch, Transient | Misconfigured)


def test_the_decisions_are_about_exactly_what_the_document_lists(judge: RequestJudge) -> None:
    """A refusal PortOne adds has no decision yet: take one in ``refusals``."""
    schemas = judge.document["components"]["schemas"]
    listed: dict[str, set[str]] = {}
    for methods in judge.document["paths"].values():
        for operation in methods.values():
            if not isinstance(operation, dict) or operation.get("operationId") not in USED:
                continue
            words = listed.setdefault(operation["operationId"], set())
            for status, reply in operation["responses"].items():
                if not status.startswith("2"):
                    union = schemas[reply["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]]
                    words.update(union["discriminator"]["mapping"])
    assert {name: set(words) for name, words in ENDS.items()} == listed
