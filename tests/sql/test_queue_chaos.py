"""Order and fence under everything at once: duplicate sends, crashing and late workers, heartbeats, webhooks, 50 lanes."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.sql.shop import Caller, Row, Shop, claim, snapshot
from tests.sql.test_webhook_log import delivery

if TYPE_CHECKING:
    from collections.abc import Callable

LANES, PRODUCERS, WORKERS, JOBS_EACH, BATCH = 50, 4, 6, 750, 50
WEBHOOKS, LEASE_SECONDS = 300, 3


@dataclass
class Chaos:
    """What everybody shares."""

    shop: Shop
    produced: threading.Event = field(default_factory=threading.Event)
    accepted: Counter[int] = field(default_factory=Counter)
    stale: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def produce(self, seed: int) -> None:
        """Enqueues its own sequence over all lanes; every third reply is lost, so the call is sent again."""
        caller, dice = self.shop.service(), random.Random(seed)
        for start in range(0, JOBS_EACH, BATCH):
            jobs = [
                {
                    "job_kind": "noop",
                    "idempotency_key": f"chaos-{seed}-{n:05}",
                    "lane": f"payment:p{dice.randrange(LANES)}",
                    "payload": {"producer": seed, "n": n},
                    "priority": dice.choice([0, 0, 5]),
                }
                for n in range(start, start + BATCH)
            ]
            for _ in range(dice.choice([1, 1, 2])):
                answers = caller.call("enqueue_jobs", jobs=jobs)
                assert len(answers) == BATCH

    def deliver(self) -> None:
        """Webhooks about the same lanes, each id twice."""
        caller, dice = self.shop.service(), random.Random(99)
        for start in range(0, WEBHOOKS, 10):
            deliveries = [delivery(f"wh-{n}", f"p{dice.randrange(LANES)}") for n in range(start, start + 10)]
            caller.call("record_webhooks", webhooks=deliveries)
            dice.shuffle(deliveries)
            caller.call("record_webhooks", webhooks=deliveries)

    def work(self, seed: int) -> None:
        """Claims, renews, settles in batches of any order; crashes, finishes late, finishes twice, gives back."""
        caller, dice = self.shop.service(), random.Random(seed)
        kept: list[Row] = []
        while not (self.produced.is_set() and self.is_empty(caller)):
            calm = self.produced.is_set()
            jobs = claim(caller, most=dice.randint(1, 30), name=f"w{seed}", lease=LEASE_SECONDS)
            if not jobs:
                time.sleep(0.005)
            if dice.random() < 0.5:
                caller.call(
                    "extend_leases", leases=[named(job) | {"lease_seconds": LEASE_SECONDS} for job in jobs]
                )
            fates = {job["id"]: "done" if calm else fate(dice) for job in jobs}
            kept += [job for job in jobs if fates[job["id"]] == "late"]
            self.settle(
                caller, dice, [job for job in jobs if fates[job["id"]] in ("done", "twice", "retry")], fates
            )
            self.settle(caller, dice, [job for job in jobs if fates[job["id"]] == "twice"], fates)
            caller.call("release_jobs", jobs=[named(job) for job in jobs if fates[job["id"]] == "released"])
            if kept and (calm or dice.random() < 0.2):
                self.settle(caller, dice, kept, fates)
                kept = []

    def settle(self, caller: Caller, dice: random.Random, jobs: list[Row], fates: dict[int, str]) -> None:
        """Settles in one call and counts what was accepted for good."""
        dice.shuffle(jobs)
        answers = caller.call(
            "settle_jobs", outcomes=[outcome(job, fates.get(job["id"], "done")) for job in jobs]
        )
        with self.lock:
            for job, answer in zip(jobs, answers, strict=True):
                if answer["accepted"] and answer["reason"] is None and fates.get(job["id"]) != "retry":
                    self.accepted[job["id"]] += 1
                elif not answer["accepted"]:
                    self.stale += 1

    def is_empty(self, caller: Caller) -> bool:
        """Whether nothing is left to do."""
        stats = caller.one("queue_stats")
        return not any(stats[state] for state in ("ready", "waiting", "running", "scheduled", "backoff"))

    def tick(self) -> None:
        """The clock runs ten times as fast, so that leases of the crashed run out."""
        clock = self.shop.owner()
        while not (self.produced.is_set() and self.is_empty(clock)):
            clock.run("update private.clock set clock_offset = clock_offset + interval '0.5 seconds'")
            time.sleep(0.05)


def named(job: Row) -> Row:
    """A job as every later call names it."""
    return {"job_id": job["id"], "claim": job["claim"]}


def fate(dice: random.Random) -> str:
    """What becomes of a claimed job."""
    return dice.choices(
        ["done", "twice", "retry", "late", "crashed", "released"], weights=[70, 6, 6, 6, 6, 6]
    )[0]


def outcome(job: Row, how: str) -> Row:
    """What the worker reports."""
    made = named(job) | {"verdict": "retry" if how == "retry" else "done"}
    if job["kind"] == "sync_payment":
        made["snapshots"] = [snapshot(job["payload"]["payment_id"])]
    return made | {"retry_in_seconds": 0, "counts_as_failure": False}


def run_all(*parts: Callable[[], None], until: threading.Event, producers: int) -> None:
    """Runs all parts at once; sets `until` when the first `producers` of them are through."""
    with ThreadPoolExecutor(len(parts)) as pool:
        running = [pool.submit(part) for part in parts]
        try:
            for part in running[:producers]:
                part.result()
        finally:
            until.set()
        for part in running[producers:]:
            part.result()


def test_nothing_lost_nothing_out_of_order_nothing_twice_no_deadlock(shop: Shop, owner: Caller) -> None:
    chaos = Chaos(shop)
    producers = [lambda seed=seed: chaos.produce(seed) for seed in range(PRODUCERS)]
    workers = [lambda seed=seed: chaos.work(seed) for seed in range(WORKERS)]
    run_all(*producers, chaos.deliver, *workers, chaos.tick, until=chaos.produced, producers=PRODUCERS + 1)

    finished = owner.rows(
        "select kind, id, lane, payload, finished_at from queue.finished order by finished_at, id"
    )
    jobs = [row for row in finished if row["kind"] == "noop"]
    assert len(jobs) == PRODUCERS * JOBS_EACH, "nothing lost, nothing made twice"
    assert owner.rows("select 1 from queue.jobs union all select 1 from queue.dead") == []
    assert {job["id"] for job in finished} == set(chaos.accepted), "every end was told to somebody"
    assert set(chaos.accepted.values()) == {1}, "each settled once"
    assert chaos.stale > 0, "some workers came too late and were refused"
    last: dict[str, int] = {}
    for job in finished:
        assert job["id"] > last.get(job["lane"], 0), "in id order inside its lane"
        last[job["lane"]] = job["id"]
    sent: dict[tuple[str, int], int] = {}
    for job in sorted(jobs, key=lambda job: job["id"]):
        key = (job["lane"], job["payload"]["producer"])
        assert job["payload"]["n"] > sent.get(key, -1), "in the order its producer sent it"
        sent[key] = job["payload"]["n"]

    log = owner.row(
        "select count(*) as rows, count(distinct webhook_id) as ids, count(*) filter (where status = 'processed') as processed, count(*) filter (where status = 'skipped') as skipped from public.webhook_logs"
    )
    assert log == {"rows": 2 * WEBHOOKS, "ids": WEBHOOKS, "processed": WEBHOOKS, "skipped": WEBHOOKS}
    assert deadlocks(shop) == 0


def deadlocks(shop: Shop) -> int:
    """How many deadlocks this database has seen, once everybody's statistics are in."""
    for connection in shop.connections:
        if connection is not shop.setup.connection:
            connection.close()
    time.sleep(0.1)
    shop.setup.row("select pg_stat_clear_snapshot()::text as done")
    return int(
        shop.setup.row("select deadlocks from pg_stat_database where datname = current_database()")[
            "deadlocks"
        ]
    )


def test_a_deadlock_would_be_counted(shop: Shop) -> None:
    """The figure above is no constant."""
    ready = threading.Barrier(2)

    def cross(first: int, second: int) -> bool:
        caller = shop.owner()
        try:
            with caller.connection.transaction():
                caller.rows("select pg_advisory_xact_lock(%s)::text", first)
                ready.wait()
                caller.rows("select pg_advisory_xact_lock(%s)::text", second)
        except Exception:
            return True
        return False

    with ThreadPoolExecutor(2) as pool:
        victims = [pool.submit(cross, 1, 2), pool.submit(cross, 2, 1)]
    assert [victim.result() for victim in victims].count(True) == 1
    assert deadlocks(shop) == 1
