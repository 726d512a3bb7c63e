"""Decides whether each PortOne store can be used: reachable, and its API secret accepted for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from worker.checks.result import CheckResult, error, ok
from worker.errors import Misconfigured, Rejected, Transient, WorkerError
from worker.language import AS_TOLD, Words

if TYPE_CHECKING:
    from worker.portone.stores import Store

# A payment id nobody has: asking for it changes nothing and is answered 404 by a store that knows us.
PROBE_PAYMENT: Final = "portone0supabase0doctor0probe"
_PATIENCE_SECONDS: Final = 10.0

_WELL: Final = Words("reachable, the API secret is accepted", "연결되며 API 시크릿이 유효합니다")
_BUSY: Final = Words("reachable, answers {code} at the moment", "연결되지만 지금은 {code}(으)로 응답합니다")
_REFUSED: Final = Words("PortOne refused the API secret", "PortOne이 API 시크릿을 거부했습니다")
_ANSWERED: Final = Words("PortOne answered {code}", "PortOne의 응답: {code}")
_BELONG: Final = Words(
    "check that the store id and the API secret belong together",
    "상점 아이디와 API 시크릿이 같은 상점의 것인지 확인하세요",
)
_AGAIN: Final = Words("try again", "다시 시도하세요")
_SILENT: Final = Words("PortOne cannot be reached", "PortOne에 연결할 수 없습니다")
_OUTGOING: Final = Words(
    "check PORTONE_API_URL and that outgoing HTTPS is allowed",
    "PORTONE_API_URL과 외부로 나가는 HTTPS가 허용되는지 확인하세요",
)


async def check_store(store: Store) -> CheckResult:
    """Ask the store for a payment that does not exist.

    Any answer of PortOne that is no refusal counts: a busy PortOne is still the one we were told to talk to.
    """
    name = f"portone {store.store_id}"
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await store.payments.get(PROBE_PAYMENT)
    except TimeoutError:
        return _silent(name)
    except Misconfigured as refusal:
        return error(name, _REFUSED, AS_TOLD, told=refusal.told())
    except Rejected as refusal:
        return error(name, _ANSWERED, _BELONG, code=refusal.code)
    except Transient as failure:
        if failure.status is None:
            return _silent(name)
        return ok(name, _BUSY, code=failure.code)
    except WorkerError as failure:
        return error(name, _ANSWERED, _AGAIN, may_pass=True, code=failure.code)
    return ok(name, _WELL)


def _silent(name: str) -> CheckResult:
    return error(name, _SILENT, _OUTGOING, may_pass=True)
