"""Decides what `package-lock.json` looks like after npm wrote it: complete, and without addresses.

`python -m sandbox.setup.npm_lock` (part of `make lock`). Two repairs:

- every address goes (`resolved`, `funding`): the lock names packages, versions and hashes;
- npm leaves out the Supabase CLI's binaries for other platforms when the registry it asked does
  not serve them, and then `npm ci` calls the lock incomplete. They are entered by version and
  platform, so that `npm ci` skips them here and fetches the right one there.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sandbox.setup.paths import PROJECT_ROOT

if TYPE_CHECKING:
    from pathlib import Path

_OWNER = "node_modules/supabase"
_PREFIX = "@supabase/cli-"
_SYSTEMS = {"windows": "win32"}


def repair(lock: dict[str, Any]) -> dict[str, Any]:
    """Return the lock with both repairs made. Raises `KeyError` when `supabase` is not locked."""
    packages: dict[str, dict[str, Any]] = lock["packages"]
    for entry in packages.values():
        entry.pop("resolved", None)
        entry.pop("funding", None)
    for name, version in packages[_OWNER]["optionalDependencies"].items():
        packages.setdefault(f"node_modules/{name}", _platform_entry(name, version))
    return {**lock, "packages": dict(sorted(packages.items()))}


def _platform_entry(name: str, version: str) -> dict[str, Any]:
    system, cpu, *libc = name.removeprefix(_PREFIX).split("-")
    entry: dict[str, Any] = {"version": version, "cpu": [cpu], "optional": True}
    if system == "linux":
        entry["libc"] = libc or ["glibc"]
    return {**entry, "os": [_SYSTEMS.get(system, system)]}


def main(path: Path = PROJECT_ROOT / "package-lock.json") -> None:
    """Repair the lock file in place."""
    lock = repair(json.loads(path.read_text()))
    path.write_text(json.dumps(lock, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
