"""Another PostgreSQL is used when it is named and whole, and its absence is said, not guessed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.supabase import versions
from sandbox.supabase.binaries import postgres_major, postgres_prefix

if TYPE_CHECKING:
    from pathlib import Path


def test_a_named_installation_without_programs_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SANDBOX_POSTGRES", str(tmp_path))
    with pytest.raises(RuntimeError, match=r"SANDBOX_POSTGRES: .*bin/postgres is missing"):
        postgres_prefix()


def test_an_installation_of_the_systems_is_used_in_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    for program in ("postgres", "initdb"):
        (tmp_path / "bin" / program).touch()
    monkeypatch.setenv("SANDBOX_POSTGRES", str(tmp_path))
    assert postgres_prefix() == tmp_path


def test_programs_that_do_not_run_are_named(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "postgres"
    program.write_text("#!/bin/sh\necho 'wrong machine' >&2\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(RuntimeError, match="does not run: wrong machine"):
        postgres_major(tmp_path)


def test_the_sandbox_has_17_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SANDBOX_POSTGRES", raising=False)
    assert postgres_major(postgres_prefix()) == 17
    assert versions.prefix_of(17) is None


def test_a_version_that_is_nowhere_is_skipped_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SANDBOX_POSTGRES", raising=False)
    monkeypatch.setattr(versions, "_PACKAGES", tmp_path)
    monkeypatch.setattr(versions, "_SYSTEM", tmp_path)
    monkeypatch.setattr(versions, "_MAJORS", (15, 18))
    assert versions.main([]) == 0
    said = capsys.readouterr().out
    for major in (15, 18):
        assert f"PostgreSQL {major}: skipped, neither npm's" in said


def test_the_systems_package_stands_in_for_npms(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SANDBOX_POSTGRES", raising=False)
    monkeypatch.setattr(versions, "_PACKAGES", tmp_path / "none")
    monkeypatch.setattr(versions, "_SYSTEM", tmp_path)
    program = tmp_path / "15" / "bin" / "initdb"
    program.parent.mkdir(parents=True)
    program.touch()
    assert versions.prefix_of(15) == tmp_path / "15"
