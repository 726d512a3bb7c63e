"""Decides how many copies of one program start quickly: it is imported once, each start is a fork of that process.

``python -m sandbox.stack.zygote <module>:<function>`` reads one JSON line per start, ``{argv, env, cwd, log}``, and
writes ``{"pid": n}`` for each; when a child ends it writes ``{"exit": n, "code": c}`` (negative: the signal). Every
child is a process of its own that can be killed alone; the group ends with us (see ``guardian``).
"""

from __future__ import annotations

import importlib
import json
import os
import random
import select
import sys
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

_REAP_SECONDS = 0.02


def main(target: str) -> None:
    """Serve starts until standard input closes."""
    module, _, function = target.partition(":")
    entry: Callable[[], object] = getattr(importlib.import_module(module), function)
    _say({"ready": True})
    pending = b""
    while True:
        readable, _, _ = select.select([0], [], [], _REAP_SECONDS)
        if readable:
            chunk = os.read(0, 65_536)
            if not chunk:
                return
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                _start(entry, json.loads(line))
        _reap()


def _start(entry: Callable[[], object], order: dict[str, Any]) -> None:
    pid = os.fork()
    if pid == 0:
        _become(entry, order)
    _say({"pid": pid})


def _become(entry: Callable[[], object], order: dict[str, Any]) -> NoReturn:
    """In the child: take the place of a freshly started program and never return."""
    code = 1
    try:
        nothing = os.open(os.devnull, os.O_RDONLY)
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(nothing, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.chdir(order["cwd"])
        os.environ.clear()
        os.environ.update(order["env"])
        sys.argv = list(order["argv"])
        random.seed()  # else every copy jitters alike
        entry()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _reap() -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _say({"exit": pid, "code": os.waitstatus_to_exitcode(status)})


def _say(what: dict[str, Any]) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    main(sys.argv[1])
