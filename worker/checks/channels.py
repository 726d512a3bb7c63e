"""Decides whether the configured channels can take payments: PortOne has no call that names channels, so payments prove them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.checks.result import CheckResult, error, ok, warning
from worker.errors import WorkerError

if TYPE_CHECKING:
    from worker.db.operator import Operator
    from worker.settings import Settings

NAME: Final = "channels"
_PAID: Final = "in.(paid,partial_cancelled,cancelled)"


async def check_channels(settings: Settings, operator: Operator) -> CheckResult:
    """Look for the newest payment through each channel: whether there is one, and whether the channel was of the other kind."""
    kind = settings.channel_kind
    proven: list[str] = []
    missing: list[str] = []
    wrong: list[str] = []
    try:
        for method, key in settings.portone_channels.items():
            newest = await operator.read(
                "payments",
                ("payment_id", "discrepancies"),
                {"channel_key": f"eq.{key}", "status": _PAID, "order": "created_at.desc", "limit": "1"},
            )
            if not newest:
                missing.append(method)
            elif "channel_kind" in _listed(newest[0].get("discrepancies")):
                wrong.append(f"{method} (payment {newest[0].get('payment_id')})")
            else:
                proven.append(method)
    except WorkerError as failure:
        return warning(NAME, failure.message, "see the database check")
    if wrong:
        other = "TEST" if kind == "LIVE" else "LIVE"
        return error(
            NAME, f"the newest payment came through a {other} channel while ENVIRONMENT={settings.environment}: {', '.join(wrong)}",
            "PORTONE_CHANNELS: copy the channel keys of the right kind from the PortOne console",
        )  # fmt: skip
    if missing:
        return warning(
            NAME, f"no payment has gone through {', '.join(missing)} yet" + (f"; proven: {', '.join(proven)}" if proven else ""),
            "pay a small amount with each and refund it: PortOne cannot be asked whether a channel key is right",
        )  # fmt: skip
    return ok(NAME, f"payments went through {', '.join(proven)}")


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []
