"""Decides what a step of the journey tells: what was done, what was expected, what happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable


class CheckFailed(AssertionError):
    """Something happened that was not expected; the message says both."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a story; `told` lines have no `happened`, only `failed` ones have `expected`."""

    kind: Literal["told", "held", "failed"]
    text: str
    happened: str = ""
    expected: str = ""


class Story:
    """Collects the lines of one step and shows each as it comes; the first broken expectation ends it."""

    def __init__(self, show: Callable[[Line], None] | None = None) -> None:
        self._show = show
        self.lines: list[Line] = []

    def tell(self, text: str) -> None:
        """Say what is done now."""
        self._add(Line("told", text))

    def expect(self, text: str, happened: object, expected: object, *, shown: str | None = None) -> None:
        """Compare two values; `shown` replaces the value in a line that held. Raises `CheckFailed`."""
        if happened == expected:
            self._add(Line("held", text, shown if shown is not None else in_words(happened)))
            return
        self._add(Line("failed", text, in_words(happened), in_words(expected)))
        raise CheckFailed(f"{text}: expected {in_words(expected)}, but it was {in_words(happened)}")

    def expect_true(self, text: str, holds: bool, happened: object) -> None:
        """Check a condition and show the value it was judged by. Raises `CheckFailed`."""
        if holds:
            self._add(Line("held", text, in_words(happened)))
            return
        self._add(Line("failed", text, in_words(happened), "it to hold"))
        raise CheckFailed(f"{text}: it does not hold, it was {in_words(happened)}")

    def detail(self) -> str:
        """Return what was done and the expectations that held, as one text."""
        parts = [
            f"{line.text}." if line.kind == "told" else f"{line.text}: {line.happened};"
            for line in self.lines
            if line.kind != "failed"
        ]
        return " ".join(parts).replace("\n", ", ").rstrip(";.")

    def _add(self, line: Line) -> None:
        self.lines.append(line)
        if self._show is not None:
            self._show(line)


def in_words(value: object) -> str:
    """Return a value as a person reads it: yes and no, amounts with commas, lists with middle dots."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if value is None:
        return "nothing"
    if isinstance(value, list | tuple | set | frozenset):
        entries = sorted(value, key=str) if isinstance(value, set | frozenset) else value
        return " · ".join(in_words(entry) for entry in entries) or "none"
    if isinstance(value, dict):
        return " · ".join(f"{name} {in_words(entry)}" for name, entry in value.items()) or "none"
    return str(value)
