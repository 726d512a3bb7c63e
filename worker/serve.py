"""Decides how the processes run: HTTP with or without jobs, jobs alone, or until the queue is empty."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import uvicorn

from worker import __version__
from worker.checks.startup import require_startable, wait_until_checked
from worker.deps import open_deps
from worker.logs import get_logger
from worker.runner.service import RunnerService
from worker.tracing import TRACING
from worker.web.app import create_app
from worker.web.protocol import BoundedProtocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from worker.checks.startup import Away
    from worker.deps import Deps
    from worker.settings import Settings

# Longer than proxies keep an idle connection to us (60 s with nginx and the load balancers of AWS): else one sends a request
# down a connection we are just closing, and answers 502. Heads and bodies have shorter limits of their own.
KEEP_ALIVE_SECONDS = 75

# A process that stopped because credentials were refused: supervisors and cron can tell it from a crash.
EXIT_MISCONFIGURED = 3


class _Server(uvicorn.Server):
    """Uvicorn that leaves signals to us: a graceful stop ends with exit code 0, not with the signal raised again."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install nothing; ``serve`` below listens for the signals."""
        yield


def _on_signals(stop: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop)


@asynccontextmanager
async def _traced() -> AsyncIterator[None]:
    """Traces from start to stop, where they are asked for; what was recorded last is sent on the way out."""
    if TRACING.start(os.environ, version=__version__):
        get_logger().info("payment worker sends traces")
    try:
        yield
    finally:
        await asyncio.to_thread(TRACING.stop)


async def serve(settings: Settings, *, with_jobs: bool) -> int:
    """Serve HTTP until a signal; with jobs, also run the queue. Returns the exit code.

    Raises ``Misconfigured`` where ``require_startable`` forbids a start.
    """
    async with _traced(), open_deps(settings) as deps:
        away = await require_startable(deps, with_jobs=with_jobs, takes_webhooks=True)
        runner = RunnerService(deps) if with_jobs else None
        app = create_app(deps, state=runner.state if runner is not None else None)
        config = uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=int(settings.shutdown_grace_seconds) + 1,
            http=BoundedProtocol,
        )
        server = _Server(config)

        def stop() -> None:
            # The runner stops claiming with the first signal, not after the last request.
            if runner is not None:
                runner.stop()
            server.force_exit = server.should_exit
            server.should_exit = True
            if runner is None:
                deps.waiters.close()

        def last() -> None:
            # Nothing is settled here any more: requests that still wait answer 202 instead of holding the exit.
            deps.waiters.close()
            server.should_exit = True

        _on_signals(stop)
        get_logger().info(
            "payment worker serving portone webhooks",
            host=settings.host,
            port=settings.port,
            environment=settings.environment,
            mock_payments=settings.mock_payments,
        )
        stopping = asyncio.Event() if runner is None else runner.state.stopping
        jobs = asyncio.create_task(_jobs(deps, away, runner, stopping))
        # Without its runner, or over a database it must not touch, the process would only look alive: let the
        # supervisor start a new one.
        jobs.add_done_callback(lambda _done: last())
        try:
            await server.serve()
        finally:
            stopping.set()
            await jobs
    return 0 if server.started else 1


async def _jobs(deps: Deps, away: Away, runner: RunnerService | None, stopping: asyncio.Event) -> None:
    """Run jobs, or only wait where this process has none, until told to stop; first what was away must have answered.

    Raises ``Misconfigured`` when it answers that this worker should not have started.
    """
    asked = asyncio.create_task(wait_until_checked(deps, away))
    told = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait((asked, told), return_when=asyncio.FIRST_COMPLETED)
        if asked.done():
            await asked
            await (runner.run() if runner is not None else told)
    finally:
        for task in (asked, told):
            task.cancel()
        await asyncio.gather(asked, told, return_exceptions=True)


async def work(settings: Settings, *, until_empty: bool) -> int:
    """Run jobs until a signal, or until nothing is left. Returns the exit code. Raises as ``serve``."""
    async with _traced(), open_deps(settings) as deps:
        await require_startable(deps, with_jobs=True, takes_webhooks=False)
        runner = RunnerService(deps)
        _on_signals(runner.stop)
        await runner.run(until_empty=until_empty)
        refused = runner.state.portone_refusal or runner.state.database_refusal
        return (
            EXIT_MISCONFIGURED if refused is not None else int(until_empty and runner.state.failed_claims > 0)
        )
