"""The migrations ship with the package: a wheel made from the source distribution copies them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from sandbox.setup.paths import MIGRATIONS_DIR, PROJECT_ROOT

if TYPE_CHECKING:
    from pathlib import Path

PARTS = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "worker", "sandbox", "supabase")


def build(kind: str, source: Path, target: Path) -> Path:
    """Builds an sdist or a wheel of the project in `source` as a front end would."""
    target.mkdir()
    call = f"from setuptools import build_meta; build_meta.build_{kind}({str(target)!r})"
    subprocess.run([sys.executable, "-c", call], cwd=source, check=True, capture_output=True, text=True)
    (made,) = target.iterdir()
    return made


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked wheel, made from the unpacked source distribution, as pip does it."""
    folder = tmp_path_factory.mktemp("package")
    clone = folder / "clone"
    clone.mkdir()
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for part in PARTS:
        path = PROJECT_ROOT / part
        if path.is_dir():
            shutil.copytree(path, clone / part, ignore=ignored)
        else:
            shutil.copy(path, clone / part)
    shutil.unpack_archive(build("sdist", clone, folder / "sdist"), folder / "unpacked", filter="data")
    (source,) = (folder / "unpacked").iterdir()
    shutil.unpack_archive(build("wheel", source, folder / "wheel"), folder / "installed", "zip")
    return folder / "installed"


def test_the_wheel_has_every_migration_as_it_is(installed: Path) -> None:
    shipped = {path.name: path.read_bytes() for path in (installed / "worker" / "migrations").iterdir()}
    assert shipped == {path.name: path.read_bytes() for path in MIGRATIONS_DIR.glob("*.sql")}


def test_the_wheel_has_the_console(installed: Path) -> None:
    built = PROJECT_ROOT / "worker" / "console"
    shipped = {path.relative_to(built): path.read_bytes() for path in built.rglob("*") if path.is_file()}
    assert len(shipped) >= 4
    found = installed / "worker" / "console"
    assert {
        path.relative_to(found): path.read_bytes() for path in found.rglob("*") if path.is_file()
    } == shipped


def test_the_installed_command_copies_them(installed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    result = subprocess.run(
        [sys.executable, "-m", "worker", "migrations", "copy", str(folder)],
        env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(installed)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert len(list(folder.glob("*.sql"))) == len(list(MIGRATIONS_DIR.glob("*.sql")))
