"""What a request comes to on real sockets, over aiohttp as in production and over httpx as where tests look on."""

from __future__ import annotations

import asyncio
import gzip
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from worker.http_answers import HttpFailure, NoAnswer, NotSent, Unsendable
from worker.http_pool import HttpPool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from worker.http_answers import Answer

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
METHODS = ("GET", "POST", "DELETE", "PUT")


class Server:
    """Says what it is told, request after request: bytes, ``None`` = close without a word, ``...`` = stay silent."""

    def __init__(self, *says: object) -> None:
        self.says = list(says)
        self.requests: list[bytes] = []
        self.connections = 0
        self.url = ""
        self.asked = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                at = head.lower().find(b"content-length:")
                length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
                self.requests.append(head + await reader.readexactly(length))
                self.asked.set()
                word = self.says.pop(0)
                if word is None:
                    return
                if isinstance(word, bytes):
                    writer.write(word)
                    await writer.drain()
                    if not word.startswith(b"HTTP/1.1 200 OK") or b"short" in word:
                        return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def serving(*says: object) -> AsyncIterator[Server]:
    server = Server(*says)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()


@pytest.fixture(params=["aiohttp", "httpx"])
async def make(request: pytest.FixtureRequest) -> AsyncIterator[Callable[..., HttpPool]]:
    """A pool with short timeouts, by default three seconds, closed at the end."""
    made: list[HttpPool] = []

    def pool(*, read: float = 3.0, pool: float = 3.0, connections: int = 4) -> HttpPool:
        timeout = httpx.Timeout(connect=3.0, read=read, write=3.0, pool=pool)
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        transport = None if request.param == "aiohttp" else httpx.AsyncHTTPTransport(limits=limits)
        made.append(HttpPool(timeout=timeout, concurrency=connections, transport=transport))
        return made[-1]

    yield pool
    for one in made:
        await one.aclose()


async def sent(pool: HttpPool, url: str, method: str = "GET", **more: object) -> Answer:
    return await pool.request(method, url, **{"headers": {"accept": "application/json"}, **more})  # type: ignore[arg-type]  # by name


async def test_what_is_sent_and_what_comes_back(make: Callable[..., HttpPool]) -> None:
    answer = b'HTTP/1.1 418 Teapot\r\nX-Odd: Yes\r\ncontent-length: 5\r\n\r\n"\xea\xb0\x80"'
    async with serving(OK, answer) as server:
        pool = make()
        first = await sent(pool, f"{server.url}/a%2Fb%3F%C3%A9", query={"storeId": "store 1&2"})
        second = await sent(
            pool, f"{server.url}/x", "POST", content=b'{"a": 1}', headers={"Content-Type": "application/json"}
        )
    assert (first.status_code, first.content, first.is_success) == (200, b"{}", True)
    assert (second.status_code, second.is_success, second.headers.get("x-odd")) == (418, False, "Yes")
    read, write = server.requests
    assert read.startswith(b"GET /a%2Fb%3F%C3%A9?storeId=store%201%262 HTTP/1.1\r\n")
    assert b"\r\nuser-agent: portone-supabase-worker/" in read.lower()
    assert b"content-type" not in read.lower()
    assert write.startswith(b"POST /x HTTP/1.1\r\n")
    assert write.endswith(b'\r\n\r\n{"a": 1}')
    assert b"\r\ncontent-type: application/json\r\n" in write.lower()
    assert server.connections == 1


async def test_no_cookie_goes_back() -> None:
    async with serving(OK.replace(b"\r\n\r\n", b"\r\nset-cookie: a=b\r\n\r\n"), OK) as server:
        pool = HttpPool(timeout=httpx.Timeout(3), concurrency=1)
        for _ in range(2):
            await sent(pool, server.url)
        await pool.aclose()
    assert [b"cookie" in request.lower() for request in server.requests] == [False, False]


@pytest.mark.parametrize("method", METHODS)
async def test_a_request_that_was_not_answered_is_not_sent_again(
    make: Callable[..., HttpPool], method: str
) -> None:
    async with serving(None, OK) as server:
        with pytest.raises(NoAnswer) as caught:
            await sent(make(), server.url, method)
    assert not caught.value.late
    assert len(server.requests) == 1


