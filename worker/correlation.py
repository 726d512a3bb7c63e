"""Decides which id follows a request through log lines, database calls, the job it made and that job's calls.

It is the caller's ``X-Request-Id`` where that is of our form, else made here. The database keeps it in the job's payload.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import structlog

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADER: Final = "x-request-id"
# The same form as private.request_id() in the database.
_FORM: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")


def usable(value: str | None) -> str | None:
    """Return the id if it is of our form: 8 to 64 letters, digits, dots, dashes, underscores; None otherwise."""
    return value if value is not None and _FORM.fullmatch(value) else None


def new_id() -> str:
    """Return a fresh id."""
    return uuid4().hex


def current() -> str | None:
    """Return the id of what is being worked on here, None outside of any request or job that has one."""
    value = structlog.contextvars.get_contextvars().get("request_id")
    return value if isinstance(value, str) else None


@contextmanager
def following(request_id: str | None) -> Iterator[None]:
    """Let everything inside carry this id; None changes nothing."""
    if request_id is None:
        yield
        return
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        yield
