"""A wire with a delay: a TCP proxy that holds every byte back, both ways, as a network between two hosts does."""

from __future__ import annotations

import argparse
import asyncio
from urllib.parse import urlsplit

import uvloop


class _End(asyncio.Protocol):
    """One end of a connection; what it receives leaves at the other end `delay` seconds later, in order."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._held: list[bytes] = []
        self.transport: asyncio.Transport | None = None
        self.other: _End | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a stream transport
        for data in self._held:
            self._write(data)
        self._held.clear()

    def data_received(self, data: bytes) -> None:
        if self.other is not None:
            asyncio.get_running_loop().call_later(self._delay, self.other.deliver, data)

    def deliver(self, data: bytes) -> None:
        if self.transport is None:
            self._held.append(data)
        else:
            self._write(data)

    def _write(self, data: bytes) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def connection_lost(self, _error: Exception | None) -> None:
        if self.other is not None and self.other.transport is not None:
            asyncio.get_running_loop().call_later(self._delay, self.other.transport.close)


async def _serve(port: int, host: str, target: int, delay: float) -> None:
    loop = asyncio.get_running_loop()
    pending: set[asyncio.Task[object]] = set()

    def near() -> _End:
        here, there = _End(delay), _End(delay)
        here.other, there.other = there, here
        task: asyncio.Task[object] = loop.create_task(loop.create_connection(lambda: there, host, target))
        pending.add(task)
        task.add_done_callback(pending.discard)
        return here

    server = await loop.create_server(near, "127.0.0.1", port)
    await server.serve_forever()


def main() -> None:
    """Serve until ended; `--delay-ms` is one way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--target", required=True)
    parser.add_argument("--delay-ms", type=float, required=True)
    given = parser.parse_args()
    target = urlsplit(given.target)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(
            _serve(given.port, target.hostname or "127.0.0.1", target.port or 80, given.delay_ms / 1000)
        )


if __name__ == "__main__":
    main()
