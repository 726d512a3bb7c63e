"""Owns what can come of one outgoing HTTP request: an answer, or one of three kinds of none.

The three are kept apart because money hangs on them: only ``NotSent`` says that the other side cannot have acted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer; ``headers`` are looked up without regard to case. Bodies may be secret: not in the repr."""

    status_code: int
    content: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status_code < 300


class HttpFailure(Exception):
    """No answer; see the three kinds below."""


class Unsendable(HttpFailure):
    """No such request can be made at all: a URL or a header that is none."""


class NotSent(HttpFailure):
    """No connection was had in time, so not one byte of the request has left."""


class NoAnswer(HttpFailure):
    """The request, or a part of it, may have arrived and no whole answer came back."""

    def __init__(self, *, late: bool) -> None:
        """``late`` is True when the time was over, False when the connection broke."""
        super().__init__("late" if late else "broken")
        self.late = late
