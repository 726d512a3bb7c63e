"""Decides where the sandbox finds the project and where it may put files of its own.

Files that outlive a run (copied PostgreSQL binaries, initialised data directories) go to one
folder per user below the system's temporary folder, or to `SANDBOX_HOME`. They do not go below
the clone: a clone under `/root` cannot be entered by the account PostgreSQL runs as.
"""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[2]
BUILD_DIR = PROJECT_ROOT / "build"
MIGRATIONS_DIR = PROJECT_ROOT / "supabase" / "migrations"
SEED_FILE = PROJECT_ROOT / "supabase" / "seed.sql"


def sandbox_home() -> Path:
    """Return the folder for files kept between runs, created if absent and owned by this user.

    Raises `RuntimeError` as `owned_folder` does.
    """
    configured = os.environ.get("SANDBOX_HOME")
    return owned_folder(Path(configured) if configured else _default_home())


def owned_folder(home: Path) -> Path:
    """Return `home`, created if absent, which every account may enter and this user alone writes to.

    Raises `RuntimeError` when it belongs to somebody else (another user of the machine could then
    swap the binaries we are about to run).
    """
    home.mkdir(mode=0o755, parents=True, exist_ok=True)
    info = home.lstat()
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.getuid():
        raise RuntimeError(
            f"{home} is not a folder of this user; remove it or set SANDBOX_HOME to another folder"
        )
    home.chmod(0o755)
    return home


def _default_home() -> Path:
    """Prefer the configured temporary folder unless other accounts cannot enter it."""
    candidates = [Path(tempfile.gettempdir()), Path("/var/tmp"), Path("/tmp")]  # noqa: S108 - checked by sandbox_home
    parent = next((folder for folder in candidates if _open_to_all(folder)), candidates[0])
    return parent / f"portone-supabase-{os.getuid()}"


def _open_to_all(folder: Path) -> bool:
    """Say whether every account may pass through `folder`."""
    resolved = folder.resolve()
    return resolved.is_dir() and all(
        path.stat().st_mode & stat.S_IXOTH for path in (resolved, *resolved.parents)
    )
