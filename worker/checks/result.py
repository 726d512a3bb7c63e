"""Decides what a check says: whether it is well, what was seen, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from worker.language import Words, said

State = Literal["ok", "warning", "error"]
SEE_DATABASE: Final = Words("see the database check", "database 항목을 먼저 확인하세요")


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The answer of one check, in the language in use. ``fix`` is empty when nothing is to be done.

    No field ever holds a secret; ``name`` and ``state`` are the same in every language.
    """

    name: str
    state: State
    detail: str
    fix: str = ""
    may_pass: bool = False
    """Whether waiting may help: something did not answer, rather than answered wrong."""

    @property
    def line(self) -> str:
        """One line for people: what was seen and the fix."""
        return f"{self.name}: {self.detail}" + (f"; {self.fix}" if self.fix else "")


def ok(name: str, detail: Words, **values: object) -> CheckResult:
    """All is well; ``values`` fill in the sentence's names."""
    return CheckResult(name, "ok", said(detail, **values))


def warning(name: str, detail: Words, fix: Words, **values: object) -> CheckResult:
    """Works, but a person should look; ``values`` fill in the names of both sentences."""
    return CheckResult(name, "warning", said(detail, **values), said(fix, **values))


def error(name: str, detail: Words, fix: Words, *, may_pass: bool = False, **values: object) -> CheckResult:
    """The worker does not start like this; ``values`` fill in the names of both sentences."""
    return CheckResult(name, "error", said(detail, **values), said(fix, **values), may_pass)
