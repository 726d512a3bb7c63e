"""Decides whether the built console belongs to its sources: `console/bundle.json` says what it was built from.

The bundle is committed, so that `pip install .` needs no Node. `make console` builds it and writes the record;
a test compares the record with what lies there. Run as `python -m sandbox.setup.console_bundle`.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from sandbox.setup.paths import PROJECT_ROOT

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = PROJECT_ROOT / "console"
BUNDLE = PROJECT_ROOT / "worker" / "console"
RECORD = SOURCES / "bundle.json"
_NOT_SOURCES = {"node_modules", "bundle.json"}


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below `folder` that makes the bundle what it is, by relative path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).parts[0] not in _NOT_SOURCES
    }


def record(sources: Path = SOURCES, bundle: Path = BUNDLE) -> dict[str, dict[str, str]]:
    """Return what `console/bundle.json` must say: the sources, and what was made of them."""
    return {"sources": digests(sources), "bundle": digests(bundle)}


def main() -> int:
    """Write the record; called right after the build."""
    RECORD.write_text(json.dumps(record(), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
