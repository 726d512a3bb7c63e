"""Decides which four answers an error can give to "and now?".

::

    WorkerError
    ├── Transient          try again later with the same idempotency key
    │   └── DatabaseUnavailable   Supabase gave no usable answer
    │       └── DatabaseFault     Supabase answered with a server error of its own
    ├── Conflict           somebody else changed the entity: read it back, then decide
    ├── Rejected           final: a business answer, or input that can never be accepted
    └── Misconfigured      a person must change a setting; no job is at fault

The runner reads only the four branches. ``Transient.outcome_unknown`` is the difference between "was not sent" and
"may have happened": money calls must never guess it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.language import language
from worker.sentences import korean

if TYPE_CHECKING:
    from collections.abc import Mapping


class WorkerError(Exception):
    """Root of everything this package raises on purpose.

    ``code`` is stable and machine readable, ``message`` is a sentence for a person. Neither may hold a secret or
    personal data: both are stored in the database and written to logs.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.extra: dict[str, object] = dict(extra or {})

    def as_error(self) -> dict[str, object]:
        """Return ``{code, message, message_ko?, …}``, the shape stored in an operation's ``error`` column."""
        sentence = korean(self.code)
        translated: dict[str, object] = {} if sentence is None else {"message_ko": sentence}
        return {**translated, **self.extra, "code": self.code, "message": self.message}

    def told(self) -> str:
        """Return it as a person at the terminal is told, in the language in use.

        The Korean sentence of a code says less than the English one, so the code stands beside it.
        """
        translated = self.as_error().get("message_ko")
        if language() == "ko" and isinstance(translated, str):
            return f"{translated} ({self.code})"
        hint = self.extra.get("hint")
        return f"{self.message} {hint}" if isinstance(hint, str) and hint else self.message


class Transient(WorkerError):
    """Try again with the same idempotency key; ``outcome_unknown`` says whether the call may have taken effect."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        outcome_unknown: bool = True,
        retry_in: float | None = None,
        status: int | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(code, message, status=status, extra=extra)
        self.outcome_unknown = outcome_unknown
        self.retry_in = retry_in


class DatabaseUnavailable(Transient):
    """Supabase could not be reached or answered from a gateway; nothing is known about the call."""


class DatabaseFault(DatabaseUnavailable):
    """Supabase was reached and failed inside (HTTP 500): repeating may help, a poison element is possible."""


class Conflict(WorkerError):
    """PortOne says the entity is not in the state the call assumed: read it back, then decide."""


class Rejected(WorkerError):
    """A definite no. For database refusals ``status`` is the HTTP status and ``extra`` may hold field and hint."""


class Misconfigured(WorkerError):
    """A setting is wrong: stop taking work and tell a person which one to change.

    ``message`` names the setting and goes to logs; ``korean`` says the same to a person who reads Korean.
    """

    def __init__(self, code: str, message: str, *, status: int | None = None, korean: str = "") -> None:
        super().__init__(code, message, status=status)
        self.korean = korean

    def told(self) -> str:
        """Return which setting is wrong and what to put there, in the language in use."""
        return self.korean if self.korean and language() == "ko" else self.message
