"""Decides which of the two languages a person at the terminal is spoken to in: Korean by locale or ``--lang``, else English."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Language = Literal["en", "ko"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "ko")

# POSIX: the first of these that is set decides about messages.
_VARIABLES: Final = ("LC_ALL", "LC_MESSAGES", "LANG")
_chosen: ContextVar[Language] = ContextVar("language", default="en")


@dataclass(frozen=True, slots=True)
class Words:
    """One sentence in both languages; ``{names}`` in it are filled in by ``said``."""

    en: str
    ko: str


_MORE: Final = Words(" and {left} more", " 외 {left}건")
# What another service or an error says by itself, already in the language in use.
AS_TOLD: Final = Words("{told}", "{told}")


def language_of(environment: Mapping[str, str], wanted: str | None = None) -> Language:
    """Return ``wanted`` where it is one of ours, else Korean for a Korean locale, else English."""
    if wanted in LANGUAGES:
        return wanted
    locale = next((environment[name] for name in _VARIABLES if environment.get(name)), "")
    return "ko" if locale.lower().startswith("ko") else "en"


def speak(language: Language) -> None:
    """Choose the language of everything said from now on in this context."""
    _chosen.set(language)


def language() -> Language:
    """Return the language in use."""
    return _chosen.get()


def said(words: Words, /, **values: object) -> str:
    """Return the sentence in the language in use, filled in."""
    sentence = words.ko if language() == "ko" else words.en
    return sentence.format(**values) if values else sentence


def with_more(items: Sequence[str], most: int, *, between: str = ", ") -> str:
    """Return at most ``most`` of the items in one line, and how many more there are."""
    left = len(items) - most
    return between.join(items[:most]) + (said(_MORE, left=left) if left > 0 else "")
