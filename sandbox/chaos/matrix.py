"""Decides the crash matrix: every operation that changes something, killed once at every numbered step it has."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Final

from sandbox.chaos.fleet import CRASH_VARIABLE
from sandbox.chaos.recovery import wait_quiet
from sandbox.chaos.scenarios import Desk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sandbox.chaos.arena import Arena
    from sandbox.chaos.fleet import Slot

# PortOne repeats a webhook nobody answered after a minute; by then the dead worker's leases are over.
_REPEATED: Final = 61.0
_UNSENT: Final = ("lost_begin_reply", "before_send")
_DECIDED_LATE: Final = ("NOT_EXECUTED",)

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
    "sync_billing_key": (*_READ, *_SETTLE),
    "read_identity": (*_READ, *_SETTLE),
    "webhook": ("before_record", "lost_record_reply", "after_record"),
}


# Calls that move money, killed between the stored attempt and the news of its outcome, and picked up when PortOne has
# forgotten the key. Only reading back may decide: what was executed has succeeded, what was not ends as NOT_EXECUTED.
WINDOW: Final[Mapping[str, tuple[str, ...]]] = dict.fromkeys(
    ("cancel_payment", "charge_billing_key", "confirm_payment", "create_schedule"),
    ("lost_begin_reply", "before_send", "after_send", "after_reply"),
)
LATER: Final = "3h later"
_BEYOND: Final = 3 * 3600.0 + 600.0


def points() -> Iterator[tuple[str, str]]:
    """Yield every operation and step, step by step through all operations; then those found only after PortOne's window."""
    for kind, steps in MATRIX.items():
        for step in steps:
            yield kind, step
    for kind, steps in WINDOW.items():
        for step in steps:
            yield kind, f"{step}, {LATER}"


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
    for kind, named in chosen:
        step, _, later = named.partition(", ")
        point = f"{kind}.{step}"
        progress(f"{kind}.{named}")
        # Made when its turn comes: a PG waits a quarter of an hour for an approval by hand, and every point takes a minute.
        case = desk.case(kind)
        if left := wait_quiet(arena):
            problems.append(f"{kind}.{named}: still open before it: {left}")
        arena.fleet.stop(slot)
        armed = arena.fleet.start(slot, {CRASH_VARIABLE: point})
        arena.fleet.wait_ready(slot)
        desk.ask(case, f"{kind}.{named}", _DECIDED_LATE if later and step in _UNSENT else ())
        try:
            code = armed.wait_exit(20)
        except TimeoutError:
            problems.append(f"{kind}.{named}: never reached")
            continue
        if code != -signal.SIGKILL:
            problems.append(f"{kind}.{named}: the worker ended with {code} instead of SIGKILL")
        _go_on(arena, slot, _BEYOND if later else _REPEATED)
        if left := wait_quiet(arena):
            problems.append(f"{kind}.{named}: still open afterwards: {left}")
        arena.ledger.runs += 1
    return problems


def _go_on(arena: Arena, slot: Slot, seconds: float) -> None:
    """Let time pass and another worker take over.

    Both clocks go on by the same: PortOne's only when somebody listens again, or its second delivery would be lost as well.
    """
    arena.world.books.advance_clock(seconds)
    arena.fleet.start(slot)
    arena.fleet.wait_ready(slot)
    arena.portone.advance_clock(seconds)
