"""Decides when a run has come to rest: nothing breaks any more, time passes, and nothing is left to do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from sandbox.chaos.books import read_now, read_open, read_wait, read_watched

if TYPE_CHECKING:
    from sandbox.chaos.arena import Arena

# PortOne repeats a webhook nobody answered after 1, 4 and 16 minutes (PortOne docs: webhook): all three in a few leaps.
_LEAPS: Final = (70.0, 250.0, 970.0)
_SMALL_LEAP: Final = 20.0
# Past the schedules that are due soon (3,000 s), and past our own look at each ten minutes later.
_SCHEDULES: Final = 4_000.0
# Well inside PortOne's three hours for a key: what is repeated here is still the same request.
_LONGEST_SIMULATED: Final = 2.5 * 3600.0
# Past PortOne's sixth and last delivery, 341 minutes after the event.
_GIVEN_UP: Final = 6 * 3600.0
_LOOK_SECONDS: Final = 0.05


def come_to_rest(arena: Arena, *, stalled: float = 60.0, within: float = 600.0) -> list[str]:
    """Let time pass until nothing is open; what still is, is returned.

    Given up after `stalled` real seconds in which nothing at all ended, `within` in all, or 2.5 simulated hours.
    """
    arena.network.bad = arena.network.api_down = False
    arena.portone.clear_faults()
    arena.portone.deliver_webhooks()
    arena.portone.release_webhooks()
    arena.fleet.start_all()
    passed = 0.0
    for seconds in (0.0, *_LEAPS, _SCHEDULES, _GIVEN_UP):
        arena.advance(seconds)
        if seconds == _GIVEN_UP:
            # Nothing is open any more that its key could matter for.
            passed = 0.0
        passed += min(seconds, _SCHEDULES)
        _look_around(arena)
        left, leapt = _rest(arena, stalled, within, _LONGEST_SIMULATED - passed)
        passed += leapt
        if left:
            return left
    return [] if _all_delivered(arena) else ["webhooks PortOne could not deliver"]


def _look_around(arena: Arena) -> None:
    """Have every worker stop and start: the first thing each does is to ask what reconciliation is due, else every 30 s."""
    moment = read_now(arena.stack.endpoint.admin_db_url)
    for slot in arena.fleet.slots:
        arena.fleet.stop(slot)
        arena.fleet.start(slot)
        arena.fleet.wait_ready(slot)
    arena.world.wait(lambda: read_watched(arena.stack.endpoint.admin_db_url, moment), within=60)


def wait_quiet(arena: Arena, *, stalled: float = 30.0, within: float = 90.0) -> list[str]:
    """Wait until nothing is open, moving both clocks on only where a backoff asks for it; what is left is returned."""
    return _rest(arena, stalled, within, _LONGEST_SIMULATED)[0]


def _rest(arena: Arena, stalled: float, within: float, most: float) -> tuple[list[str], float]:
    """Wait until nothing is open; returns what is left and how much time was made to pass.

    The clocks leap only while no worker has anything to do, to the moment somebody waits for: a leap over the lease of a
    job in work takes it away from the worker that does it.
    """
    started = moved = time.monotonic()
    passed, before = 0.0, set[str]()
    while True:
        arena.portone.settle()
        left = read_open(arena.stack.endpoint.admin_db_url)
        if not left:
            return [], passed
        now = time.monotonic()
        if set(left) != before:
            before, moved = set(left), now
        if now - moved > stalled or now - started > within or passed > most:
            return left, passed
        wait = read_wait(arena.stack.endpoint.admin_db_url)
        if wait is None:
            time.sleep(_LOOK_SECONDS)
        else:
            arena.advance(min(wait, _SMALL_LEAP))
            passed += min(wait, _SMALL_LEAP)


def _all_delivered(arena: Arena) -> bool:
    withheld = arena.ledger.withheld
    return all(
        message["status"] == ("failed" if message["id"] in withheld else "succeeded")
        for message in arena.portone.webhooks()
    )
