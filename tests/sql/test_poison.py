"""Law 6, second half: one poison element is named, and taking it out lets its neighbours through."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sql.shop import (
    PREPARED,
    Caller,
    Refused,
    Row,
    Shop,
    claim,
    paid_payment,
    prepared_payment,
    snapshot,
)
from tests.sql.test_webhook_log import delivery


def refused(worker: Caller, function: str, /, **arguments: Any) -> Refused:
    """The refusal of a call."""
    with pytest.raises(Refused) as caught:
        worker.call(function, **arguments)
    assert caught.value.status == 422
    assert caught.value.hint
    return caught.value


BATCHES = {
    "record_webhooks": "webhooks",
    "begin_attempts": "attempts",
    "settle_jobs": "outcomes",
    "extend_leases": "leases",
    "release_jobs": "jobs",
    "enqueue_jobs": "jobs",
    "reseal": "texts",
    "record_drift": "sightings",
}


def test_no_batch_function_is_left_out(worker: Caller) -> None:
    found = worker.rows(
        "select p.proname as name from pg_catalog.pg_proc as p where p.pronamespace = 'public'::regnamespace and p.proargtypes[0] = 'jsonb[]'::regtype"
    )
    assert {row["name"] for row in found} == BATCHES.keys()


@pytest.mark.parametrize(("function", "argument"), BATCHES.items())
def test_every_batch_function_names_a_null_and_a_wrong_element(
    worker: Caller, function: str, argument: str
) -> None:
    for bad in ("null", "[1]", '"text"'):
        sql = f"select * from public.{function}({argument} => array['{{}}', '{bad}']::jsonb[])"
        if bad == "null":
            sql = sql.replace("'null'", "null")
        with pytest.raises(Refused) as caught:
            worker.rows(sql)
        assert (caught.value.code, caught.value.detail["field"]) == (
            "ELEMENT_NOT_AN_OBJECT",
            f"{argument}[2]",
        )


@pytest.mark.parametrize(("function", "argument"), BATCHES.items())
def test_every_batch_function_bounds_its_batch(worker: Caller, function: str, argument: str) -> None:
    most = 200 if function == "record_webhooks" else 500
    answer = refused(worker, function, **{argument: [{}] * (most + 1)})
    assert (answer.code, answer.detail["max"]) == ("BATCH_TOO_LARGE", most)
    with pytest.raises(Refused) as caught:
        worker.rows(f"select * from public.{function}({argument} => null)")
    assert caught.value.code == "BATCH_REQUIRED"
    assert worker.call(function, **{argument: []}) == []


def test_a_batch_over_four_mebibytes_is_refused(worker: Caller) -> None:
    big = "A" * (1024 * 1024)
    assert (
        refused(worker, "record_webhooks", webhooks=[delivery(f"wh-{n}", body=big) for n in range(5)]).code
        == "BATCH_TOO_LARGE"
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"webhook_id": None}, "webhook_id"),
        ({"webhook_id": "x" * 256}, "webhook_id"),
        ({"body": "not base64!"}, "body"),
        ({"body": None}, "body"),
        ({"subject_id": "x" * 300}, "subject_id"),
        ({"subject_kind": "spaceship"}, "subject_kind"),
        ({"secret_index": "one"}, "secret_index"),
    ],
)
def test_a_bad_webhook_is_named_and_its_neighbours_get_through_without_it(
    worker: Caller, owner: Caller, change: Row, field: str
) -> None:
    good, bad = [delivery("wh-1", "paya"), delivery("wh-2", "payb")], delivery("wh-3", "payc") | change
    answer = refused(worker, "record_webhooks", webhooks=[good[0], bad, good[1]])
    assert (answer.code, answer.detail["field"]) == ("WEBHOOK_INVALID", f"webhooks[2].{field}")
    assert owner.row("select count(*) as n from public.webhook_logs")["n"] == 0, "all or nothing"
    assert len(worker.call("record_webhooks", webhooks=good)) == 2


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"snapshots": [{}]}, "SNAPSHOT_FOR_ANOTHER_PAYMENT"),
        ({"snapshots": [snapshot("another")]}, "SNAPSHOT_FOR_ANOTHER_PAYMENT"),
        ({"snapshots": ["total", 2**31]}, "AMOUNT_OUT_OF_RANGE"),
        ({"snapshots": ["total", -1]}, "AMOUNT_OUT_OF_RANGE"),
        ({"snapshots": ["total", 1.5]}, "AMOUNT_NOT_WHOLE"),
        ({"snapshots": ["total", None]}, "SNAPSHOT_INCOMPLETE"),
        ({"snapshots": ["status", None]}, "SNAPSHOT_INCOMPLETE"),
        ({"snapshots": ["status_changed_at", "yesterday-ish"]}, "SNAPSHOT_UNREADABLE"),
        ({"snapshots": ["cancelled", -1]}, "AMOUNT_OUT_OF_RANGE"),
        ({"snapshots": ["cancellations", [{"status": "SUCCEEDED"}]]}, "SNAPSHOT_INCOMPLETE"),
        (
            {"snapshots": ["cancellations", [{"id": "c", "status": "SUCCEEDED", "amount": 2**40}]]},
            "AMOUNT_OUT_OF_RANGE",
        ),
        (
            {"snapshots": ["cancellations", [{"id": "c", "status": "SUCCEEDED", "requested_at": "?"}]]},
            "SNAPSHOT_UNREADABLE",
        ),
        ({"verdict": "perhaps"}, "VERDICT_UNKNOWN"),
        ({"claim": None}, "CLAIM_REQUIRED"),
        ({"job_id": "x"}, "CLAIM_REQUIRED"),
    ],
)
def test_a_bad_outcome_is_refused_and_its_neighbours_settle_without_it(
    shop: Shop, worker: Caller, owner: Caller, change: Row, code: str
) -> None:
    payments = [prepared_payment(shop, worker).payment_id for _ in range(3)]
    for payment_id in payments:
        worker.one("request_completion", payment_id=payment_id)
    outcomes = [
        {
            "job_id": job["id"],
            "claim": job["claim"],
            "verdict": "done",
            "snapshots": [snapshot(job["payload"]["payment_id"])],
        }
        for job in claim(worker)
    ]
    good, bad = outcomes[:2], outcomes[2] | change
    made = change.get("snapshots")
    if made and isinstance(made[0], str):
        bad["snapshots"] = [outcomes[2]["snapshots"][0] | {made[0]: made[1]}]
    assert refused(worker, "settle_jobs", outcomes=[good[0], bad, good[1]]).code == code
    assert owner.row("select count(*) as n from queue.jobs where state = 'running'")["n"] == 3, (
        "all or nothing"
    )
    assert all(row["accepted"] for row in worker.call("settle_jobs", outcomes=good))
    alone = {
        "job_id": outcomes[2]["job_id"],
        "claim": outcomes[2]["claim"],
        "verdict": "dead",
        "error": {"code": "SETTLE_REJECTED", "message": code},
    }
    assert worker.one("settle_jobs", outcomes=[alone])["accepted"]
    assert owner.row("select reason from queue.dead")["reason"] == "settle_rejected"


def test_a_prepared_payment_must_say_where(shop: Shop, worker: Caller) -> None:
    user_id = shop.new_user()
    shop.user(user_id).one("request_payment", order_id=shop.new_order(user_id), pay_method="CARD")
    (job,) = claim(worker)
    for missing in ("store_id", "channel_key", "channel_kind"):
        outcome = {
            "job_id": job["id"],
            "claim": job["claim"],
            "verdict": "done",
            "prepared": PREPARED | {missing: None},
        }
        assert refused(worker, "settle_jobs", outcomes=[outcome]).code == "PREPARED_INCOMPLETE"


def test_a_bad_attempt_is_refused_and_its_neighbours_may_send(shop: Shop, worker: Caller) -> None:
    for paid in [paid_payment(shop, worker) for _ in range(2)]:
        worker.one("request_cancellation", payment_id=paid.payment_id, amount=1, reason="r")
    good, bad = [{"job_id": job["id"], "claim": job["claim"], "body": "AAAA"} for job in claim(worker)]
    assert refused(worker, "begin_attempts", attempts=[good, bad | {"body": None}]).code == "BODY_REQUIRED"
    assert (
        refused(worker, "begin_attempts", attempts=[good, bad | {"snapshots": [snapshot("another")]}]).code
        == "SNAPSHOT_FOR_ANOTHER_PAYMENT"
    )
    assert worker.one("begin_attempts", attempts=[good])["decision"] == "send"
    outcome = {
        "job_id": good["job_id"],
        "claim": good["claim"],
        "verdict": "retry",
        "attempt": {"number": 1, "outcome": "maybe"},
    }
    assert refused(worker, "settle_jobs", outcomes=[outcome]).code == "ATTEMPT_OUTCOME_UNKNOWN"


@pytest.mark.parametrize(
    "change",
    [
        {"job_kind": "DROP TABLE"},
        {"job_kind": None},
        {"idempotency_key": "short"},
        {"payload": [1]},
        {"priority": "high"},
        {"run_at": "soon"},
        {"lane": "x" * 201},
    ],
)
def test_a_bad_job_is_named(worker: Caller, change: Row) -> None:
    good: Row = {"job_kind": "noop", "idempotency_key": "good-0001"}
    answer = refused(worker, "enqueue_jobs", jobs=[good, good | {"idempotency_key": "good-0002"} | change])
    assert (answer.code, answer.detail["field"]) == ("JOB_INVALID", "jobs[2]")
    assert worker.one("enqueue_jobs", jobs=[good])["fresh"]


def test_one_key_for_two_different_jobs_is_refused(worker: Caller) -> None:
    worker.one(
        "enqueue_jobs", jobs=[{"job_kind": "noop", "idempotency_key": "key-00001", "payload": {"n": 1}}]
    )
    with pytest.raises(Refused) as caught:
        worker.one(
            "enqueue_jobs", jobs=[{"job_kind": "noop", "idempotency_key": "key-00001", "payload": {"n": 2}}]
        )
    assert (caught.value.status, caught.value.code) == (409, "IDEMPOTENCY_KEY_REUSED")


def test_too_many_lanes_in_a_call_are_refused(worker: Caller) -> None:
    jobs = [
        {"job_kind": "noop", "idempotency_key": f"key-{n:05}", "lane": f"payment:{n}"} for n in range(101)
    ]
    assert refused(worker, "enqueue_jobs", jobs=jobs).code == "TOO_MANY_LANES"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"worker": ""}, "WORKER_REQUIRED"),
        ({"max": 0}, "MAX_OUT_OF_RANGE"),
        ({"max": 501}, "MAX_OUT_OF_RANGE"),
        ({"lease_seconds": 0}, "LEASE_OUT_OF_RANGE"),
    ],
)
def test_claims_are_bounded(worker: Caller, change: Row, code: str) -> None:
    assert (
        refused(worker, "claim_jobs", **({"worker": "w", "max": 1, "lease_seconds": 60} | change)).code
        == code
    )
