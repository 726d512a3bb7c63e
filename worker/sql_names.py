"""Decides which objects a migration is taken to create: by its text, without a database."""

from __future__ import annotations

import re
from typing import Final

_COMMENTS: Final = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
# What stands in a function's body is done when it runs, not when the file is applied; a `do` block runs at once.
_BODIES: Final = re.compile(r"(\bdo\s+)?\$(\w*)\$(.*?)\$\2\$", re.DOTALL | re.IGNORECASE)
_TEXTS: Final = re.compile(r"'(?:[^']|'')*'")
_NAME: Final = r'((?:"[^"]+"|\w+)(?:\s*\.\s*(?:"[^"]+"|\w+))?)'
_FREE: Final = r"(?:if\s+not\s+exists\s+)?"
_RELATION: Final = re.compile(
    rf"\bcreate\s+(?:or\s+replace\s+)?(?:(?:unlogged|recursive|materialized|unique)\s+)*"
    rf"(?:table|view|sequence|type|domain|index(?:\s+concurrently)?)\s+{_FREE}{_NAME}",
    re.IGNORECASE,
)
_FUNCTION: Final = re.compile(
    rf"\bcreate\s+(?:or\s+replace\s+)?(?:function|procedure)\s+{_NAME}\s*\(", re.IGNORECASE
)
_ON_TABLE: Final = re.compile(
    rf'\bcreate\s+(?:or\s+replace\s+)?(policy|trigger)\s+("[^"]+"|\w+)\b[^;]*?\bon\s+{_NAME}', re.IGNORECASE
)


def created_names(sql: str) -> set[str]:
    """Return what ``sql`` creates: ``schema.name``, functions as ``schema.name()``, ``policy name on schema.table``.

    Names without a schema are taken to be in ``public``.
    """
    text = _BODIES.sub(_at_once, _COMMENTS.sub(" ", sql))
    names = {_qualified(name) for name in _RELATION.findall(text)}
    names |= {f"{_qualified(name)}()" for name in _FUNCTION.findall(text)}
    names |= {
        f"{kind.lower()} {_plain(name)} on {_qualified(table)}"
        for kind, name, table in _ON_TABLE.findall(text)
    }
    return names


def _at_once(body: re.Match[str]) -> str:
    """Keep the statements of a `do` block, without what it only makes up as text."""
    return f" {_TEXTS.sub(' ', body[3])} " if body[1] else "''"


def _qualified(name: str) -> str:
    parts = [_plain(part) for part in re.split(r"\s*\.\s*", name)]
    return ".".join(parts if len(parts) == 2 else ["public", *parts])


def _plain(name: str) -> str:
    return name[1:-1] if name.startswith('"') else name.lower()
