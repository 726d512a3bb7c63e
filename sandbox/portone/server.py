"""Decides how the simulator is run: one uvicorn server on a loopback port, in a thread or as a process."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvicorn

from .app import SimulatorApp, create_app
from .config import SimulatorConfig
from .connections import RegisteringProtocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True, slots=True)
class RunningSimulator:
    """A simulator that answers: ``url`` is PortOne's base URL, ``control_url`` the control API's."""

    url: str
    control_url: str
    config: SimulatorConfig
    app: SimulatorApp

    @property
    def api_secret(self) -> str:
        """Return the first API secret."""
        return self.config.api_secrets[0]

    @property
    def webhook_secret(self) -> str:
        """Return the first webhook secret of the TEST environment."""
        return self.config.webhook_secrets[0]


class SimulatorServer(uvicorn.Server):
    """uvicorn, which says when it answers."""

    def __init__(self, app: SimulatorApp, on_ready: Callable[[], None]) -> None:
        # Deliveries of a closing server must not keep it: two seconds, then connections are cut.
        super().__init__(
            uvicorn.Config(
                app,
                http=RegisteringProtocol,
                ws="none",
                lifespan="on",
                log_level="warning",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=2,
                # Longer than any client keeps idle connections, so that none is closed under a request.
                timeout_keep_alive=75,
            )
        )
        self._app = app
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, then report."""
        await super().startup(sockets=sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End delayed replies first, so that they do not hold the server up."""
        self._app.simulator.interrupt()
        await super().shutdown(sockets=sockets)


def listen(host: str, port: int) -> socket.socket:
    """Return a bound socket; port 0 takes a free one. Raises OSError when it is taken."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, port))
    return sock


def url_of(sock: socket.socket) -> str:
    """Return the base URL of a bound socket."""
    host, port = sock.getsockname()[:2]
    return f"http://{host}:{port}"


@contextmanager
def serve_in_process(
    config: SimulatorConfig | None = None, *, host: str = "127.0.0.1", port: int = 0
) -> Iterator[RunningSimulator]:
    """Run a simulator in a background thread until the block ends.

    Raises RuntimeError when it does not answer within 10 seconds, OSError when the port is taken.
    """
    settings = config or SimulatorConfig()
    app = create_app(settings)
    sock = listen(host, port)
    ready = threading.Event()
    server = SimulatorServer(app, ready.set)
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [sock]}, name="portone-simulator", daemon=True
    )
    thread.start()
    try:
        if not ready.wait(10):
            raise RuntimeError("the simulator did not start within 10 seconds")
        base = url_of(sock)
        yield RunningSimulator(base, base + "/_sim", settings, app)
    finally:
        server.should_exit = True
        thread.join(10)
        sock.close()
