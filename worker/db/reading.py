"""Decides how loosely typed JSON from the database is read: wrong types become None, never an exception."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def rows(value: object) -> list[Mapping[str, object]]:
    """Return the row objects of an answer; a single object counts as one row."""
    if isinstance(value, dict):
        return [value]
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def mapping(value: object) -> Mapping[str, object]:
    """Return an object, or an empty one."""
    return value if isinstance(value, dict) else {}


def text(value: object) -> str | None:
    """Return a string, or None."""
    return value if isinstance(value, str) else None


def whole(value: object) -> int | None:
    """Return an integer, or None; bigint may arrive as text from some gateways."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.lstrip("-").isascii() and value.lstrip("-").isdigit():
        return int(value)
    return None


def number(value: object) -> float | None:
    """Return a number of seconds, or None."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
