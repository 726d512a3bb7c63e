"""Decides how several worker processes run side by side, die and come back."""

from __future__ import annotations

import random
import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.chaos.ledger import Kill
from sandbox.setup.ports import accepts_connections, free_port
from sandbox.stack.forks import Zygote
from sandbox.stack.services import child_environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.chaos.ledger import Ledger
    from sandbox.stack.forks import Fork
    from sandbox.stack.stack import Stack

LEASE_SECONDS = 5
CRASH_VARIABLE = "PORTONE_WORKER_CRASH_AT"
_ENTRY = "worker.cli:app"


@dataclass(slots=True)
class Slot:
    """A place in the fleet; the process in it changes, its port does not."""

    number: int
    port: int
    fork: Fork | None = None


class Fleet:
    """`size` workers of a stack; each start is a fork of one imported worker and a real process of its own."""

    def __init__(self, stack: Stack, ledger: Ledger, size: int, env: Mapping[str, str]) -> None:
        """`env` overrides the settings of every worker; nothing runs yet but the zygote."""
        self._stack = stack
        self._ledger = ledger
        self._env = dict(env)
        self.slots = [Slot(number, free_port()) for number in range(1, size + 1)]
        self._lock = threading.Lock()
        self._zygote = Zygote(_ENTRY, child_environment(), stack.workdir / "zygote.log")

    def start(self, slot: Slot, env: Mapping[str, str] | None = None) -> Fork:
        """Start a worker in a slot, not waiting until it answers."""
        settings = self._stack.worker_settings(
            {**self._env, "PORT": str(slot.port), "LEASE_SECONDS": str(LEASE_SECONDS), **(env or {})}
        )
        log = self._stack.workdir / f"worker-{slot.number}.log"
        with self._lock:
            slot.fork = self._zygote.start(
                ["portone-worker", "serve"],
                env=child_environment(**settings),
                cwd=self._stack.workdir,
                log=log,
            )
        return slot.fork

    def start_all(self) -> None:
        """Start every slot that is empty and wait until all answer."""
        for slot in self.slots:
            if slot.fork is None or slot.fork.code is not None:
                self.start(slot)
        for slot in self.slots:
            self.wait_ready(slot)

    def wait_ready(self, slot: Slot) -> None:
        """Wait until a worker listens."""
        if slot.fork is not None:
            slot.fork.wait_until(lambda: accepts_connections(slot.port))

    def kill(self, slot: Slot) -> None:
        """SIGKILL a worker and put another process in its place."""
        if slot.fork is not None and slot.fork.code is None:
            self._ledger.killed(Kill(worker_name(slot.fork.pid), slot.number, time.monotonic()))
            slot.fork.kill()
            slot.fork.wait_exit()
        self.start(slot)

    def stop(self, slot: Slot) -> int | None:
        """Ask a worker to end and wait; its exit code."""
        if slot.fork is None:
            return None
        slot.fork.terminate()
        return slot.fork.wait_exit(40)

    def targets(self) -> list[int]:
        """Return the ports of the workers that run, in a random order: a load balancer."""
        ports = [slot.port for slot in self.slots if slot.fork is not None and slot.fork.code is None]
        random.shuffle(ports)
        return ports

    def answers(self, number: int) -> bool:
        """Say whether the worker in this slot listens."""
        return any(slot.number == number and accepts_connections(slot.port) for slot in self.slots)

    def close(self) -> None:
        """Kill everything."""
        self._zygote.stop()


def worker_name(pid: int) -> str:
    """Return how a worker process signs its claims."""
    return f"{socket.gethostname()[:40]}:{pid}"
