"""Decides how npm is run: the wheel's, with the wheel's Node (`python -m sandbox.setup.npm ci`)."""

from __future__ import annotations

import subprocess
import sys

from sandbox.setup.node import node_binary, path_with_node
from sandbox.setup.paths import PROJECT_ROOT
from sandbox.setup.process import child_env


def main(arguments: list[str]) -> int:
    """Run npm in the project's folder and return its exit code."""
    node = node_binary()
    npm = node.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = [str(node), str(npm), *arguments]
    return subprocess.run(
        command, cwd=PROJECT_ROOT, env=child_env(PATH=path_with_node()), check=False
    ).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
