"""Measures the upgrade of a shop with a million payments: seconds and locks of each file, and what readers and buyers feel.

`python -m tests.scale.legacy [--rows N] [--let-buyers-wait]` prints a table, writes `build/legacy.json` and exits 1 when a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from sandbox.setup.paths import PROJECT_ROOT
from sandbox.supabase.migrations import migration_versions
from sandbox.supabase.open import embedded_supabase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BASELINE = "20250101000000"
ENHANCEMENT = ("20251226000000", "20251226000100", "20251226000200")
# The project's bars, with the files of the enhancement counted: seconds in all, longest ACCESS EXCLUSIVE, longest wait.
BAR_SECONDS, BAR_LOCK_SECONDS, BAR_WAIT_SECONDS = 60.0, 1.0, 1.0
LOOK_SECONDS = 0.01
BEFOREHAND = (
    "create index concurrently payments_user_id_idx on public.payments (user_id, created_at desc)",
    "create index concurrently payments_order_id_idx on public.payments (order_id) where order_id is not null",
)

ROWS = """
insert into public.payments (order_id, payment_id, order_name, amount, currency, status, pay_method, total_cancel_amount, paid_at, created_at)
select 'order-' || n, 'legacy-' || n, 'Widget', 1000 + n %% 9000, 'KRW',
  (array['paid', 'paid', 'paid', 'cancelled', 'failed', 'ready', 'partial_cancelled', 'paid'])[1 + n %% 8],
  'CARD', case n %% 8 when 3 then 1000 + n %% 9000 when 6 then 400 when 7 then 100 end,
  now() - make_interval(secs => n), now() - make_interval(secs => n)
from generate_series(1, %s) as n
"""
# Whoever waits for a lock on payments behind somebody who keeps everybody out, or holds it.
LOCKS = """
select max(case when granted then 1 else 0 end) from pg_locks
where relation = 'public.payments'::regclass and mode = 'AccessExclusiveLock' and database = (
  select oid from pg_database where datname = current_database())
