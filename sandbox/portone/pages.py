"""Decides what paged lists of billing keys, schedules and identity verifications share (OpenAPI: PageInput, PageInfo)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from .clock import SECOND, parse
from .errors import invalid_request

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .assumptions import Assumptions
    from .inputs import PageInput

Row = TypeVar("Row")
_DEFAULT_WINDOW: Final = 90 * 24 * 3_600 * SECOND


def page_of(page: PageInput, rows: Sequence[Row], body: Callable[[Row], dict[str, Any]]) -> dict[str, Any]:
    """Return ``{items, page}``; totalCount counts all matches (assumed)."""
    shown = rows[page.number * page.size : (page.number + 1) * page.size]
    info = {"number": page.number, "size": page.size, "totalCount": len(rows)}
    return {"items": [body(row) for row in shown], "page": info}


def time_window(now: int, since_text: str | None, until_text: str | None) -> tuple[int, int]:
    """Return (from, until) in nanoseconds: until = now, from = 90 days earlier unless given."""
    until = now if until_text is None else moment_of("until", until_text)
    since = until - _DEFAULT_WINDOW if since_text is None else moment_of("from", since_text)
    return since, until


def listed_until(now: int, rules: Assumptions) -> int:
    """Return the latest creation a list already knows: lists may lag behind single reads (inferred)."""
    return now - round(rules.list_lag_seconds * SECOND)


def moment_of(name: str, text: str) -> int:
    """Return the nanoseconds of an RFC 3339 text; raises INVALID_REQUEST naming the field."""
    try:
        return parse(text)
    except ValueError as failure:
        raise invalid_request(f"{name}: {failure}") from failure
