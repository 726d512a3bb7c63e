"""Supabase's own judges find nothing to warn of, and its list of migrations is ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from sandbox.supabase.inspection import Advice, advice
from sandbox.supabase.migrations import listed, migration_versions
from tests.sql.accepted_advice import ACCEPTED

if TYPE_CHECKING:
    from tests.conftest import TestDatabase


@pytest.fixture(scope="module")
def advised(module_database: TestDatabase) -> list[Advice]:
    """What the advisors say about a database with all migrations."""
    return advice(module_database.url)


def test_the_advisors_warn_of_nothing(advised: list[Advice]) -> None:
    assert advised, "the advisors always have something to say about an unused database: were they asked?"
    assert [remark for remark in advised if remark.level != "INFO"] == []


def test_every_remark_has_been_accepted_with_a_reason(advised: list[Advice]) -> None:
    assert [
        remark
        for remark in advised
        if not {(remark.lint, remark.subject), (remark.lint, "*")} & ACCEPTED.keys()
    ] == []


def test_nothing_is_accepted_that_nobody_remarks(advised: list[Advice]) -> None:
    said = {(remark.lint, subject) for remark in advised for subject in (remark.subject, "*")}
    assert ACCEPTED.keys() - said == set()


def test_the_advisors_would_see_a_mistake(database: TestDatabase) -> None:
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute("create table public.open_to_all (id bigint primary key)")
        connection.execute("create view public.as_owner as select * from public.payments")
    found = {
        (remark.level, remark.lint, remark.subject)
        for remark in advice(database.url)
        if remark.level != "INFO"
    }
    assert ("ERROR", "rls_disabled_in_public", "public.open_to_all") in found
    assert ("ERROR", "security_definer_view", "public.as_owner") in found


def test_migration_list_agrees_with_the_files(database: TestDatabase, empty_database: TestDatabase) -> None:
    versions = migration_versions()
    assert listed(database.url) == [(version, version) for version in versions]
    assert listed(empty_database.url) == [(version, "") for version in versions]
