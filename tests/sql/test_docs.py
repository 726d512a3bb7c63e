"""docs/database.md leaves nothing out and names nothing that is not there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from sandbox.setup.paths import PROJECT_ROOT

if TYPE_CHECKING:
    from tests.sql.shop import Caller


@pytest.fixture(scope="module")
def words() -> set[str]:
    """Every name in the document's code marks, without schema and arguments."""
    text = (PROJECT_ROOT / "docs" / "database.md").read_text()
    marked = re.findall(r"`([^`\n]+)`", text)
    return {re.sub(r"^(public|private|queue)\.|\(.*$", "", mark) for mark in marked}


def names(owner: Caller, sql: str) -> list[str]:
    """One column of names."""
    return [str(row["name"]) for row in owner.rows(sql)]


def test_every_table_view_and_called_function_is_described(owner: Caller, words: set[str]) -> None:
    relations = names(
        owner,
        "select relname as name from pg_class where relnamespace::regnamespace::text in ('public', 'private', 'queue') and relkind in ('r', 'v')",
    )
    functions = names(
        owner, "select distinct proname as name from pg_proc where pronamespace = 'public'::regnamespace"
    )
    assert len(relations) > 18
    assert len(functions) > 14
    assert [name for name in relations + functions if name not in words] == []


def test_what_keeps_a_law_is_there(owner: Caller) -> None:
    text = (PROJECT_ROOT / "docs" / "database.md").read_text()
    laws = text.split("## The laws, and what keeps each\n")[1].split("All test files")[0]
    kept = {
        name
        for row in laws.splitlines()[4:]
        if row.startswith("|")
        for name in re.findall(r"`([a-z_.]+)`", row.split("|")[2])
    }
    known = set(
        names(
            owner,
            """select conname as name from pg_constraint union select relname from pg_class union select polname from pg_policy union select tgname from pg_trigger
            union select proname from pg_proc union select relname || '.' || attname from pg_class join pg_attribute on attrelid = pg_class.oid
            union select relnamespace::regnamespace || '.' || relname from pg_class union select pronamespace::regnamespace || '.' || proname from pg_proc""",
        )
    )
    assert len(kept) > 25
    assert kept - known == set()
    tests = set(re.findall(r"`(test_\w+\.py)`", laws))
    assert [name for name in sorted(tests) if not (PROJECT_ROOT / "tests" / "sql" / name).exists()] == []
