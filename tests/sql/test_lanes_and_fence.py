"""Law 5: one job at a time per lane, in id order inside it; a stale worker cannot settle, extend or release."""

from __future__ import annotations

import random
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.sql.shop import Caller, Row, Shop, claim, settle


def enqueue(worker: Caller, *jobs: Row) -> list[Row]:
    """Adds jobs of a kind without meaning of its own."""
    return worker.call("enqueue_jobs", jobs=[{"job_kind": "noop"} | job for job in jobs])


def test_a_lane_gives_one_job_at_a_time_in_id_order_whatever_the_priority(worker: Caller) -> None:
    added = enqueue(
        worker,
        *(
            {"idempotency_key": f"key-{n:04}", "lane": "payment:a", "priority": -n, "payload": {"n": n}}
            for n in range(5)
        ),
    )
    seen = []
    for _ in range(5):
        (job,) = claim(worker)
        assert claim(worker) == []
        seen.append(job["id"])
        settle(worker, job)
    assert seen == [row["job_id"] for row in added]


def test_priority_ranks_lanes(worker: Caller) -> None:
    enqueue(
        worker,
        {"idempotency_key": "late-0001", "lane": "payment:a", "priority": 5},
        {"idempotency_key": "soon-0001", "lane": "payment:b", "priority": 1},
    )
    assert [job["lane"] for job in claim(worker)] == ["payment:b", "payment:a"]


def test_backoff_keeps_the_lane_and_a_future_job_does_not(shop: Shop, worker: Caller) -> None:
    enqueue(
        worker,
        {"idempotency_key": "first-001", "lane": "payment:a"},
        {"idempotency_key": "second-01", "lane": "payment:a"},
    )
    (job,) = claim(worker)
    settle(worker, job, "retry", retry_in_seconds=30)
    assert claim(worker) == [], "what comes after must not overtake an undecided job"
    shop.advance(31)
    assert claim(worker)[0]["id"] == job["id"]
    enqueue(
        worker,
        {"idempotency_key": "later-001", "lane": "payment:b", "run_at": "2099-01-01T00:00:00Z"},
        {"idempotency_key": "now-00001", "lane": "payment:b"},
    )
    assert len(claim(worker)) == 1


def test_the_table_itself_refuses_two_active_jobs_in_a_lane(worker: Caller, owner: Caller) -> None:
    enqueue(
        worker,
        {"idempotency_key": "first-001", "lane": "payment:a"},
        {"idempotency_key": "second-01", "lane": "payment:a"},
    )
    with pytest.raises(psycopg.errors.UniqueViolation):
        owner.run("update queue.jobs set state = 'ready' where state = 'waiting'")


def test_a_stale_worker_cannot_settle_extend_or_release(shop: Shop, worker: Caller) -> None:
    enqueue(worker, {"idempotency_key": "first-001", "lane": "payment:a"})
    (stale,) = claim(worker, name="w1")
    shop.advance(61)
    (fresh,) = claim(worker, name="w2")
    assert fresh["claim"] > stale["claim"]
    assert [(a["accepted"], a["reason"]) for a in settle(worker, stale)] == [(False, "lost")]
    named = {"job_id": stale["id"], "claim": stale["claim"]}
    assert worker.one("extend_leases", leases=[named | {"lease_seconds": 60}])["held"] is False
    assert worker.one("release_jobs", jobs=[named])["released"] is False
    assert settle(worker, fresh)[0]["accepted"]


def test_a_late_completion_counts_until_somebody_else_claims(shop: Shop, worker: Caller) -> None:
    enqueue(worker, {"idempotency_key": "first-001"})
    (job,) = claim(worker)
    shop.advance(61)
    worker.call("claim_jobs", worker="w2", max=1, lease_seconds=60, after_id=10**9)  # reaps, claims nothing
    assert settle(worker, job)[0]["accepted"]
    assert claim(worker) == []


def test_heartbeats_keep_a_job_and_a_released_one_is_free_at_once(shop: Shop, worker: Caller) -> None:
    enqueue(worker, {"idempotency_key": "first-001"})
    (job,) = claim(worker)
    shop.advance(50)
    assert worker.one(
        "extend_leases", leases=[{"job_id": job["id"], "claim": job["claim"], "lease_seconds": 60}]
    )["held"]
    shop.advance(50)
    assert claim(worker, name="w2") == []
    assert worker.one("release_jobs", jobs=[{"job_id": job["id"], "claim": job["claim"]}])["released"]
    (again,) = claim(worker, name="w2")
    assert (again["id"], again["failures"]) == (job["id"], 0)
    assert settle(worker, job)[0]["reason"] == "lost"


