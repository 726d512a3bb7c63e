"""Containers: the images are the Supabase CLI's, and where there is no Docker the reason is said."""

from __future__ import annotations

import mmap
import re
from typing import TYPE_CHECKING

import pytest
import yaml

from sandbox.setup.paths import PROJECT_ROOT
from sandbox.supabase import containers_run
from sandbox.supabase.containers import POSTGRES_IMAGE, POSTGREST_IMAGE, ContainerSupabase, docker_missing
from sandbox.supabase.open import make_supabase

if TYPE_CHECKING:
    from pathlib import Path

COMPOSE = yaml.safe_load((PROJECT_ROOT / "ops" / "compose" / "compose.yaml").read_text())["services"]


@pytest.fixture
def _no_docker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")


def cli_images() -> set[bytes]:
    """The images the Supabase CLI of package.json starts, as its binary lists them."""
    (binary,) = (PROJECT_ROOT / "node_modules" / "@supabase").glob("cli-*/bin/supabase")
    with binary.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return set(re.findall(rb"FROM ((?:supabase|postgrest)/[a-z-]+:[A-Za-z0-9._-]+)", content))


def test_images_are_those_the_cli_pins() -> None:
    pinned = cli_images()
    assert len(pinned) > 5
    used = {POSTGRES_IMAGE, POSTGREST_IMAGE, *(COMPOSE[name]["image"] for name in ("db", "rest", "auth"))}
    assert {image.encode() for image in used} <= pinned


def test_the_stack_on_one_machine_uses_the_same() -> None:
    assert (COMPOSE["db"]["image"], COMPOSE["rest"]["image"]) == (POSTGRES_IMAGE, POSTGREST_IMAGE)
    # Nothing of it is open to the network by itself.
    assert all(
        port.startswith("127.0.0.1:") for service in COMPOSE.values() for port in service.get("ports", [])
    )


def test_docker_is_chosen_by_its_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_API", "docker")
    supabase = make_supabase()
    assert isinstance(supabase, ContainerSupabase)
    supabase.stop()


@pytest.mark.usefixtures("_no_docker")
def test_without_docker_the_run_is_skipped_with_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    reason = docker_missing()
    assert reason is not None
    assert "DOCKER_HOST" in reason
    assert containers_run.main([]) == 0
    assert "test-docker: skipped, no Docker answers" in capsys.readouterr().out


@pytest.mark.usefixtures("_no_docker")
def test_without_docker_a_start_says_so() -> None:
    supabase = ContainerSupabase()
    with pytest.raises(RuntimeError, match="SANDBOX_API=docker: no Docker answers"):
        supabase.start_database()
    supabase.stop()


def test_there_is_one_database() -> None:
    supabase = ContainerSupabase()
    with pytest.raises(RuntimeError, match="one database"):
        supabase.create_database("another")
    with pytest.raises(RuntimeError, match="one database"):
        supabase.db_url("another")
    supabase.stop()