@pytest.mark.parametrize("method", METHODS)
async def test_nor_on_a_connection_that_has_served_before(make: Callable[..., HttpPool], method: str) -> None:
    async with serving(OK, None, OK) as server:
        pool = make()
        await sent(pool, server.url)
        with pytest.raises(NoAnswer) as caught:
            await sent(pool, server.url, method, content=None if method == "GET" else b"{}")
        assert not caught.value.late
        assert (len(server.requests), server.connections) == (2, 1)
        assert (await sent(pool, server.url)).status_code == 200


async def test_half_an_answer_is_none(make: Callable[..., HttpPool]) -> None:
    async with serving(
        b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nshort", b"HTTP/1.1 200 OK\r\ncontent-l short"
    ) as server:
        pool = make()
        for _ in range(2):
            with pytest.raises(NoAnswer) as caught:
                await sent(pool, server.url, "POST", content=b"{}")
            assert not caught.value.late
    assert len(server.requests) == 2


async def test_what_is_not_http_is_no_answer(make: Callable[..., HttpPool]) -> None:
    async with serving(b"220 mail.example ESMTP\r\n\r\n") as server:
        with pytest.raises(NoAnswer):
            await sent(make(), server.url, "POST", content=b"{}")


async def test_silence_is_late(make: Callable[..., HttpPool]) -> None:
    async with serving(..., OK) as server:
        pool = make(read=1.0)
        with pytest.raises(NoAnswer) as caught:
            await sent(pool, server.url, "POST", content=b"{}")
        assert caught.value.late
        # What may still come on that connection is never taken for the answer to the next request.
        assert (await sent(pool, server.url)).status_code == 200
        assert server.connections == 2


async def test_a_cancelled_request_leaves_its_answer_to_nobody(make: Callable[..., HttpPool]) -> None:
    async with serving(..., b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nmine") as server:
        pool = make(connections=1)
        left = asyncio.create_task(sent(pool, server.url, "POST", content=b"{}"))
        await server.asked.wait()
        left.cancel()
        await asyncio.gather(left, return_exceptions=True)
        assert (await sent(pool, server.url)).content == b"mine"
        assert server.connections == 2


async def test_nobody_listens(make: Callable[..., HttpPool]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(NotSent):
            await sent(make(), f"http://127.0.0.1:{taken.getsockname()[1]}/", "POST", content=b"{}")


async def test_no_connection_becomes_free(make: Callable[..., HttpPool]) -> None:
    async with serving(..., OK) as server:
        pool = make(pool=0.5, connections=1)
        busy = asyncio.create_task(sent(pool, server.url))
        await server.asked.wait()
        with pytest.raises(NotSent):
            await sent(pool, server.url, "POST", content=b"{}")
        assert len(server.requests) == 1
        busy.cancel()
        await asyncio.gather(busy, return_exceptions=True)


async def test_who_cannot_prove_its_name_is_told_nothing(make: Callable[..., HttpPool]) -> None:
    async with serving(OK) as server:
        with pytest.raises(HttpFailure) as caught:
            await sent(make(), server.url.replace("http:", "https:"), "POST", content=b"secret")
        assert isinstance(caught.value, NotSent)
        assert b"secret" not in b"".join(server.requests)


@pytest.mark.parametrize("url", ["gopher://127.0.0.1/", "http:///x", "127.0.0.1/x"])
async def test_a_url_that_is_none(make: Callable[..., HttpPool], url: str) -> None:
    with pytest.raises(Unsendable):
        await sent(make(), url)


async def test_a_header_ends_where_it_ends(make: Callable[..., HttpPool]) -> None:
    async with serving(OK) as server:
        with pytest.raises(Unsendable):
            await sent(make(), server.url, headers={"apikey": "a\r\nx-injected: 1"})
    assert server.requests == []


async def test_redirects_and_proxies_are_not_followed(
    make: Callable[..., HttpPool], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with serving(
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n",
        OK,
    ) as server:
        pool = make()
        assert (await sent(pool, server.url)).status_code == 200
        assert (await sent(pool, server.url)).status_code == 302
    assert len(server.requests) == 2


async def test_packed_and_chunked_answers_are_unpacked(make: Callable[..., HttpPool]) -> None:
    packed = gzip.compress(b'{"a": 1}')
    gzipped = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n%b" % (
        len(packed),
        packed,
    )
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    early = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"
    async with serving(gzipped, chunked) as server:
        pool = make()
        assert (await sent(pool, server.url)).content == b'{"a": 1}'
        assert (await sent(pool, server.url)).content == b"{}"
    async with serving(early + OK) as server:
        assert (await sent(make(), server.url)).content == b"{}"
