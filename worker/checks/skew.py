"""Decides whether this machine's clock is right enough: webhooks are refused when it is 300 s off, leases sooner suffer."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

import httpx

from worker.checks.result import CheckResult, error, ok, warning
from worker.http_pool import USER_AGENT
from worker.language import Words

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.settings import Settings

NAME: Final = "clock skew"
# PortOne's signatures are taken within 300 s of their time (Standard Webhooks); half of that is no margin any more.
_WARN_SECONDS: Final = 30.0
_REFUSE_SECONDS: Final = 150.0
_FIX: Final = Words(
    "let the machine follow NTP (timedatectl set-ntp true)",
    "서버 시각을 NTP로 맞추세요 (timedatectl set-ntp true)",
)
_AHEAD: Final = Words("{seconds:.0f} s ahead of {service}", "{service}보다 {seconds:.0f}초 빠릅니다")
_BEHIND: Final = Words("{seconds:.0f} s behind {service}", "{service}보다 {seconds:.0f}초 느립니다")
_WELL: Final = Words("within {seconds} s of {services}", "{services}와(과) {seconds}초 이내입니다")
_SILENT: Final = Words(
    "neither PortOne nor Supabase said what time it is", "PortOne과 Supabase의 시각을 알 수 없습니다"
)
_REACH: Final = Words("check that both can be reached", "두 서비스에 연결되는지 확인하세요")


async def check_skew(
    settings: Settings,
    *,
    transport: httpx.AsyncBaseTransport | None = None,
    clock: Callable[[], float] = time.time,
) -> CheckResult:
    """Compare our clock with the ``Date`` PortOne and Supabase answer with, whatever else they answer."""
    seen: dict[str, float] = {}
    async with httpx.AsyncClient(
        timeout=10, transport=transport, trust_env=False, headers={"User-Agent": USER_AGENT}
    ) as client:
        for name, url in (("PortOne", settings.portone_api_url), ("Supabase", settings.supabase_url)):
            skew = await _skew(client, url, clock)
            if skew is not None:
                seen[name] = skew
    if not seen:
        return warning(NAME, _SILENT, _REACH)
    name, worst = max(seen.items(), key=lambda item: abs(item[1]))
    off = abs(worst)
    if off >= _WARN_SECONDS:
        judged = error if off >= _REFUSE_SECONDS else warning
        return judged(NAME, _AHEAD if worst > 0 else _BEHIND, _FIX, seconds=off, service=name)
    return ok(NAME, _WELL, seconds=max(1, round(off)), services=", ".join(sorted(seen)))


async def _skew(client: httpx.AsyncClient, url: str, clock: Callable[[], float]) -> float | None:
    """Return how many seconds our clock is ahead; a ``Date`` has whole seconds, so half of one is added."""
    before = clock()
    try:
        answer = await client.get(url)
        said = parsedate_to_datetime(answer.headers.get("date", ""))
    except (httpx.HTTPError, ValueError, TypeError):
        return None
    middle = (before + clock()) / 2
    said = said if said.tzinfo is not None else said.replace(tzinfo=UTC)
    return middle - (datetime.timestamp(said) + 0.5)
