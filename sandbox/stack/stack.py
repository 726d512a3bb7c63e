"""Decides how Supabase, the PortOne simulator and the worker are put together and taken apart."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.setup.paths import SEED_FILE
from sandbox.setup.ports import LOOPBACK, free_port
from sandbox.setup.process import Child
from sandbox.stack.services import (
    StackSecrets,
    answers,
    simulator_command,
    worker_command,
    worker_environment,
)
from sandbox.supabase.open import make_supabase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sandbox.setup.process import Command
    from sandbox.supabase.endpoint import SupabaseEndpoint
    from sandbox.supabase.project import Supabase

_START_SECONDS = 30.0


def push_all(supabase: Supabase) -> None:
    """Prepare a database the usual way: every migration, and the seed when the project has one."""
    supabase.push(include_seed=SEED_FILE.exists())


class Stack:
    """A whole running system on free loopback ports; use `running_stack`, or `start` and `stop`.

    Without `supabase` it makes one of its own and stops it at the end; a given one must have its
    API up and is left running. `worker_env` overrides the worker's settings for every start.
    """

    def __init__(
        self,
        workdir: Path | None = None,
        *,
        supabase: Supabase | None = None,
        worker_env: Mapping[str, str] | None = None,
        detached: bool = False,
    ) -> None:
        """Nothing runs yet. `workdir` takes the logs; `detached` processes outlive us."""
        self.workdir = workdir or Path(tempfile.mkdtemp(prefix="portone-stack-"))
        self.workdir.mkdir(parents=True, exist_ok=True)
        self.supabase = supabase or make_supabase(workdir=self.workdir, detached=detached)
        self._owns_supabase = supabase is None
        self._worker_env = dict(worker_env or {})
        self._detached = detached
        self._secrets = StackSecrets.generate()
        self._worker_port = free_port()
        self._simulator_port = free_port()
        self._simulator: Child | None = None
        self._worker: Child | None = None

    @property
    def endpoint(self) -> SupabaseEndpoint:
        """Addresses and keys of the Supabase project."""
        return self.supabase.endpoint

    @property
    def worker_url(self) -> str:
        """Base address of the worker; stays the same when it is restarted."""
        return f"http://{LOOPBACK}:{self._worker_port}"

    @property
    def portone_url(self) -> str:
        """Base address of the simulated PortOne API."""
        return f"http://{LOOPBACK}:{self._simulator_port}"

    @property
    def portone_control_url(self) -> str:
        """Base address of the simulator's control API."""
        return f"{self.portone_url}/_sim"

    @property
    def portone_api_secret(self) -> str:
        """V2 API secret the simulator accepts and the worker uses."""
        return self._secrets.portone_api_secret

    @property
    def webhook_secret(self) -> str:
        """Secret the simulator signs webhooks with (`whsec_…`)."""
        return self._secrets.webhook_secret

    def secret_values(self) -> list[str]:
        """Return every secret of the stack itself, for tests that look for them in places where none may be."""
        values = [str(value) for value in asdict(self._secrets).values()]
        return values + [
            value.partition(cut)[2] for value in values for cut in ("whsec_", ":") if cut in value
        ]

    def start(self, prepare: Callable[[Supabase], object] = push_all) -> None:
        """Start everything and wait until it is ready.

        `prepare` fills the database between its start and the API's (default: all migrations and
        the seed). When a part fails, what was started is stopped and the error names the part.
        """
        try:
            if self._owns_supabase:
                self.supabase.start_database()
                prepare(self.supabase)
                self.supabase.start_api()
            self.start_simulator()
            self.start_worker()
        except BaseException:
            self.stop()
            raise

    def start_simulator(self) -> None:
        """Start the PortOne simulator; it begins empty."""
        command = simulator_command(self._simulator_port, self.worker_url, self._secrets, self.workdir)
        self._simulator = self._start(command, f"{self.portone_control_url}/clock")

    def start_worker(self, env: Mapping[str, str] | None = None) -> None:
        """Start the worker; `env` overrides its settings for this start only."""
        settings = self.worker_settings(env)
        self._worker = self._start(worker_command(settings, self.workdir), f"{self.worker_url}/health/live")

    def worker_settings(self, env: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the worker's environment variables, also what a command line beside it needs; `env` overrides them."""
        own = worker_environment(self._worker_port, self.endpoint, self.portone_url, self._secrets)
        return {**own, **self._worker_env, **(env or {})}

    def stop_worker(self) -> None:
        """Ask the worker to end and wait; jobs in work are finished or given back."""
        if self._worker is not None:
            self._worker.stop(within=40.0)
            self._worker = None

    def kill_worker(self) -> None:
        """SIGKILL the worker: no goodbye, no settling."""
        if self._worker is not None:
            self._worker.kill()
            self._worker = None

    def restart_worker(self, env: Mapping[str, str] | None = None) -> None:
        """Stop the worker if it runs and start it again at the same address."""
        self.stop_worker()
        self.start_worker(env)

    def wait_worker_exit(self, within: float = 30.0) -> int:
        """Wait until the worker has ended by itself and return its exit code (negative: signal).

        Raises `TimeoutError` with the tail of its log when it still runs.
        """
        if self._worker is None:
            raise RuntimeError("the worker is not running")
        code = self._worker.wait_exit(within)
        self._worker.kill()
        self._worker = None
        return code

    def worker_log(self) -> str:
        """Return everything the worker has logged, over all its starts."""
        path = self.workdir / "portone-worker.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def children(self) -> list[Child]:
        """Return the running processes in the order they were started."""
        own = [child for child in (self._simulator, self._worker) if child is not None]
        return [*self.supabase.children(), *own] if self._owns_supabase else own

    def check(self) -> None:
        """Raise `ProcessDied`, naming it and showing its log, when a process has ended by itself."""
        for child in self.children():
            child.check()

    def stop(self) -> None:
        """Stop everything this stack started; safe to call twice."""
        self.stop_worker()
        if self._simulator is not None:
            self._simulator.stop()
            self._simulator = None
        if self._owns_supabase:
            self.supabase.stop()

    def _start(self, command: Command, ready_url: str) -> Child:
        child = Child(command, detached=self._detached)
        try:
            child.wait_until(lambda: answers(ready_url), within=_START_SECONDS)
        except BaseException:
            child.kill()
            raise
        return child


@contextmanager
def running_stack(
    workdir: Path | None = None,
    *,
    supabase: Supabase | None = None,
    prepare: Callable[[Supabase], object] = push_all,
    worker_env: Mapping[str, str] | None = None,
) -> Iterator[Stack]:
    """Yield a started stack and stop it at the end."""
    stack = Stack(workdir, supabase=supabase, worker_env=worker_env)
    stack.start(prepare)
    try:
        yield stack
    finally:
        stack.stop()
