"""Decides how a TCP connection is broken on purpose: closed without a reply, or reset.

uvicorn hands an ASGI app no transport, so the protocol class registers each one under its peer address, which is
``scope["client"]``.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.auto import AutoHTTPProtocol

if TYPE_CHECKING:
    from starlette.types import Scope

_open: Final[dict[tuple[str, int], asyncio.Transport]] = {}
_ABORT_TURNS: Final = 50


class RegisteringProtocol(AutoHTTPProtocol):  # type: ignore[valid-type, misc]  # uvicorn picks the base at run time
    """uvicorn's HTTP protocol, which also remembers its transport while it is open."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Remember the transport."""
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        if isinstance(peer, tuple):
            self._peer: tuple[str, int] | None = (str(peer[0]), int(peer[1]))
            _open[self._peer] = transport
        else:
            self._peer = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the transport."""
        if self._peer is not None:
            _open.pop(self._peer, None)
        super().connection_lost(exc)


async def break_connection(scope: Scope, *, reset: bool) -> None:
    """Close the caller's connection without a reply; ``reset`` makes the caller see a TCP reset.

    Raises RuntimeError when the app does not run under the simulator's own server.
    """
    client: Any = scope.get("client")
    peer = (str(client[0]), int(client[1])) if client else None
    transport = _open.get(peer) if peer is not None else None
    if transport is None:
        raise RuntimeError("connections can be broken only under sandbox.portone.server")
    if reset:
        # Linger of zero seconds: the kernel answers with RST instead of FIN.
        sock: socket.socket = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    for _ in range(_ABORT_TURNS):
        if peer not in _open:
            return
        await asyncio.sleep(0)