"""
READ = "select amount from public.payments where payment_id = 'legacy-77'"
BUY = """insert into public.payments (payment_id, order_name, amount, currency, status, total_cancel_amount)
values ('new-' || gen_random_uuid(), 'New', 1000, 'KRW', 'ready', 0)"""


@dataclass
class Longest:
    """The longest of many times, seconds, and how many there were."""

    seconds: float = 0.0
    count: int = 0

    def add(self, seconds: float) -> None:
        """One more."""
        self.seconds, self.count = max(self.seconds, seconds), self.count + 1


@dataclass
class Measured:
    """One migration file."""

    version: str
    seconds: float
    access_exclusive: float
    reader: Longest = field(default_factory=Longest)
    buyer: Longest = field(default_factory=Longest)


class Watch:
    """A reader, a buyer and somebody who looks at the locks, each on a connection of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.stop = threading.Event()
        self.reader, self.buyer, self.locked = Longest(), Longest(), Longest()
        self.errors: list[str] = []

    def keep_asking(self, sql: str, name: str) -> None:
        """Runs a statement again and again and keeps the longest wait."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            while not self.stop.is_set():
                started = time.monotonic()
                try:
                    connection.execute(sql)
                except psycopg.Error as error:
                    self.errors.append(f"{name}: {error}")
                    return
                getattr(self, name).add(time.monotonic() - started)
                time.sleep(0.002)

    def look_at_locks(self) -> None:
        """How long at a stretch ACCESS EXCLUSIVE was held on payments, by looking every 10 ms."""
        since: float | None = None
        with psycopg.connect(self.url, autocommit=True) as connection:
            while not self.stop.is_set():
                held = (connection.execute(LOCKS).fetchone() or (None,))[0]
                now = time.monotonic()
                if not held:
                    since = None
                else:
                    since = since or now
                    self.locked.add(now - since + LOOK_SECONDS)
                time.sleep(LOOK_SECONDS)


@contextmanager
def watching(url: str) -> Iterator[Watch]:
    """Readers, buyers and the lock watch while something else happens."""
    watch = Watch(url)
    parts: list[Callable[[], None]] = [
        lambda: watch.keep_asking(READ, "reader"),
        lambda: watch.keep_asking(BUY, "buyer"),
        watch.look_at_locks,
    ]
    threads = [threading.Thread(target=part) for part in parts]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    watch.reader, watch.buyer = Longest(), Longest()
    try:
        yield watch
    finally:
        watch.stop.set()
        for thread in threads:
            thread.join()


def apply(url: str, version: str) -> float:
    """Runs one file in one transaction, as `supabase db push` does; seconds."""
    (path,) = (PROJECT_ROOT / "supabase" / "migrations").glob(f"{version}_*.sql")
    with psycopg.connect(url, autocommit=True) as connection:
        started = time.monotonic()
        with connection.transaction():
            connection.execute(path.read_text().encode(), prepare=False)
        return time.monotonic() - started


def build_beforehand(url: str) -> float:
    """Builds the two large indexes as the files say a shop does that cannot wait; seconds."""
    started = time.monotonic()
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in BEFOREHAND:
            connection.execute(statement)
    return time.monotonic() - started


def measure(rows: int, *, beforehand: bool) -> list[Measured]:
    """Fills a shop with legacy rows and upgrades it file by file."""
    with tempfile.TemporaryDirectory() as folder, embedded_supabase(Path(folder)) as supabase:
        supabase.start_database()
        url = supabase.create_database("legacy")
        apply(url, BASELINE)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(ROWS, [rows])
            connection.execute("vacuum analyze public.payments")
        found = []
        steps: list[tuple[str, Callable[[], float]]] = [
            (version, partial(apply, url, version)) for version in migration_versions() if version != BASELINE
        ]
        if beforehand:
            steps.insert(0, ("beforehand", partial(build_beforehand, url)))
        for version, step in steps:
            with watching(url) as watch:
                seconds = step()
            if watch.errors:
                raise RuntimeError(f"{version}: {watch.errors}")
            found.append(Measured(version, seconds, watch.locked.seconds, watch.reader, watch.buyer))
        return found


def missed(found: list[Measured]) -> list[str]:
    """What is over its bar."""
    problems = []
    total = sum(one.seconds for one in found if one.version in ENHANCEMENT)
    if total > BAR_SECONDS:
        problems.append(f"the enhancement took {total:.1f} s, at most {BAR_SECONDS:.0f}")
    for one in found:
        for name, seconds, bar in (
            ("ACCESS EXCLUSIVE", one.access_exclusive, BAR_LOCK_SECONDS),
            ("a reader's wait", one.reader.seconds, BAR_WAIT_SECONDS),
            ("a buyer's wait", one.buyer.seconds, BAR_WAIT_SECONDS),
        ):
            if seconds > bar:
                problems.append(f"{one.version}: {name} {seconds:.2f} s, at most {bar:.0f}")
    return problems


def main(arguments: list[str] | None = None) -> int:
    """Measures, prints and writes; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument(
        "--let-buyers-wait", action="store_true", help="do not build the two large indexes beforehand"
    )
    given = parser.parse_args(arguments)
    rows = given.rows
    found = measure(rows, beforehand=not given.let_buyers_wait)
    print(f"{'file':16} {'seconds':>8} {'ACCESS EXCL. s':>15} {'reader max s':>13} {'buyer max s':>12}")
    for one in found:
        print(
            f"{one.version:16} {one.seconds:8.2f} {one.access_exclusive:15.2f} {one.reader.seconds:13.3f} {one.buyer.seconds:12.3f}"
        )
    problems = missed(found)
    target = PROJECT_ROOT / "build" / "legacy.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(
        json.dumps({"rows": rows, "files": [asdict(one) for one in found], "missed": problems}, indent=2)
    )
    for problem in problems:
        print(f"missed: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
