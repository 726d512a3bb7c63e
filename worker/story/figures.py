"""Decides how amounts, times and waits are written for a person."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from worker.language import language

# ISO 4217: currencies without a minor unit that PortOne's channels take. All others here have two digits.
_WHOLE: Final = frozenset({"KRW", "JPY", "VND", "CLP"})
_STEPS: Final = ((86_400, "d", "일"), (3600, "h", "시간"), (60, "min", "분"))


def money(amount: object, currency: object) -> str:
    """Return an amount of minor units with its currency: ``48,000 KRW``, ``10.50 USD``; nothing for null."""
    if not isinstance(amount, int) or isinstance(amount, bool):
        return ""
    unit = currency if isinstance(currency, str) and currency else "KRW"
    return f"{amount:,} {unit}" if unit in _WHOLE else f"{amount // 100:,}.{amount % 100:02d} {unit}"


def moment(value: object) -> datetime | None:
    """Return a time from the database (RFC 3339, or PostgreSQL's own text), None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        read = datetime.fromisoformat(value)
    except ValueError:
        return None
    return read if read.tzinfo is not None else read.replace(tzinfo=UTC)


def clock(value: object) -> str:
    """Return a time as the person's own clock shows it, to the second."""
    read = moment(value)
    return read.astimezone().strftime("%Y-%m-%d %H:%M:%S") if read is not None else ""


def span(seconds: float) -> str:
    """Return a length of time in its largest unit or two: ``3 min``, ``2 h 10 min``, ``41 s``."""
    korean = language() == "ko"
    left = max(0, round(seconds))
    parts: list[str] = []
    for size, english, hangul in _STEPS:
        if left >= size and len(parts) < 2:
            parts.append(f"{left // size}{hangul}" if korean else f"{left // size} {english}")
            left %= size
    if not parts:
        return f"{left}초" if korean else f"{left} s"
    return " ".join(parts)


def brief(seconds: float) -> str:
    """Return a short length of time with its fractions: ``0.11 s``."""
    return f"{seconds:.2f}초" if language() == "ko" else f"{seconds:.2f} s"


def between(earlier: object, later: object) -> float | None:
    """Return the seconds from one time to another, None when either cannot be read."""
    first, second = moment(earlier), moment(later)
    return (second - first).total_seconds() if first is not None and second is not None else None
