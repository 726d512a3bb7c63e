"""Decides how the PostgreSQL server is configured, started and stopped.

Durability is as in production (`fsync` and `synchronous_commit` on): a test that kills the server
must prove something. `SANDBOX_FSYNC=off` turns `fsync` off for throw-away runs only.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import psycopg

from sandbox.setup.guardian import signal_group
from sandbox.setup.ports import LOOPBACK, free_port
from sandbox.setup.process import Child, Command, ProcessDied, child_env
from sandbox.supabase.project import MAIN_DATABASE

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.setup.process import Account

ADMIN = "supabase_admin"
MIGRATION_ROLE = "postgres"

_START_SECONDS = 30.0
_TRIES = 3
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "wal_level": "logical",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "logging_collector": "off",
    "synchronous_commit": "on",
}


class PostgresServer:
    """One PostgreSQL 17 server over an initialised data directory, on a free loopback port."""

    def __init__(
        self,
        prefix: Path,
        data_dir: Path,
        password: str,
        *,
        log_path: Path,
        account: Account | None,
        detached: bool = False,
    ) -> None:
        """Remember where things are; `start` runs the server. All login roles share `password`."""
        self._prefix = prefix
        self._data_dir = data_dir
        self._password = password
        self._log_path = log_path
        self._account = account
        self._detached = detached
        self.port = 0
        self.child: Child | None = None

    def start(self) -> None:
        """Start and wait until it answers, at the port it had; at first, another one when somebody took ours."""
        known = self.port
        for attempt in range(1, _TRIES + 1):
            self.port = known or free_port()
            child = Child(self._command(), detached=self._detached)
            try:
                child.wait_until(self._answers, within=_START_SECONDS)
            except ProcessDied:
                child.stop()
                if attempt == _TRIES or "Address already in use" not in child.log_tail():
                    raise
            except BaseException:
                child.stop()
                raise
            else:
                self.child = child
                return

    def stop(self) -> None:
        """Stop the server (fast shutdown: open transactions are rolled back)."""
        if self.child is not None:
            self.child.stop()

    def crash(self) -> None:
        """End the server as a power failure does: nothing is flushed, the next start recovers from the log."""
        if self.child is not None:
            signal_group(self.child.pid, signal.SIGQUIT)
            self.child.wait_exit(_START_SECONDS)
            self.child.kill()

    def url(self, role: str, database: str = MAIN_DATABASE) -> str:
        """Return `postgresql://role:password@127.0.0.1:port/database`."""
        return f"postgresql://{role}:{self._password}@{LOOPBACK}:{self.port}/{database}"

    def _command(self) -> Command:
        settings = {**_SETTINGS, "port": str(self.port), "fsync": os.environ.get("SANDBOX_FSYNC", "on")}
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return Command(
            name="postgres",
            argv=[str(self._prefix / "bin" / "postgres"), "-D", str(self._data_dir), *options],
            log_path=self._log_path,
            env=child_env(HOME=str(self._data_dir), LC_ALL="C", ICU_DATA=str(self._prefix / "share" / "icu")),
            cwd=self._data_dir,
            account=self._account,
            stop_signal=signal.SIGINT,
        )

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url(ADMIN), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True
