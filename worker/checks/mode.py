"""Decides whether the worker takes real money or plays: refused combinations never get past the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.checks.result import CheckResult, ok, warning

if TYPE_CHECKING:
    from worker.settings import Settings

NAME: Final = "mode"


def check_mode(settings: Settings) -> CheckResult:
    """Say which of the allowed modes this is; live with mock payments is refused by ``worker.settings``."""
    if settings.mock_payments:
        return ok(NAME, f"mock payments against {settings.portone_api_url}")
    if settings.environment == "live":
        return ok(NAME, "live: only payments through live channels count")
    return warning(
        NAME,
        "test: payments through live channels are discrepancies and fulfil nothing",
        "set ENVIRONMENT=live to take real payments",
    )
