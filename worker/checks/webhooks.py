"""Decides whether webhooks can be believed and do arrive: a secret for every store, and a delivery seen."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from worker.checks.result import CheckResult, error, ok, warning
from worker.errors import WorkerError

if TYPE_CHECKING:
    from worker.db.operator import Operator
    from worker.settings import Settings

SECRETS: Final = "webhook secrets"
ARRIVING: Final = "webhooks arriving"
# Shorter keys than this can be guessed; PortOne's own have 32 bytes (Standard Webhooks: 24 to 64).
_SHORTEST_KEY: Final = 24


def check_secrets(settings: Settings) -> CheckResult:
    """Look at each store's webhook secrets; their form was checked when the settings were read."""
    keys = settings.webhook_keys()
    counts = Counter(key.store_id for key in keys)
    silent = sorted({settings.portone_store_id, *settings.portone_stores} - counts.keys())
    if silent:
        return error(
            SECRETS,
            f"none for {', '.join(silent)}",
            "copy the store's webhook secret from the PortOne console",
        )
    short = sorted(key.name for key in keys if len(key.key) < _SHORTEST_KEY)
    if short:
        return warning(
            SECRETS, f"shorter than {_SHORTEST_KEY} bytes: {', '.join(short)}",
            "copy the secret from the PortOne console again (whsec_…)",
        )  # fmt: skip
    many = ", ".join(f"{store} has {count}" for store, count in sorted(counts.items()) if count > 1)
    return ok(SECRETS, f"one or more for every store{'; ' + many if many else ''}")


async def check_arriving(operator: Operator) -> CheckResult:
    """Look for the youngest delivery: a worker nobody reaches looks healthy from inside."""
    try:
        (found, waiting) = await _youngest(operator)
    except WorkerError as failure:
        return warning(ARRIVING, failure.message, "see the database check")
    if not found:
        return warning(
            ARRIVING, "none has come yet",
            "in the PortOne console set the address https://<worker>/webhooks/portone and version 2024-04-25, then press its test button",
        )  # fmt: skip
    detail = f"the last one came at {found}"
    return ok(ARRIVING, f"{detail}; {waiting} wait to be worked on" if waiting else detail)


async def _youngest(operator: Operator) -> tuple[str, int]:
    youngest = await operator.read(
        "webhook_logs", ("created_at",), {"order": "created_at.desc", "limit": "1"}
    )
    waiting = await operator.read("webhook_logs", ("id",), {"status": "eq.received", "limit": "100"})
    return (str(youngest[0].get("created_at")) if youngest else "", len(waiting))
