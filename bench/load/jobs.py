"""Decides how the queue is drained over HTTP: claim, settle, again, several callers at once, raw keep-alive connections."""

from __future__ import annotations

import asyncio
import time

import orjson

_LENGTH = b"content-length:"


async def drain_over_http(
    host: str, port: int, headers: dict[str, str], *, batch: int, callers: int, seconds: float
) -> tuple[int, float]:
    """Return jobs done and the seconds they took. Raises `RuntimeError` for an answer other than 200."""
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    until = time.perf_counter() + seconds

    async def caller(number: int) -> int:
        reader, writer = await asyncio.open_connection(host, port)
        done = floor = 0
        while time.perf_counter() < until:
            claimed = await _post(
                reader, writer, f"{host}:{port}", "claim_jobs", head,
                {"worker": f"bench-{number}", "max": batch, "lease_seconds": 60, "after_id": floor},
            )  # fmt: skip
            if not claimed:
                break
            floor = max(0, min(job["id"] for job in claimed) - 2000)
            outcomes = [{"job_id": job["id"], "claim": job["claim"], "verdict": "done"} for job in claimed]
            done += len(
                await _post(reader, writer, f"{host}:{port}", "settle_jobs", head, {"outcomes": outcomes})
            )
        writer.close()
        return done

    started = time.perf_counter()
    done = sum(await asyncio.gather(*(caller(number) for number in range(callers))))
    return done, time.perf_counter() - started


async def _post(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    host: str,
    function: str,
    head: str,
    body: object,
) -> list[dict[str, int]]:
    content = orjson.dumps(body)
    writer.write(
        f"POST /rest/v1/rpc/{function} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n{head}"
        f"content-length: {len(content)}\r\n\r\n".encode()
        + content
    )
    answer_head = await reader.readuntil(b"\r\n\r\n")
    at = answer_head.lower().find(_LENGTH)
    if at >= 0:
        answer = await reader.readexactly(int(answer_head[at + len(_LENGTH) :].split(b"\r\n", 1)[0]))
    else:
        answer = b""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            answer += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readuntil(b"\r\n")
    if answer_head[9:12] != b"200":
        raise RuntimeError(f"{function} was answered {answer_head[:40]!r} {answer[:300]!r}")
    return orjson.loads(answer)  # type: ignore[no-any-return]  # a list of rows, checked by use
