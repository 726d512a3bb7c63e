"""Clients that are slow on purpose hold a connection for seconds, not for ever, and an endless head is cut off."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn

from tests.unit.support import FakeDatabase, make_deps
from tests.unit.test_ingest import record_all
from tests.unit.test_webhook_route import BODY
from worker.web import body, protocol
from worker.web.app import create_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """A real server on a loopback port, as `serve` starts it, with patience of a moment."""
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(body, "BODY_SECONDS", 0.3)
    app = create_app(make_deps(FakeDatabase(record_webhooks=record_all)))
    config = uvicorn.Config(app, port=0, log_config=None, http=protocol.BoundedProtocol, lifespan="off")
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await running


async def talk(port: int, *parts: bytes, then_wait: bool = True) -> bytes:
    """Send parts and return everything the server says until it closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    said = b""
    with contextlib.suppress(ConnectionError):
        for part in parts:
            writer.write(part)
            await writer.drain()
        said = await reader.read() if then_wait else await reader.read(100)
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return said


HEAD = b"POST /webhooks/portone HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"


@pytest.mark.parametrize("parts", [(), (b"POST /webhooks",), (HEAD,), (HEAD, b"x-a: b\r\n", b"x-b: ")])
async def test_a_head_that_never_ends_is_closed_without_a_word(port: int, parts: tuple[bytes, ...]) -> None:
    assert await talk(port, *parts) == b""


async def test_a_head_without_end_is_cut_off_by_size(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 100.0)
    assert await talk(port, HEAD, *(b"x-%d: %s\r\n" % (n, b"y" * 1000) for n in range(200))) == b""
    assert await talk(port, b"GET /" + b"a" * 200_000) == b""


async def test_a_body_that_never_ends_is_408_and_the_connection_ends(port: int) -> None:
    for path in (b"/webhooks/portone", b"/payments"):
        head = HEAD.replace(b"/webhooks/portone", path) + b"authorization: Bearer a.b.c\r\n"
        said = await talk(port, head + b"content-length: 100\r\n\r\n", b'{"type"')
        assert said.startswith(b"HTTP/1.1 408 ")
        assert b"BODY_TOO_SLOW" in said


async def test_a_chunked_body_is_cut_at_the_limit(port: int) -> None:
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    said = await talk(port, HEAD + b"transfer-encoding: chunked\r\n\r\n", *([chunk] * 6), then_wait=False)
    assert said.startswith(b"HTTP/1.1 413 ")


async def test_a_second_request_on_the_same_connection_has_its_own_deadline(port: int) -> None:
    first = HEAD + b"content-length: %d\r\n\r\n" % len(BODY) + BODY
    said = await talk(port, first, HEAD)
    assert said.startswith(b"HTTP/1.1 400 "), "the unsigned webhook was answered"
    assert said.count(b"HTTP/1.1") == 1, "the half request after it was not"


async def test_whole_requests_are_not_hurried(port: int) -> None:
    ask: Any = b"GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    assert (await talk(port, ask[:10], ask[10:])).startswith(b"HTTP/1.1 200 ")