def test_a_lost_reply_changes_nothing_on_repeat(worker: Caller, owner: Caller) -> None:
    enqueue(
        worker,
        {"idempotency_key": "done-0001"},
        {"idempotency_key": "again-001"},
        {"idempotency_key": "dead-0001"},
    )
    done, again, dead = claim(worker)
    verdicts = [("done", done), ("retry", again), ("dead", dead)]
    outcomes = [{"job_id": job["id"], "claim": job["claim"], "verdict": verdict} for verdict, job in verdicts]
    first = worker.call("settle_jobs", outcomes=outcomes)
    state = owner.rows("select * from queue.jobs")
    second = worker.call("settle_jobs", outcomes=outcomes)
    assert [row["accepted"] for row in first] == [True, True, True]
    assert [(row["accepted"], row["reason"]) for row in second] == [
        (True, "settled_before"),
        (False, "lost"),
        (True, "settled_before"),
    ]
    assert owner.rows("select * from queue.jobs") == state
    assert enqueue(worker, {"idempotency_key": "done-0001"})[0]["fresh"] is False


def test_claims_do_not_wait_for_each_other(shop: Shop, worker: Caller) -> None:
    enqueue(worker, {"idempotency_key": "one-00001"}, {"idempotency_key": "two-00001"})
    slow, quick = shop.service(), shop.service()
    quick.run("set statement_timeout = '5s'")
    slow.run("begin")
    (first,) = claim(slow, most=1)
    (second,) = claim(quick, most=1)
    slow.run("commit")
    assert first["id"] != second["id"]


def test_a_repeated_retry_counts_once_even_when_the_job_is_ready_again(worker: Caller, owner: Caller) -> None:
    enqueue(worker, {"idempotency_key": "again-001"})
    (job,) = claim(worker)
    settle(worker, job, "retry", retry_in_seconds=0)
    worker.call("claim_jobs", worker="w2", max=1, lease_seconds=60, after_id=10**9)  # makes it ready
    assert settle(worker, job, "retry", retry_in_seconds=0)[0]["reason"] == "lost"
    assert owner.row("select failures from queue.jobs")["failures"] == 1


def test_a_job_that_kills_its_worker_every_time_ends_dead_and_frees_its_lane(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    enqueue(
        worker,
        {"idempotency_key": "poison-01", "lane": "payment:a"},
        {"idempotency_key": "behind-01", "lane": "payment:a"},
    )
    (poison,) = claim(worker)
    for _ in range(25):
        shop.advance(61)
        (job,) = claim(worker)
        if job["id"] != poison["id"]:
            break
    assert job["id"] != poison["id"]
    assert owner.row("select reason from queue.dead")["reason"] == "lease_expired"


def test_many_producers_and_dying_workers_keep_the_order_and_finish_each_job_once(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    lanes, jobs_per_lane = 20, 15
    work = [
        {"idempotency_key": f"chaos-{lane:02}-{n:03}", "lane": f"payment:{lane}", "payload": {"n": n}}
        for n in range(jobs_per_lane)
        for lane in range(lanes)
    ]
    done: dict[str, list[int]] = defaultdict(list)

    def produce(seed: int) -> None:
        mine = shop.service()
        for start in range(seed * 75, seed * 75 + 75, 25):
            for _ in range(2):  # the reply was lost: sent twice
                enqueue(mine, *work[start : start + 25])

    def consume(seed: int) -> list[tuple[str, int]]:
        mine, dice, settled = shop.service(), random.Random(seed), []
        idle = 0
        while idle < 40:
            jobs = claim(mine, most=dice.randint(1, 12), name=f"w{seed}", lease=1)
            idle = 0 if jobs else idle + 1
            for job in jobs:
                fate = dice.random()
                if fate < 0.1:
                    continue  # died
                for _ in range(2 if fate < 0.2 else 1):  # finishes twice
                    (answer,) = settle(
                        mine,
                        job,
                        "retry" if 0.2 < fate < 0.3 else "done",
                        retry_in_seconds=0,
                        counts_as_failure=False,
                    )
                    if answer["accepted"] and answer["reason"] is None and not 0.2 < fate < 0.3:
                        settled.append((job["lane"], job["id"]))
            shop_clock.run("update private.clock set clock_offset = clock_offset + interval '0.3 seconds'")
        return settled

    shop_clock = shop.owner()
    with ThreadPoolExecutor(8) as pool:
        producers = [pool.submit(produce, seed) for seed in range(4)]
        consumers = [pool.submit(consume, seed) for seed in range(4)]
        for producer in producers:
            producer.result()
        for consumer in consumers:
            for lane, job_id in consumer.result():
                done[lane].append(job_id)
    assert owner.row("select count(*) as n from queue.finished")["n"] == lanes * jobs_per_lane
    assert not owner.rows("select 1 from queue.jobs union all select 1 from queue.dead")
    assert sum(len(ids) for ids in done.values()) == lanes * jobs_per_lane, "each settled once"
    for finished in owner.rows(
        "select lane, array_agg(id order by finished_at, id) as ids, array_agg((payload ->> 'n')::int order by id) as numbers from queue.finished group by lane"
    ):
        assert finished["ids"] == sorted(finished["ids"]), "in id order inside the lane"
