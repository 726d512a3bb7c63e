"""Decides what `build/stack.json` says and how `make down` recognises the processes it names."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.setup.paths import BUILD_DIR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.setup.process import Child
    from sandbox.stack.stack import Stack

STACK_FILE = BUILD_DIR / "stack.json"


def describe(stack: Stack, children: list[Child]) -> dict[str, Any]:
    """Return what people and tests need to use a running stack; `pids` maps names of `children` to process ids."""
    endpoint = stack.endpoint
    return {
        "api_url": endpoint.api_url,
        "db_url": endpoint.db_url,
        "admin_db_url": endpoint.admin_db_url,
        "publishable_key": endpoint.publishable_key,
        "secret_key": endpoint.secret_key,
        "jwt_secret": endpoint.jwt_secret,
        "worker_url": stack.worker_url,
        "portone_url": stack.portone_url,
        "portone_control_url": stack.portone_control_url,
        "portone_api_secret": stack.portone_api_secret,
        "webhook_secret": stack.webhook_secret,
        "pids": {child.name: child.pid for child in children},
        # For `down`: which process had the id then, how it likes to be asked, what to remove.
        "processes": {
            child.name: {"started": started_at(child.pid), "stop_signal": int(child.command.stop_signal)}
            for child in children
        },
        "folders": [str(folder) for folder in stack.supabase.folders()],
        "logs": str(stack.workdir),
    }


def write(state: dict[str, Any], path: Path = STACK_FILE) -> None:
    """Write the file."""
    _write_private(path, json.dumps(state, indent=2) + "\n")


def write_settings(settings: Mapping[str, str], folder: Path) -> Path:
    """Write the worker's settings as a shell reads them, so that its command line can be used beside it; return the file."""
    path = settings_file(folder)
    _write_private(path, "".join(f"{name}={shlex.quote(value)}\n" for name, value in settings.items()))
    return path


def settings_file(folder: Path) -> Path:
    """Return where the worker's settings are written, beside `stack.json`."""
    return folder / "worker.env"


def _write_private(path: Path, text: str) -> None:
    """Write a file that its owner alone can read: it has keys in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text)


def read(path: Path = STACK_FILE) -> dict[str, Any] | None:
    """Return the file's content, `None` when there is no such file."""
    if not path.exists():
        return None
    state: dict[str, Any] = json.loads(path.read_text())
    return state


def started_at(pid: int) -> str:
    """Return a mark of when process `pid` started; empty when it is gone (or a zombie).

    Process ids are used again; the pair of id and start is not.
    """
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            return ""
        # Fields 3 (state) and 22 (start, in ticks since boot) of proc(5); the first two are cut off.
        return "" if fields[0] in ("Z", "X") else fields[19]
    listing = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)],  # noqa: S607 - ps is where the system keeps it
        capture_output=True,
        text=True,
        check=False,
    )
    return listing.stdout.strip()
