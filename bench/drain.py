"""Decides how a queue is drained over plain connections: claim, settle, again, by several workers at once."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.types.json import Jsonb

if TYPE_CHECKING:
    from collections.abc import Callable

# One step of one worker: take a batch, end it, return how many it were (0 = nothing left), note claim and settle seconds.
Step = "Callable[[psycopg.Connection[Any], Drained], int]"


@dataclass(slots=True)
class Drained:
    """What draining came to; times in seconds."""

    jobs: int = 0
    seconds: float = 0.0
    claims: list[float] = field(default_factory=list)
    settles: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        """Jobs a second."""
        return self.jobs / self.seconds if self.seconds else 0.0


def ours(
    batch: int, *, anchored: bool = True
) -> Callable[[], Callable[[psycopg.Connection[Any], Drained], int]]:
    """Our functions as the worker calls them; `anchored` passes on the floor the worker would pass on."""

    def make() -> Callable[[psycopg.Connection[Any], Drained], int]:
        floor = 0

        def step(connection: psycopg.Connection[Any], drained: Drained) -> int:
            nonlocal floor
            started = time.perf_counter()
            claimed = connection.execute(
                "select id, claim from public.claim_jobs('bench', %s, 60, %s)",
                [batch, floor if anchored else 0],
            ).fetchall()
            between = time.perf_counter()
            drained.claims.append(between - started)
            if not claimed:
                return 0
            floor = max(0, min(row[0] for row in claimed) - 2000)
            outcomes = [Jsonb({"job_id": row[0], "claim": row[1], "verdict": "done"}) for row in claimed]
            connection.execute("select count(*) from public.settle_jobs(%s::jsonb[])", [outcomes])
            drained.settles.append(time.perf_counter() - between)
            return len(claimed)

        return step

    return make


def drain(
    url: str,
    make: Callable[[], Callable[[psycopg.Connection[Any], Drained], int]],
    *,
    seconds: float,
    workers: int = 4,
) -> Drained:
    """Let `workers` connections work for so many seconds, or until nothing is left. Raises what a worker raised."""
    drained = [Drained() for _ in range(workers)]
    errors: list[BaseException] = []
    ready = threading.Barrier(workers + 1)

    def work(mine: Drained) -> None:
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                step = make()
                ready.wait()
                started = time.perf_counter()
                while time.perf_counter() - started < seconds:
                    done = step(connection, mine)
                    mine.jobs += done
                    if not done:
                        break
                mine.seconds = time.perf_counter() - started
        except BaseException as error:
            errors.append(error)
            ready.abort()

    threads = [threading.Thread(target=work, args=(one,)) for one in drained]
    for thread in threads:
        thread.start()
    with contextlib.suppress(threading.BrokenBarrierError):
        ready.wait()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return Drained(
        sum(one.jobs for one in drained),
        max(one.seconds for one in drained),
        [claim for one in drained for claim in one.claims],
        [settle for one in drained for settle in one.settles],
    )
