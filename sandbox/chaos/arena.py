"""Decides what a chaos run takes place in: database, API, PortOne, a fleet of workers, and a network that can be bad."""

from __future__ import annotations

import secrets
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg

from sandbox.chaos.fleet import Fleet
from sandbox.chaos.ledger import Ledger
from sandbox.chaos.network import Network
from sandbox.chaos.relay import Relay
from sandbox.demo.world import LOG_FILE, World
from sandbox.setup.ports import free_port
from sandbox.stack.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

READ_TIMEOUT_SECONDS = 1.5
METRICS_TOKEN = secrets.token_urlsafe(24)


class Arena:
    """Everything a run needs; make one with `open_arena`."""

    def __init__(self, stack: Stack, *, seed: int, workers: int) -> None:
        self.stack = stack
        self.ledger = Ledger()
        self.network = Network(seed, self.ledger)
        self.world = World(stack, [])
        self.portone = self.world.portone
        api_port = urlsplit(stack.endpoint.api_url).port or 80
        self._api = Relay(free_port(), lambda: (api_port,), self.network.api)
        env = {
            "SUPABASE_URL": self._api.url,
            "PORTONE_READ_TIMEOUT_SECONDS": str(READ_TIMEOUT_SECONDS),
            "LOG_FILE": LOG_FILE,
            "TRUSTED_PROXY_HOPS": "1",
            "METRICS_TOKEN": METRICS_TOKEN,
        }
        self.fleet = Fleet(stack, self.ledger, workers, env)
        front_port = urlsplit(stack.worker_url).port or 80
        self._front = Relay(front_port, self.fleet.targets, self.network.front, self.network.heard)

    def advance(self, seconds: float) -> None:
        """Let time pass in the database and at PortOne alike."""
        self.world.advance(seconds)

    def moment_in(self, seconds: float) -> str:
        """Return the moment so many seconds from now on the database's clock, waiting until it can be asked."""
        while True:
            self.wait_database()
            with suppress(psycopg.Error), self.admin() as connection:
                row = connection.execute(
                    "select private.iso(private.now() + make_interval(secs => %s))", (seconds,)
                ).fetchone()
                return str(row[0] if row else "")

    def admin(self) -> psycopg.Connection:
        """Return a new connection as superuser; raises `psycopg.OperationalError` while the database is down."""
        return psycopg.connect(self.stack.endpoint.admin_db_url, autocommit=True, connect_timeout=5)

    def wait_database(self, within: float = 60.0) -> None:
        """Wait until the database takes connections again."""
        deadline = time.monotonic() + within
        while True:
            try:
                self.admin().close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return

    def close(self) -> None:
        """Stop workers and network; the stack goes on."""
        self.fleet.close()
        self._front.close()
        self._api.close()
        self.world.close()


@contextmanager
def open_arena(workdir: Path, *, seed: int, workers: int) -> Iterator[Arena]:
    """Start a stack without a worker and everything around it; stop it all at the end."""
    stack = Stack(workdir)
    try:
        stack.supabase.start_database()
        stack.supabase.push()
        stack.supabase.start_api()
        stack.start_simulator()
        arena = Arena(stack, seed=seed, workers=workers)
        try:
            yield arena
        finally:
            arena.close()
    finally:
        stack.stop()
