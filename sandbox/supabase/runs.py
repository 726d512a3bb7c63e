"""Decides where one run keeps its data directory, and when those of dead runs are removed."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

from sandbox.setup.paths import sandbox_home

# A run this young may still be copying its data directory.
_YOUNG_SECONDS = 600


def new_runtime_dir() -> Path:
    """Return a fresh folder that both we and PostgreSQL's account can enter.

    Folders left behind by runs that were killed are removed on the way.
    """
    runs = sandbox_home() / "runs"
    runs.mkdir(exist_ok=True)
    for folder in runs.iterdir():
        if _abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)
    fresh = Path(tempfile.mkdtemp(prefix="run-", dir=runs))
    fresh.chmod(0o755)
    return fresh


def _abandoned(folder: Path) -> bool:
    """Say whether no server works in this run's data directory any more."""
    try:
        if time.time() - folder.stat().st_mtime < _YOUNG_SECONDS:
            return False
        pid = int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, 0)
    except PermissionError:
        return False
    except (OSError, ValueError, IndexError):
        return True
    return False
