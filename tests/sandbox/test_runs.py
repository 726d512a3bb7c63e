"""A run that may lose its data keeps it in memory, where there is plenty; every other one on disk."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from sandbox.setup.paths import sandbox_home
from sandbox.supabase import runs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LITTLE, PLENTY = 64 * 1024**2, 1024**4


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Stands for the file system in memory of a machine with plenty of it."""
    monkeypatch.setattr(runs, "_MEMORY", tmp_path)
    monkeypatch.setattr(runs, "_PLENTY", 1)
    monkeypatch.setattr(runs, "_available_memory", lambda: PLENTY)
    monkeypatch.setenv("SANDBOX_FSYNC", "off")
    monkeypatch.delenv("SANDBOX_HOME", raising=False)
    return tmp_path


def _place() -> Path:
    folder = runs.new_runtime_dir()
    shutil.rmtree(folder)
    return folder


def test_what_may_be_lost_is_kept_in_memory(memory: Path) -> None:
    folder = _place()
    assert folder.is_relative_to(memory)
    assert folder.parents[1].name == sandbox_home().name


def test_what_must_survive_the_machine_is_not(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for fsync in ("on", None):
        monkeypatch.delenv("SANDBOX_FSYNC")
        if fsync:
            monkeypatch.setenv("SANDBOX_FSYNC", fsync)
        assert _place().parents[1] == sandbox_home()
        monkeypatch.setenv("SANDBOX_FSYNC", "off")


def test_a_folder_somebody_named_is_used(
    memory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANDBOX_HOME", str(tmp_path / "named"))
    assert _place().parents[1] == tmp_path / "named"


@pytest.mark.parametrize("scarce", ["memory", "room"])
def test_little_memory_is_left_to_the_machine(
    memory: Path, monkeypatch: pytest.MonkeyPatch, scarce: str
) -> None:
    if scarce == "memory":
        monkeypatch.setattr(runs, "_PLENTY", 2 * LITTLE)
        monkeypatch.setattr(runs, "_available_memory", lambda: LITTLE)
    else:
        monkeypatch.setattr(runs, "_PLENTY", PLENTY)
    assert _place().parents[1] == sandbox_home()


def test_a_system_without_such_a_file_system_uses_the_disk(
    memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "_MEMORY", memory / "none")
    assert _place().parents[1] == sandbox_home()
