"""Decides where one run keeps its data directory, and when those of dead runs are removed.

A throw-away run (`SANDBOX_FSYNC=off`: its data need not survive the machine) keeps it in memory where there is
plenty: most of what a test suite's database costs is files made and removed.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

from sandbox.setup.paths import owned_folder, sandbox_home

# A run this young may still be copying its data directory.
_YOUNG_SECONDS = 600
# Linux' file system in memory, open to every account. A container's is often 64 MB: too little.
_MEMORY = Path("/dev/shm")  # noqa: S108 - below it `owned_folder` takes only what is ours
# A handful of runs at once, each some hundred MB of data and log, and the machine goes on breathing.
_PLENTY = 6 * 1024**3


def new_runtime_dir() -> Path:
    """Return a fresh folder that both we and PostgreSQL's account can enter.

    Folders left behind by runs that were killed are removed on the way.
    """
    disk = sandbox_home()
    memory = owned_folder(_MEMORY / disk.name) if _memory_is_plenty() else None
    for home in (disk, *([memory] if memory else [])):
        _remove_abandoned(home / "runs")
    runs = (memory or disk) / "runs"
    runs.mkdir(exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix="run-", dir=runs))
    fresh.chmod(0o755)
    return fresh


def _memory_is_plenty() -> bool:
    """Say whether this run's data may be lost with the machine, and memory has room for it."""
    if os.environ.get("SANDBOX_FSYNC") != "off" or "SANDBOX_HOME" in os.environ or not _MEMORY.is_dir():
        return False
    room = os.statvfs(_MEMORY)
    return min(room.f_bavail * room.f_frsize, _available_memory()) >= _PLENTY


def _available_memory() -> int:
    """Return how many bytes the kernel could give without swapping; 0 where it does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), 0)


def _remove_abandoned(runs: Path) -> None:
    for folder in runs.iterdir() if runs.is_dir() else ():
        if _abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)


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
