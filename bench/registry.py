"""Decides which families of figures there are and in which order they run: that of the project's bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.families import (
    e2e,
    gateway,
    growth,
    idle,
    life,
    migration,
    operation,
    partitions,
    queue,
    rivals,
    rls,
    scaling,
    webhook,
)

if TYPE_CHECKING:
    from types import ModuleType

    from bench.rows import Row

FAMILIES: dict[str, ModuleType] = {
    "queue": queue,
    "rivals": rivals,
    "gateway": gateway,
    "webhook": webhook,
    "e2e": e2e,
    "rls": rls,
    "operation": operation,
    "idle": idle,
    "migration": migration,
    "growth": growth,
    "partitions": partitions,
    "life": life,
    "scaling": scaling,
}


def rows(only: list[str] | None = None) -> list[Row]:
    """Every announced figure of the families, in order. Raises `KeyError` for a family that does not exist."""
    return [row for name in (only or FAMILIES) for row in FAMILIES[name].ROWS]
