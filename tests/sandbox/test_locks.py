"""Decides what the lock files must have: hashes, every platform's CLI, and no address."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from sandbox.setup.npm_lock import repair
from sandbox.setup.paths import PROJECT_ROOT


def _npm_lock() -> dict[str, Any]:
    lock: dict[str, Any] = json.loads((PROJECT_ROOT / "package-lock.json").read_text())
    return lock


@pytest.mark.parametrize("name", ["package-lock.json", "requirements/dev.lock", "requirements/worker.lock"])
def test_no_lock_file_names_an_address(name: str) -> None:
    assert re.findall(r"\w+://\S+", (PROJECT_ROOT / name).read_text()) == []


@pytest.mark.parametrize("name", ["dev", "worker"])
def test_every_python_package_is_pinned_and_hashed(name: str) -> None:
    text = (PROJECT_ROOT / "requirements" / f"{name}.lock").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip()]
    assert lines
    assert [line for line in lines if "==" not in line or "--hash=sha256:" not in line] == []


def test_the_worker_is_locked_to_the_versions_it_is_tested_with() -> None:
    def versions(name: str) -> dict[str, str]:
        text = (PROJECT_ROOT / "requirements" / f"{name}.lock").read_text()
        return dict(re.findall(r"^([a-z0-9-]+)==([^ ]+)", text, re.MULTILINE))

    dev = versions("dev")
    assert {name: version for name, version in versions("worker").items() if dev.get(name) != version} == {}


def test_the_cli_is_locked_for_every_platform() -> None:
    packages = _npm_lock()["packages"]
    wanted = packages["node_modules/supabase"]["optionalDependencies"]
    assert len(wanted) >= 8
    for name, version in wanted.items():
        entry = packages[f"node_modules/{name}"]
        assert (entry["version"], entry["optional"]) == (version, True)
        assert entry["os"]
        assert entry["cpu"]


def test_a_lock_already_repaired_stays_as_it_is() -> None:
    lock = _npm_lock()
    assert repair(json.loads(json.dumps(lock))) == lock


def test_what_npm_leaves_out_is_entered() -> None:
    lock = _npm_lock()
    name = "node_modules/@supabase/cli-linux-arm64-musl"
    expected = lock["packages"].pop(name)
    lock["packages"]["node_modules/postgres"]["funding"] = {"url": "somewhere"}
    lock["packages"]["node_modules/postgres"]["resolved"] = "somewhere"
    repaired = repair(lock)["packages"]
    assert repaired[name] == expected == {
        "version": expected["version"], "cpu": ["arm64"], "optional": True, "libc": ["musl"], "os": ["linux"]
    }  # fmt: skip
    assert {"funding", "resolved"}.isdisjoint(repaired["node_modules/postgres"])
