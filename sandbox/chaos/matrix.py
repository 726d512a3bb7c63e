"""Decides the crash matrix: every operation that changes something, killed once at every numbered step it has."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Final

from sandbox.chaos.fleet import CRASH_VARIABLE, LEASE_SECONDS
from sandbox.chaos.recovery import wait_quiet
from sandbox.chaos.scenarios import Desk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sandbox.chaos.arena import Arena

_SETTLE: Final = ("before_settle", "lost_settle_reply", "after_settle")
_SEND: Final = ("before_send", "after_send", "after_reply")
_READ: Final = ("before_read", "after_read")
_BEGIN: Final = ("before_begin", "lost_begin_reply", "after_begin")

# Steps of each job kind; the worker numbers and reaches them (a test compares the names).
MATRIX: Final[Mapping[str, tuple[str, ...]]] = {
    "prepare_payment": (*_SEND, *_SETTLE),
    "cancel_payment": (*_READ, *_BEGIN, *_SEND, *_SETTLE),
    "close_virtual_account": (*_SEND, *_READ, *_SETTLE),
    "charge_billing_key": (*_BEGIN, *_SEND, *_READ, *_SETTLE),
    "confirm_payment": (*_BEGIN, *_SEND, *_READ, *_SETTLE),
    "create_schedule": (*_BEGIN, *_SEND, *_READ, *_SETTLE),
    "revoke_schedule": (*_SEND, *_READ, *_SETTLE),
    "register_billing_key": (*_READ, *_SETTLE),
    "delete_billing_key": (*_SEND, *_READ, *_SETTLE),
    "stop_cancellation": (*_SEND, *_READ, *_SETTLE),
    "sync_payment": (*_READ, *_SETTLE),
    "webhook": ("before_record", "lost_record_reply", "after_record"),
}


def points() -> Iterator[tuple[str, str]]:
    """Yield every operation and step, step by step through all operations."""
    for kind, steps in MATRIX.items():
        for step in steps:
            yield kind, step


def run_matrix(
    arena: Arena,
    chosen: Sequence[tuple[str, str]],
    progress: Callable[[str], None] = lambda _point: None,
) -> list[str]:
    """Kill the worker once at each point and let the next one go on; return what did not happen as planned.

    The books are compared afterwards, over everything, by `judge`.
    """
    desk, problems = Desk(arena), []
    slot = arena.fleet.slots[0]
    arena.fleet.start(slot)
    arena.fleet.wait_ready(slot)
    cases = [(desk.case(kind), f"{kind}.{step}") for kind, step in chosen]
    wait_quiet(arena)
    for case, point in cases:
        progress(point)
        arena.fleet.stop(slot)
        armed = arena.fleet.start(slot, {CRASH_VARIABLE: point})
        arena.fleet.wait_ready(slot)
        desk.ask(case, point)
        try:
            code = armed.wait_exit(20)
        except TimeoutError:
            problems.append(f"{point}: never reached")
            continue
        if code != -signal.SIGKILL:
            problems.append(f"{point}: the worker ended with {code} instead of SIGKILL")
        arena.world.books.advance_clock(LEASE_SECONDS + 1)
        arena.fleet.start(slot)
        arena.fleet.wait_ready(slot)
        # PortOne repeats a webhook nobody answered after a minute.
        arena.portone.advance_clock(61)
        if left := wait_quiet(arena):
            problems.append(f"{point}: still open afterwards: {left}")
        arena.ledger.runs += 1
    return problems
