"""Decides when a run has come to rest: nothing breaks any more, time passes, and nothing is left to do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sandbox.chaos.books import read_open

if TYPE_CHECKING:
    from sandbox.chaos.arena import Arena

# PortOne repeats a webhook nobody answered after 1, 4 and 16 minutes (PortOne docs: webhook): all three in a few leaps.
_LEAPS = (70.0, 250.0, 970.0)
_SMALL_LEAP = 20.0
# Past the schedules that are due soon (3,000 s), and past our own look at each ten minutes later.
_SCHEDULES = 4_000.0
# Well inside PortOne's three hours for a key: what is repeated here is still the same request.
_LONGEST_SIMULATED = 2.5 * 3600.0


def come_to_rest(arena: Arena, *, within: float = 90.0) -> list[str]:
    """Let time pass until nothing is open; what still is after `within` real seconds is returned."""
    arena.network.bad = arena.network.api_down = False
    arena.portone.clear_faults()
    arena.portone.deliver_webhooks()
    arena.portone.release_webhooks()
    arena.fleet.start_all()
    deadline = time.monotonic() + within
    for seconds in _LEAPS:
        arena.portone.settle()
        arena.advance(seconds)
    passed = sum(_LEAPS)
    executed = False
    while True:
        arena.portone.settle()
        left = _wait(arena, 1.0)
        if not left and _all_delivered(arena):
            if executed:
                return []
            arena.advance(_SCHEDULES)
            executed = True
            passed += _SCHEDULES
            continue
        if time.monotonic() > deadline or passed > _LONGEST_SIMULATED:
            return left or ["webhooks PortOne could not deliver"]
        arena.advance(_SMALL_LEAP)
        passed += _SMALL_LEAP


def wait_quiet(arena: Arena, *, within: float = 30.0) -> list[str]:
    """Wait until nothing is open, moving both clocks on only where a backoff asks for it; what is left is returned."""
    deadline = time.monotonic() + within
    while True:
        arena.portone.settle()
        left = _wait(arena, 0.5)
        if not left or time.monotonic() > deadline:
            return left
        arena.advance(_SMALL_LEAP)


def _wait(arena: Arena, seconds: float) -> list[str]:
    """Give the workers a moment of real time; return at once when nothing is open."""
    deadline = time.monotonic() + seconds
    while left := read_open(arena.stack.endpoint.admin_db_url):
        if time.monotonic() > deadline:
            return left
        time.sleep(0.05)
    return []


def _all_delivered(arena: Arena) -> bool:
    return all(message["status"] == "succeeded" for message in arena.portone.webhooks())
