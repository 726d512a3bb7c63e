"""Decides whether webhooks can be believed and do arrive: a secret for every store, and a delivery seen."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from worker.checks.result import SEE_DATABASE, CheckResult, error, ok, warning
from worker.errors import WorkerError
from worker.language import AS_TOLD, Words
from worker.story.figures import clock

if TYPE_CHECKING:
    from worker.db.operator import Operator
    from worker.settings import Settings

SECRETS: Final = "webhook secrets"
ARRIVING: Final = "webhooks arriving"
# Shorter keys than this can be guessed; PortOne's own have 32 bytes (Standard Webhooks: 24 to 64).
_SHORTEST_KEY: Final = 24

_NONE: Final = Words("none for {stores}", "시크릿이 없는 상점: {stores}")
_COPY: Final = Words(
    "copy the store's webhook secret from the PortOne console",
    "PortOne 콘솔에서 그 상점의 웹훅 시크릿을 복사하세요",
)
_SHORT: Final = Words("shorter than {shortest} bytes: {names}", "{shortest}바이트보다 짧은 시크릿: {names}")
_COPY_AGAIN: Final = Words(
    "copy the secret from the PortOne console again (whsec_…)",
    "PortOne 콘솔에서 시크릿을 다시 복사하세요 (whsec_…)",
)
_SET: Final = Words("one or more for every store", "모든 상점에 시크릿이 있습니다")
_SEVERAL: Final = Words(
    "one or more for every store; several for {stores}",
    "모든 상점에 시크릿이 있습니다; 여러 개인 상점: {stores}",
)
_NEVER: Final = Words("none has come yet", "아직 받은 웹훅이 없습니다")
_TELL_PORTONE: Final = Words(
    "in the PortOne console set the address https://<worker>/webhooks/portone and version 2024-04-25, then press its test button",
    "PortOne 콘솔에서 주소 https://<worker>/webhooks/portone와 버전 2024-04-25를 설정하고 호출 테스트를 눌러 보세요",
)
_LAST: Final = Words("the last one came at {at}", "마지막 수신: {at}")
_WAITING: Final = Words(
    "the last one came at {at}; {waiting} wait to be worked on", "마지막 수신: {at}; 처리 대기 {waiting}건"
)


def check_secrets(settings: Settings) -> CheckResult:
    """Look at each store's webhook secrets; their form was checked when the settings were read."""
    keys = settings.webhook_keys()
    counts = Counter(key.store_id for key in keys)
    silent = sorted({settings.portone_store_id, *settings.portone_stores} - counts.keys())
    if silent:
        return error(SECRETS, _NONE, _COPY, stores=", ".join(silent))
    short = sorted(key.name for key in keys if len(key.key) < _SHORTEST_KEY)
    if short:
        return warning(SECRETS, _SHORT, _COPY_AGAIN, shortest=_SHORTEST_KEY, names=", ".join(short))
    several = ", ".join(f"{store} ({count})" for store, count in sorted(counts.items()) if count > 1)
    return ok(SECRETS, _SEVERAL if several else _SET, stores=several)


async def check_arriving(operator: Operator) -> CheckResult:
    """Look for the youngest delivery: a worker nobody reaches looks healthy from inside."""
    try:
        (found, waiting) = await _youngest(operator)
    except WorkerError as failure:
        return warning(ARRIVING, AS_TOLD, SEE_DATABASE, told=failure.told())
    if not found:
        return warning(ARRIVING, _NEVER, _TELL_PORTONE)
    return ok(ARRIVING, _WAITING if waiting else _LAST, at=clock(found), waiting=waiting)


async def _youngest(operator: Operator) -> tuple[str, int]:
    youngest = await operator.read(
        "webhook_logs", ("created_at",), {"order": "created_at.desc", "limit": "1"}
    )
    waiting = await operator.read("webhook_logs", ("id",), {"status": "eq.received", "limit": "100"})
    return (str(youngest[0].get("created_at")) if youngest else "", len(waiting))
