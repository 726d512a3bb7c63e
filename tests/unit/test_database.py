"""Calls to Supabase: which key goes where, what each refusal means, and that foreign text cannot break JSON."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.support import ENVIRONMENT, JWT, OPERATION, FakeDatabase, make_job, payment
from tests.unit.test_settings import legacy_key
from worker.db.clean import clean_json
from worker.db.client import Database
from worker.db.jobs import read_job
from worker.db.queue import Queue
from worker.db.user import UserRequests
from worker.errors import DatabaseFault, DatabaseUnavailable, Misconfigured, Rejected
from worker.http_pool import HttpPool
from worker.model import Outcome
from worker.portone.snapshot import read_payment

SECRET, PUBLISHABLE = ENVIRONMENT["SUPABASE_SECRET_KEY"], ENVIRONMENT["SUPABASE_PUBLISHABLE_KEY"]
URL = "http://supabase.test"


class Api:
    """A PostgREST that answers one thing and remembers what it was asked."""

    def __init__(self, answer: httpx.Response | Exception, secret_key: str = SECRET) -> None:
        self.answer = answer
        self.requests: list[httpx.Request] = []
        pool = HttpPool(timeout=httpx.Timeout(5), concurrency=1, transport=httpx.MockTransport(self._handle))
        self.database = Database(url=URL, secret_key=secret_key, publishable_key=PUBLISHABLE, pool=pool)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def refused(status: int, code: str, **fields: Any) -> httpx.Response:
    """Return a PostgREST error."""
    return httpx.Response(
        status, json={"code": code, "message": "m", "details": None, "hint": None, **fields}
    )


async def test_the_worker_calls_with_the_secret_key_as_apikey_only() -> None:
    api = Api(httpx.Response(200, json=[{"a": 1}]))
    assert await api.database.call("claim_jobs", {"max": 1}) == [{"a": 1}]
    (request,) = api.requests
    assert str(request.url) == f"{URL}/rest/v1/rpc/claim_jobs"
    assert request.method == "POST"
    assert request.headers["apikey"] == SECRET
    assert "authorization" not in request.headers
    assert request.headers["user-agent"].startswith("portone-supabase-worker/")
    assert json.loads(request.content) == {"max": 1}


async def test_a_legacy_key_is_a_bearer_token_too() -> None:
    key = legacy_key("service_role")
    api = Api(httpx.Response(200, json=[]), secret_key=key)
    await api.database.call("queue_stats", {})
    assert api.requests[0].headers["authorization"] == f"Bearer {key}"


async def test_a_user_is_the_user_and_never_the_service() -> None:
    api = Api(httpx.Response(200, json={"id": OPERATION}))
    await api.database.call_as_user("get_operation", {"id": OPERATION}, token=JWT)
    assert api.requests[0].headers["apikey"] == PUBLISHABLE
    assert api.requests[0].headers["authorization"] == f"Bearer {JWT}"
    assert SECRET not in str(api.requests[0].headers)


@pytest.mark.parametrize(
    ("answer", "branch"),
    [
        (httpx.ConnectError("x"), DatabaseUnavailable),
        (httpx.ReadTimeout("x"), DatabaseUnavailable),
        (httpx.Response(502, text="<html>"), DatabaseUnavailable),
        (httpx.Response(503, text=""), DatabaseUnavailable),
        (httpx.Response(200, text="<html>realtime</html>"), DatabaseUnavailable),
        (refused(503, "PT503"), DatabaseUnavailable),
        (refused(503, "PGRST002"), DatabaseUnavailable),
        (refused(504, "PGRST003"), DatabaseUnavailable),
        (refused(500, "SUP"), DatabaseFault),
        (refused(500, "57014"), DatabaseFault),
        (refused(422, "PT422"), Rejected),
        (refused(409, "PT409"), Rejected),
        (refused(409, "23505"), Rejected),
        (refused(400, "22P02"), Rejected),
        (refused(401, "PGRST301"), Misconfigured),
        (refused(403, "42501"), Misconfigured),
        (refused(404, "PGRST202"), Misconfigured),
    ],
)
async def test_each_refusal_of_the_worker_has_its_branch(answer: Any, branch: type[Exception]) -> None:
    with pytest.raises(branch) as caught:
        await Api(answer).database.call("settle_jobs", {"outcomes": []})
    assert type(caught.value) is branch


async def test_a_call_that_got_no_answer_is_not_repeated_here() -> None:
    api = Api(httpx.ReadError("x"))
    with pytest.raises(DatabaseUnavailable, match="database not reachable"):
        await api.database.call("settle_jobs", {})
    assert len(api.requests) == 1


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (refused(401, "PGRST301"), 401, "INVALID_TOKEN"),
        (refused(403, "42501"), 403, "FORBIDDEN"),
        (refused(404, "PT404", details='{"code":"PAYMENT_NOT_FOUND"}'), 404, "PAYMENT_NOT_FOUND"),
        (refused(409, "PT409", details="not json"), 409, "REFUSED"),
    ],
)
async def test_a_users_refusal_keeps_status_and_code(answer: httpx.Response, status: int, code: str) -> None:
    with pytest.raises(Rejected) as caught:
        await Api(answer).database.call_as_user("request_payment", {}, token=JWT)
    assert (caught.value.status, caught.value.code) == (status, code)


async def test_details_of_a_refusal_reach_the_caller() -> None:
    answer = refused(
        409, "PT409", message="8000 was asked", hint="Ask for at most 700.",
        details='{"code":"CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT","field":"amount","max":700}',
    )  # fmt: skip
    with pytest.raises(Rejected) as caught:
        await Api(answer).database.call_as_user("request_cancellation", {}, token=JWT)
    assert caught.value.message == "8000 was asked"
    assert caught.value.extra == {"field": "amount", "max": 700, "hint": "Ask for at most 700."}


async def test_an_impossible_url_is_a_setting() -> None:
    pool = HttpPool(timeout=httpx.Timeout(1), concurrency=1)
    database = Database(url="http://a b", secret_key=SECRET, publishable_key=PUBLISHABLE, pool=pool)
    with pytest.raises((Misconfigured, DatabaseUnavailable)):
        await database.call("queue_stats", {})
    await pool.aclose()


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(st.characters(exclude_categories=())),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=())), inner),
        max_leaves=20,
    )
)
def test_anything_becomes_json_that_postgres_takes(value: object) -> None:
    text = json.dumps(clean_json(value), ensure_ascii=False, allow_nan=False)
    text.encode("utf-8")
    assert "\\u0000" not in text


def test_clean_text_is_left_alone() -> None:
    value = {"a": ["한글", 1, 1.5, None, True], "emoji": "🙂"}
    assert clean_json(value) == value
    assert clean_json(["a\x00b", "\ud800"]) == ["a\ufffdb", "\ufffd"]


async def test_foreign_characters_are_replaced_before_they_leave() -> None:
    api = Api(httpx.Response(200, json=[]))
    await api.database.call(
        "settle_jobs", {"outcomes": [{"error": {"message": "a\x00\ud800", "n": float("nan")}}]}
    )
    assert json.loads(api.requests[0].content) == {
        "outcomes": [{"error": {"message": "a\ufffd\ufffd", "n": None}}]
    }


def test_a_claimed_row_becomes_a_job() -> None:
    job = read_job(
        {
            "id": 7, "claim": 3, "kind": "cancel_payment", "lane": "payment:p", "failures": 2, "operation_id": OPERATION,
            "payload": {"payment_id": "p"}, "lease_until": "2026-01-01 00:00:00+00",
            "context": {
                "payment": {"payment_id": "p", "known": True, "status": "a_new_status", "amount": 10},
                "cancellation": {
                    "id": "c", "amount": 5, "reason": "r", "requester": "ADMIN",
                    "refund_account": {"bank": "KAKAO", "number": "1", "holderName": "H", "holderPhoneNumber": None},
                },
                "attempt": {"number": 1, "outcome": None, "idempotency_key": "k", "sent_at": "x"},
            },
        }
    )  # fmt: skip
    assert job is not None
    assert (job.id, job.claim, job.failures, job.payment_id) == (7, 3, 2, "p")
    assert job.payment is not None
    assert job.payment.status == "a_new_status"
    assert job.refund is not None
    assert job.refund.refund_account is not None
    assert job.refund.refund_account.holder_name == "H"
    assert job.attempt is not None
    assert job.attempt.outcome is None


@pytest.mark.parametrize(
    "row",
    [{}, {"id": 1, "claim": 1}, {"id": "x", "claim": 1, "kind": "k"}, {"id": True, "claim": 1, "kind": "k"}],
)
def test_a_row_without_identity_is_no_job(row: dict[str, object]) -> None:
    assert read_job(row) is None


def test_an_empty_context_is_a_job_without_knowledge() -> None:
    job = read_job({"id": 1, "claim": 1, "kind": "k", "payload": None, "context": None, "operation_id": None})
    assert job is not None
    assert (job.payment, job.refund, job.attempt, job.payment_id) == (None, None, None, None)
    assert len(f"close-{job.command_id}") >= 16


async def test_extend_names_what_was_lost() -> None:
    database = FakeDatabase(extend_leases=[{"job_id": 1, "held": True}, {"job_id": 2, "held": False}])
    queue = Queue(database, worker="w", lease_seconds=60)  # type: ignore[arg-type]
    assert await queue.extend([(1, 4), (2, 9)]) == {(2, 9)}
    assert database.named("extend_leases") == [
        {
            "leases": [
                {"job_id": 1, "claim": 4, "lease_seconds": 60},
                {"job_id": 2, "claim": 9, "lease_seconds": 60},
            ]
        }
    ]


async def test_every_snapshot_says_which_kind_of_shop_has_read_it() -> None:
    found = read_payment(payment())
    assert found is not None
    database = FakeDatabase(begin_attempts=[{"decision": "send"}], settle_jobs=[])
    queue = Queue(database, worker="w", lease_seconds=60, channel_kind="LIVE")  # type: ignore[arg-type]
    await queue.begin(make_job(), body=b"x", snapshots=[found])
    await queue.settle([Outcome(1, 1, "done", snapshots=(found,))])
    begun = database.named("begin_attempts")[0]["attempts"][0]["snapshots"]
    settled = database.named("settle_jobs")[0]["outcomes"][0]["snapshots"]
    assert begun == settled == [{**found.data, "shop_kind": "LIVE"}]


async def test_begin_without_an_answer_is_a_fault_and_not_a_permission() -> None:
    for answer in ([], [{"decision": "send", "body": "%%%not base64"}]):
        queue = Queue(FakeDatabase(begin_attempts=answer), worker="w", lease_seconds=60)  # type: ignore[arg-type]
        with pytest.raises(DatabaseFault):
            await queue.begin(make_job("cancel_payment"), body=b"x")


async def test_an_operation_that_is_not_there_is_404() -> None:
    users = UserRequests(FakeDatabase(get_operation=None))  # type: ignore[arg-type]
    with pytest.raises(Rejected) as caught:
        await users.operation(OPERATION, token=JWT)
    assert caught.value.status == 404
