"""Decides what `make test-docker` runs: the flows over HTTP on Supabase's own images, or says why it cannot."""

from __future__ import annotations

import os
import subprocess
import sys

from sandbox.setup.paths import PROJECT_ROOT
from sandbox.supabase.containers import POSTGRES_IMAGE, POSTGREST_IMAGE, docker_missing

# One running stack is all they need; tests with a database of their own each cannot run on an image that keeps one.
_TESTS = ("tests/flow",)


def main(arguments: list[str]) -> int:
    """Run the tests and return pytest's code; 0 without Docker, with the reason. `arguments` go to pytest."""
    reason = docker_missing()
    if reason is not None:
        sys.stdout.write(f"test-docker: skipped, {reason}\n")
        return 0
    sys.stdout.write(f"test-docker: {POSTGRES_IMAGE}, {POSTGREST_IMAGE}\n")
    sys.stdout.flush()
    command = [sys.executable, "-m", "pytest", "-q", *_TESTS, *arguments]
    environment = {**os.environ, "SANDBOX_API": "docker"}
    return subprocess.run(command, cwd=PROJECT_ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
