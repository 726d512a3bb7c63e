"""Decides which Supabase is used, and that somebody's own project is never used by accident."""

from __future__ import annotations

import pytest

from sandbox.supabase.embedded import EmbeddedSupabase
from sandbox.supabase.external import ExternalSupabase
from sandbox.supabase.open import make_supabase

VARIABLES = {
    "SUPABASE_URL": "https://project.supabase.co/",
    "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_x",
    "SUPABASE_SECRET_KEY": "sb_secret_x",
    "SUPABASE_DB_URL": "postgresql://postgres@db.project.supabase.co/postgres",
}


@pytest.fixture
def _configured(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("_configured")
def test_variables_alone_do_not_choose_an_external_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SANDBOX_API", raising=False)
    supabase = make_supabase()
    assert isinstance(supabase, EmbeddedSupabase)
    supabase.stop()


@pytest.mark.usefixtures("_configured")
def test_an_external_project_is_used_when_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_API", "external")
    supabase = make_supabase()
    assert isinstance(supabase, ExternalSupabase)
    assert supabase.endpoint.api_url == "https://project.supabase.co"
    assert supabase.children() == []
    assert supabase.folders() == []


def test_missing_variables_are_named() -> None:
    with pytest.raises(ValueError, match="needs SUPABASE_URL, SUPABASE_SECRET_KEY"):
        ExternalSupabase({**VARIABLES, "SUPABASE_URL": "", "SUPABASE_SECRET_KEY": ""})


def test_an_external_project_is_not_changed_beyond_its_database() -> None:
    supabase = ExternalSupabase(VARIABLES)
    with pytest.raises(RuntimeError, match="one database"):
        supabase.create_database("test_1")
    with pytest.raises(RuntimeError, match="not dropped"):
        supabase.drop_database("test_1")
    with pytest.raises(RuntimeError, match="SUPABASE_ADMIN_DB_URL"):
        supabase.admin_url()
    with pytest.raises(RuntimeError, match="SUPABASE_JWT_SECRET"):
        supabase.mint_jwt("5b0b2f5e-9b69-4b5b-8d5c-8a9a3a1b0a11")


def test_an_unknown_word_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_API", "oracle")
    with pytest.raises(ValueError, match="use lite, postgrest, docker or external"):
        make_supabase()
