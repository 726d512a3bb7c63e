"""Decides the way of a request through the simulator: log, authorize, disturb, deduplicate, answer.

A plain ASGI callable without a framework on PortOne's paths, because benchmarks call them; the control API under
``/_sim`` is a Starlette application.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

from .auth import authorize
from .calls import Call
from .config import SimulatorConfig
from .connections import break_connection
from .control import control_app
from .errors import PortOneError
from .faults import HTML_500
from .idempotency import fingerprint_of
from .replies import Reply
from .routes import PUBLIC, find_route
from .simulator import LoggedRequest, Simulator

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from .faults import Fault

_MAX_BODY = 1_048_576


class _Break(Exception):
    """The caller gets no reply; ``reset`` = TCP reset instead of a plain close."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__("connection broken on purpose")
        self.reset = reset


class SimulatorApp:
    """The ASGI application; ``simulator`` is its whole state."""

    def __init__(self, config: SimulatorConfig) -> None:
        self.simulator = Simulator(config)
        self._control = control_app(self.simulator)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http" and scope["path"].startswith("/_sim"):
            await self._control(scope, receive, send)
        elif scope["type"] == "http":
            body = await _read(receive)
            if body is None:
                return
            try:
                reply = await self._answer(scope, body)
            except _Break as broken:
                await break_connection(scope, reset=broken.reset)
            else:
                await reply.send(send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.simulator.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _answer(self, scope: Scope, raw: bytes) -> Reply:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        method, query = scope["method"], scope["query_string"]
        # Split before decoding: an encoded slash belongs to a payment id (PortOne docs: path parameters).
        encoded = scope.get("raw_path", scope["path"].encode()).decode("latin-1").partition("?")[0]
        segments = [unquote(part) for part in encoded.strip("/").split("/")]
        path = "/" + "/".join(segments)
        log = LoggedRequest(
            self.simulator.clock.now(),
            method,
            path,
            query.decode("latin-1"),
            headers.get("idempotency-key"),
            raw,
        )
        self.simulator.requests.append(log)
        try:
            public = (method, path) in PUBLIC
            stores = [] if public else authorize(self.simulator, headers.get("authorization"))
            if len(raw) > _MAX_BODY:
                raise PortOneError("INVALID_REQUEST", f"body: must be at most {_MAX_BODY} bytes")
            early = self._disturb_before(log)
            reply = early or await self._run(
                Call(self.simulator, stores, method, path, (), query, raw), segments, log
            )
        except PortOneError as refusal:
            reply = Reply(refusal.status, refusal.body())
        else:
            reply = await self._disturb_after(log, reply)
        log.status = reply.status
        return reply

    def _disturb_before(self, log: LoggedRequest) -> Reply | None:
        fault = self.simulator.faults.take("before", log.method, log.path)
        if fault is None:
            return None
        log.fault = fault.kind
        if fault.kind == "reset_before":
            raise _Break(reset=True)
        return _scripted(fault)

    async def _disturb_after(self, log: LoggedRequest, reply: Reply) -> Reply:
        fault = self.simulator.faults.take("after", log.method, log.path)
        if fault is None:
            return reply
        log.fault = fault.kind
        if fault.kind == "drop_reply_after_commit":
            raise _Break(reset=False)
        if fault.kind == "html_500_after_commit":
            return Reply(500, HTML_500, "text/html; charset=utf-8")
        await self.simulator.pause(fault.seconds)
        return reply

    async def _run(self, call: Call, segments: list[str], log: LoggedRequest) -> Reply:
        """Run the operation, under its idempotency key if it has one."""
        keys, store = self.simulator.idempotency, call.stores[0].id if call.stores else "none"
        key = None if call.method == "GET" else keys.parse(log.idempotency_key)
        if key is None:
            return await self._execute(call, segments, log)
        stored = keys.begin(store, key, fingerprint_of(call.method, call.path, call.query, call.raw))
        if stored is not None:
            log.replayed = True
            return stored
        reply = None
        try:
            reply = await self._execute(call, segments, log)
        finally:
            if reply is None:
                keys.abandon(store, key)
            else:
                keys.finish(store, key, reply)
        return reply

    async def _execute(self, call: Call, segments: list[str], log: LoggedRequest) -> Reply:
        """Run the operation itself; a refusal is a reply too, so that it can be stored and repeated."""
        fault = self.simulator.faults.take("processing", call.method, call.path)
        if fault is not None:
            log.fault = fault.kind
            await self.simulator.pause(fault.seconds)
        try:
            handler, parameters = find_route(call.method, segments)
            reply = await handler(replace(call, parameters=parameters))
            return self.simulator.chaos.disturb(reply)
        except PortOneError as refusal:
            return Reply(refusal.status, refusal.body())


def create_app(config: SimulatorConfig | None = None) -> SimulatorApp:
    """Return a fresh simulator as an ASGI application; without ``config`` with new random secrets."""
    return SimulatorApp(config or SimulatorConfig())


async def _read(receive: Receive) -> bytes | None:
    """Return the whole body; None when the caller went away in the middle of it: half a request is none."""
    chunks = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)


def _scripted(fault: Fault) -> Reply:
    body = fault.body if fault.body is not None else ""
    content_type = "application/json; charset=utf-8" if body.lstrip().startswith(("{", "[")) else "text/html"
    return Reply(fault.status, body.encode(), content_type, tuple(fault.headers.items()))
