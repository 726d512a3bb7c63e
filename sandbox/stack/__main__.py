"""Decides the commands `python -m sandbox.stack up` and `down`."""

from __future__ import annotations

import argparse
import sys

from sandbox.setup.process import ProcessDied
from sandbox.stack.up import down, up
from sandbox.supabase.migrations import PushFailed

_EXPECTED = (ProcessDied, PushFailed, TimeoutError, RuntimeError, ValueError)


def main() -> int:
    """Run one command; what can go wrong is printed without a traceback."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.stack")
    parser.add_argument("command", choices=["up", "down"])
    command = parser.parse_args().command
    try:
        return up() if command == "up" else down()
    except _EXPECTED as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
