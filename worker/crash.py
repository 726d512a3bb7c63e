"""Decides where a test may kill this process, so that crash safety is shown rather than claimed.

``PORTONE_WORKER_CRASH_AT=<name>`` makes the process SIGKILL itself when it first reaches that point: no clean-up, no
flush, exactly what a lost machine looks like. Unset, which is the normal case, a crash point costs a dictionary look-up.
``crash_steps`` has the numbered steps that every job has.
"""

from __future__ import annotations

import os
import signal
from typing import Literal

# Charges, approvals and schedules have the points of a cancel, under their own name: charge.before_begin and so on.
MoneyVerb = Literal["cancel", "charge", "confirm", "schedule"]
MoneyMoment = Literal["before_begin", "after_begin", "after_reply"]
CrashPoint = Literal["settle.before", "settle.after"]

VARIABLE = "PORTONE_WORKER_CRASH_AT"


def armed_crash_point() -> str | None:
    """Return the name this process will crash at, or None."""
    return os.environ.get(VARIABLE) or None


def crash_point(name: CrashPoint) -> None:
    """SIGKILL this process if the environment asks for a crash at ``name``."""
    crash_if_armed(name)


def money_crash_point(verb: MoneyVerb, moment: MoneyMoment) -> None:
    """As ``crash_point``, for the points every money call has: ``charge.after_begin`` and so on."""
    crash_if_armed(f"{verb}.{moment}")


def crash_if_armed(name: str) -> None:
    """As ``crash_point``, for names that are put together; the callers above say which there are."""
    if os.environ.get(VARIABLE) == name:
        os.kill(os.getpid(), signal.SIGKILL)
