"""Decides whether the worker takes real money or plays: refused combinations never get past the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.checks.result import CheckResult, ok, warning
from worker.language import Words

if TYPE_CHECKING:
    from worker.settings import Settings

NAME: Final = "mode"
_MOCK: Final = Words("mock payments against {url}", "모의 결제: {url}")
_LIVE: Final = Words(
    "live: only payments through live channels count", "실결제: 실결제 채널의 결제만 인정합니다"
)
_TEST: Final = Words(
    "test: payments through live channels are discrepancies and fulfil nothing",
    "테스트: 실결제 채널의 결제는 불일치로 기록하고 주문을 처리하지 않습니다",
)
_GO_LIVE: Final = Words(
    "set ENVIRONMENT=live to take real payments", "실제 결제를 받으려면 ENVIRONMENT=live로 설정하세요"
)


def check_mode(settings: Settings) -> CheckResult:
    """Say which of the allowed modes this is; live with mock payments is refused by ``worker.settings``."""
    if settings.mock_payments:
        return ok(NAME, _MOCK, url=settings.portone_api_url)
    return ok(NAME, _LIVE) if settings.environment == "live" else warning(NAME, _TEST, _GO_LIVE)
