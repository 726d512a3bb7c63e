"""Decides how a load generator is driven from outside: a plan on stdin, `ready`, `go`, one line of JSON back; again until `end`."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time

import uvloop

from bench.load.http import fire
from bench.load.requests import build
from bench.stats import quantiles


def main() -> None:
    """Serve plans until stdin ends."""
    # Freed from the collector: a pause of ours would look like a slow answer.
    gc.disable()
    for line in sys.stdin:
        plan = json.loads(line)
        requests = build(plan)
        print("ready", flush=True)
        sys.stdin.readline()
        cpu = time.process_time()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            fired = runner.run(
                fire(
                    plan["host"], plan["port"], requests, in_flight=plan["in_flight"],
                    expected=plan.get("expected", "200").encode(),
                )
            )  # fmt: skip
        print(
            json.dumps(
                {
                    "seconds": fired.seconds,
                    "quantiles": quantiles(fired.latencies),
                    "statuses": fired.statuses,
                    "odd": fired.odd.decode("latin-1"),
                    "cpu_seconds": time.process_time() - cpu,
                }
            ),
            flush=True,
        )


if __name__ == "__main__":
    main()
