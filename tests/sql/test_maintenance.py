"""What is old goes, in bounded steps, one worker at a time; what must stay stays."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.sql.shop import Caller, Shop, claim, prepared_payment, settle, snapshot, sync

if TYPE_CHECKING:
    from tests.sql.shop import Row

DAY = 86400


def maintain(worker: Caller) -> Row:
    """One call of run_maintenance."""
    answer: Row = worker.row("select public.run_maintenance() as answer")["answer"]
    return answer


def webhook(webhook_id: str) -> Row:
    """A signed delivery nobody acts on."""
    return {
        "webhook_id": webhook_id, "webhook_type": "Shop.Opened", "body": base64.b64encode(b"{}").decode(),
        "headers": {"x-from": "203.0.113.7"}, "secret_index": 0, "skip_reason": "unknown_type",
    }  # fmt: skip


def work(worker: Caller, numbers: range) -> None:
    """Jobs that are enqueued and done."""
    for start in range(numbers.start, numbers.stop, 100):
        jobs = [
            {"job_kind": "noop", "idempotency_key": f"key-{n:06}", "lane": f"test:{n % 90}"}
            for n in range(start, min(start + 100, numbers.stop))
        ]
        worker.call("enqueue_jobs", jobs=jobs)
        while claimed := claim(worker):
            settle(worker, claimed)


def count(owner: Caller, table: str, where: str = "true") -> int:
    """Rows of a table."""
    number: int = owner.row(f"select count(*) as n from {table} where {where}")["n"]
    return number


def test_old_jobs_and_keys_go_and_young_ones_stay(shop: Shop, worker: Caller, owner: Caller) -> None:
    work(worker, range(30))
    shop.advance(20 * DAY)
    work(worker, range(30, 40))
    shop.advance(11 * DAY)
    answer = maintain(worker)
    assert (answer["finished"], answer["keys"], answer["more"], answer["busy"]) == (30, 30, False, False)
    assert (count(owner, "queue.finished"), count(owner, "queue.keys")) == (10, 10)
    owner.run("update private.retention set finished_jobs = '10 days'")
    answer = maintain(worker)
    assert (answer["finished"], answer["keys"]) == (10, 0), "each kind has its own time"


def test_a_call_is_bounded_and_says_when_more_is_left(shop: Shop, worker: Caller, owner: Caller) -> None:
    owner.run(
        "insert into queue.finished (id, kind, claim, outcome, payload, created_at, finished_at) select n, 'noop', 1, 'done', '{}', now(), now() - interval '40 days' - n * interval '1 s' from generate_series(1, 1500) as n"
    )
    assert [(answer["finished"], answer["more"]) for answer in (maintain(worker), maintain(worker))] == [
        (1000, True),
        (500, False),
    ]


def test_webhook_bodies_are_forgotten_and_the_row_stays(shop: Shop, worker: Caller, owner: Caller) -> None:
    worker.call("record_webhooks", webhooks=[webhook(f"wh_{n}") for n in range(150)])
    shop.advance(100 * DAY)
    worker.call("record_webhooks", webhooks=[webhook("wh_young"), webhook("wh_1")])
    shop.advance(100 * DAY)
    assert maintain(worker)["webhook_bodies"] == 150
    assert count(owner, "public.webhook_logs") == 152
    bodies = "request_body is not null and request_headers <> '{}'"
    assert count(owner, "public.webhook_logs", bodies) == 2, "the young ones, also the repeat"
    assert maintain(worker)["webhook_bodies"] == 0
    repeat = worker.call("record_webhooks", webhooks=[webhook("wh_7")])
    assert repeat[0]["duplicate"] is True, "without its body a delivery still owns its id"
    shop.advance(100 * DAY)
    assert maintain(worker)["webhook_bodies"] == 2
    owner.run("update private.retention set webhook_bodies = null")
    shop.advance(1000 * DAY)
    assert maintain(worker)["webhook_bodies"] == 0


def test_more_bodies_than_one_call_takes_are_all_forgotten(shop: Shop, worker: Caller, owner: Caller) -> None:
    for start in range(0, 2400, 200):
        worker.call("record_webhooks", webhooks=[webhook(f"wh_{n}") for n in range(start, start + 200)])
    shop.advance(200 * DAY)
    answers = [maintain(worker) for _ in range(3)]
    assert [answer["webhook_bodies"] for answer in answers] == [1000, 1000, 400]
    assert [answer["more"] for answer in answers] == [True, True, False]
    assert count(owner, "public.webhook_logs", "request_body is not null") == 0


def test_one_at_a_time(shop: Shop, worker: Caller) -> None:
    other = shop.service()
    with other.connection.transaction():
        assert maintain(other)["busy"] is False
        assert maintain(worker) == maintain(worker) | {"busy": True, "more": False}
    assert maintain(worker)["busy"] is False


@pytest.mark.parametrize("column", ["finished_jobs", "idempotency_keys", "webhook_bodies"])
def test_nobody_can_ask_to_forget_at_once(owner: Caller, column: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        owner.run(f"update private.retention set {column} = '1 hour'")


HOT = ("queue.jobs", "queue.finished", "queue.keys")


def sizes(owner: Caller) -> dict[str, int]:
    """Bytes of each hot table and of each of its indexes."""
    rows = owner.rows(
        """select c.oid::regclass::text as name, pg_relation_size(c.oid) as bytes from pg_class as c
        left join pg_index as i on i.indexrelid = c.oid where coalesce(i.indrelid, c.oid)::regclass::text = any (%s) and c.relkind in ('r', 'i')""",
        list(HOT),
    )
    return {row["name"]: row["bytes"] for row in rows}


def vacuum(owner: Caller) -> None:
    """What autovacuum does within an hour, and a test cannot wait for."""
    for table in (*HOT, "public.webhook_logs"):
        owner.run(f"vacuum {table}")


def an_hour(shop: Shop, worker: Caller, owner: Caller, hour: int, jobs: int) -> None:
    """Steady traffic, then maintenance."""
    work(worker, range(hour * jobs, (hour + 1) * jobs))
    worker.call("record_webhooks", webhooks=[webhook(f"wh_{hour}_{n}") for n in range(jobs // 4)])
    shop.advance(3600)
    while maintain(worker)["more"]:
        pass
    vacuum(owner)


def test_days_of_steady_traffic_leave_hot_tables_and_indexes_flat(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    owner.run("update private.retention set finished_jobs = '1 day', idempotency_keys = '1 day'")
    seen: list[dict[str, int]] = []
    for hour in range(60):
        an_hour(shop, worker, owner, hour, jobs=60)
        seen.append(sizes(owner))
    assert count(owner, "queue.jobs") == 0
    assert count(owner, "queue.finished") <= 25 * 60
    assert len(seen[0]) >= 3 + 8, "tables and indexes were measured"
    warm = {name: max(hour[name] for hour in seen[24:36]) for name in seen[0]}
    late = {name: max(hour[name] for hour in seen[48:]) for name in seen[0]}
    page = 8192
    assert {name: (warm[name], late[name]) for name in warm if late[name] > warm[name] + 2 * page} == {}
    # What is appended grows with the traffic, not faster.
    assert count(owner, "public.webhook_logs") == 60 * 15


def hits(owner: Caller, after_id: int) -> int:
    """Pages a claim looks at."""
    plan: Any = owner.row(
        "explain (analyze, buffers, format json) select id from queue.jobs where state = 'ready' and id > %s order by priority, id limit 50",
        after_id,
    )["QUERY PLAN"]
    pages: int = plan[0]["Plan"]["Shared Hit Blocks"] + plan[0]["Plan"]["Shared Read Blocks"]
    return pages


def test_a_pinned_snapshot_does_not_stop_the_queue(shop: Shop, worker: Caller, owner: Caller) -> None:
    pin = shop.owner()
    pin.run("begin isolation level repeatable read")
    pin.rows("select 1 from queue.jobs")
    jobs = [{"job_kind": "noop", "idempotency_key": f"key-{n:06}"} for n in range(4000)]
    for start in range(0, 4000, 500):
        worker.call("enqueue_jobs", jobs=jobs[start : start + 500])
    done, last = 0, 0
    while done < 3600:
        claimed = worker.call(
            "claim_jobs", worker="w1", max=100, lease_seconds=60, after_id=max(0, last - 200)
        )
        last = min(job["id"] for job in claimed)
        done += len(settle(worker, claimed))
    owner.run("set enable_seqscan = off")
    vacuum(owner)
    from_the_start, anchored = hits(owner, 0), hits(owner, last - 200)
    assert anchored * 2 < from_the_start, "the floor spares what vacuum may not remove"
    while claimed := worker.call("claim_jobs", worker="w1", max=100, lease_seconds=60, after_id=0):
        done += len(settle(worker, claimed))
    assert done == 4000
    assert worker.one("queue_stats")["oldest_xmin_age"] > 0
    pin.run("rollback")


def test_a_window_expires_without_pg_cron(shop: Shop, worker: Caller, owner: Caller) -> None:
    paid = prepared_payment(shop, worker)
    sync(worker, paid.payment_id, snapshot(paid.payment_id, "READY"))
    shop.advance(DAY + 60)
    assert maintain(worker)["expired"] == 1
    assert count(owner, "public.payments", "status = 'expired'") == 1
