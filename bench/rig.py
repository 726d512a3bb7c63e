"""Decides what a benchmark runs against: one Supabase, workers as processes of their own, a PortOne with a fixed delay."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import httpx
import psycopg

from sandbox.setup.paths import PROJECT_ROOT
from sandbox.setup.ports import LOOPBACK, accepts_connections, free_port
from sandbox.setup.process import Child, Command
from sandbox.stack.services import StackSecrets, answers, worker_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from sandbox.supabase.project import Supabase

MIGRATED = "bench_migrated"
_INHERITED = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV")


@dataclass(slots=True)
class Process:
    """A process of ours that answers at `url`; one that we killed is not missed."""

    child: Child
    url: str
    killed: bool = False

    def kill(self) -> None:
        """SIGKILL: no goodbye."""
        self.killed = True
        self.child.kill()

    @property
    def pid(self) -> int:
        """The process id."""
        return self.child.pid

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.url.rpartition(":")[2])


@dataclass(slots=True)
class Rig:
    """A running Supabase with all migrations; `MIGRATED` is a template for databases without an API."""

    supabase: Supabase
    workdir: Path
    secrets: StackSecrets = field(default_factory=StackSecrets.generate)
    _databases: int = 0
    _filled: set[str] = field(default_factory=set)

    @property
    def api_port(self) -> int:
        """Port of the API in front of the database."""
        return int(self.supabase.endpoint.api_url.rpartition(":")[2])

    def connect(self, database: str | None = None) -> psycopg.Connection[Any]:
        """A connection as superuser, autocommit."""
        url = self.supabase.endpoint.admin_db_url
        if database:
            url = url.rpartition("/")[0] + f"/{database}"
        return psycopg.connect(url, autocommit=True)

    def pids(self) -> dict[str, int]:
        """The processes of the Supabase: `postgres`, and one or more of the API in front."""
        named = {child.name: child.pid for child in self.supabase.children()}
        return {("postgres" if name == "postgres" else name): pid for name, pid in named.items()}

    @contextmanager
    def database(self, template: str | None = MIGRATED) -> Iterator[str]:
        """Yield the name of a database of its own, dropped afterwards."""
        self._databases += 1
        name = f"bench_{self._databases}"
        self.supabase.create_database(name, template)
        try:
            yield name
        finally:
            self.supabase.drop_database(name)

    def filled(self, name: str, fill: Callable[[psycopg.Connection[Any]], None]) -> str:
        """The name of a template with all migrations and what `fill` put there: filled once, copied by every family."""
        if name not in self._filled:
            self.supabase.create_database(name, MIGRATED)
            with self.connect(name) as connection:
                fill(connection)
            self._filled.add(name)
        return name

    def settle(self) -> None:
        """Write out what a family left behind, so that the next one's figures do not pay for it."""
        with self.connect() as connection:
            connection.execute("checkpoint")

    @contextmanager
    def portone(self, *, latency_ms: float = 0) -> Iterator[Process]:
        """A PortOne that knows every payment as paid and answers after a delay; see `bench.provider`."""
        port = free_port()
        command = Command(
            name="bench-portone",
            argv=[
                sys.executable,
                "-m",
                "bench.provider",
                "--port",
                str(port),
                "--latency-ms",
                str(latency_ms),
            ],
            log_path=self.workdir / "portone.log",
            env=_environment(),
            cwd=PROJECT_ROOT,
        )
        with _running(command, f"http://{LOOPBACK}:{port}", "/ready") as process:
            yield process

    @contextmanager
    def delayed(self, *, delay_ms: float) -> Iterator[Process]:
        """The API behind a network delay, one way; see `bench.load.delay`."""
        port = free_port()
        command = Command(
            name="delay",
            argv=[sys.executable, "-m", "bench.load.delay", "--port", str(port), "--delay-ms", str(delay_ms),
                  "--target", self.supabase.endpoint.api_url],
            log_path=self.workdir / "delay.log",
            env=_environment(),
            cwd=PROJECT_ROOT,
        )  # fmt: skip
        child = Child(command)
        try:
            child.wait_until(lambda: accepts_connections(port), within=30)
            yield Process(child, f"http://{LOOPBACK}:{port}")
        finally:
            child.stop()

    @contextmanager
    def worker(
        self,
        mode: str = "serve",
        *,
        portone_url: str = "http://127.0.0.1:9",
        api_url: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Iterator[Process]:
        """A worker process: `mode` is its command line (`serve`, `serve --no-jobs`, `work`)."""
        port = free_port()
        endpoint = self.supabase.endpoint
        if api_url:
            endpoint = replace(endpoint, api_url=api_url)
        settings = worker_environment(port, endpoint, portone_url, self.secrets) | dict(env or {})
        command = Command(
            name="worker",
            argv=[sys.executable, "-m", "worker", *mode.split()],
            log_path=self.workdir / "worker.log",
            env=_environment(**settings),
            cwd=self.workdir,
        )
        path = "/health/live" if mode.startswith("serve") else None
        with _running(command, f"http://{LOOPBACK}:{port}", path) as process:
            yield process


@contextmanager
def _running(command: Command, url: str, path: str | None) -> Iterator[Process]:
    child = Child(command)
    try:
        if path is not None:
            child.wait_until(lambda: answers(url + path), within=30)
        process = Process(child, url)
        yield process
        if not process.killed:
            child.check()
    finally:
        child.stop(within=40)


def _environment(**settings: str) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {**inherited, "PYTHONPATH": str(PROJECT_ROOT), **settings}


def wait_for(condition: Any, *, within: float, what: str, every: float = 0.02) -> None:
    """Poll until `condition()` is true. Raises `TimeoutError` naming `what`."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within:.0f} s: {what}")
        time.sleep(every)


def call(rig: Rig, function: str, arguments: Mapping[str, Any]) -> Any:
    """One call over the API with the secret key. Raises `httpx.HTTPStatusError`."""
    endpoint = rig.supabase.endpoint
    answer = httpx.post(
        f"{endpoint.api_url}/rest/v1/rpc/{function}", json=dict(arguments), timeout=60,
        headers={"apikey": endpoint.secret_key},
    )  # fmt: skip
    answer.raise_for_status()
    return answer.json()
