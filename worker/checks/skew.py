"""Decides whether this machine's clock is right enough: webhooks are refused when it is 300 s off, leases sooner suffer."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

import httpx

from worker.checks.result import CheckResult, error, ok, warning
from worker.http_pool import USER_AGENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.settings import Settings

NAME: Final = "clock skew"
# PortOne's signatures are taken within 300 s of their time (Standard Webhooks); half of that is no margin any more.
_WARN_SECONDS: Final = 30.0
_REFUSE_SECONDS: Final = 150.0
_FIX: Final = "let the machine follow NTP (timedatectl set-ntp true)"


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
        return warning(
            NAME, "neither PortOne nor Supabase said what time it is", "check that both can be reached"
        )
    name, worst = max(seen.items(), key=lambda item: abs(item[1]))
    detail = f"{abs(worst):.0f} s {'ahead of' if worst > 0 else 'behind'} {name}"
    if abs(worst) >= _REFUSE_SECONDS:
        return error(NAME, detail, _FIX)
    if abs(worst) >= _WARN_SECONDS:
        return warning(NAME, detail, _FIX)
    return ok(NAME, f"within {max(1, round(abs(worst)))} s of {' and '.join(sorted(seen))}")


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
