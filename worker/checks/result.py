"""Decides what a check says: whether it is well, what was seen, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "error"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The answer of one check. ``fix`` is empty when nothing is to be done; no field ever holds a secret."""

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


def ok(name: str, detail: str) -> CheckResult:
    """All is well."""
    return CheckResult(name, "ok", detail)


def warning(name: str, detail: str, fix: str) -> CheckResult:
    """Works, but a person should look."""
    return CheckResult(name, "warning", detail, fix)


def error(name: str, detail: str, fix: str, *, may_pass: bool = False) -> CheckResult:
    """The worker does not start like this."""
    return CheckResult(name, "error", detail, fix, may_pass)
