"""Decides whether the configured channels can take payments: PortOne has no call that names channels, so payments prove them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.checks.result import SEE_DATABASE, CheckResult, error, ok, warning
from worker.errors import WorkerError
from worker.language import AS_TOLD, Words

if TYPE_CHECKING:
    from worker.db.operator import Operator
    from worker.settings import Settings

NAME: Final = "channels"
_PAID: Final = "in.(paid,partial_cancelled,cancelled)"

_OTHER_KIND: Final = Words(
    "the newest payment came through a {other} channel while ENVIRONMENT={environment}: {methods}",
    "ENVIRONMENT={environment}인데 최근 결제가 {other} 채널로 들어왔습니다: {methods}",
)
_RIGHT_KEYS: Final = Words(
    "PORTONE_CHANNELS: copy the channel keys of the right kind from the PortOne console",
    "PORTONE_CHANNELS: PortOne 콘솔에서 알맞은 종류의 채널 키를 다시 복사하세요",
)
_NOT_PROVEN: Final = Words(
    "no payment has gone through {methods} yet", "아직 결제된 적이 없는 결제수단: {methods}"
)
_SOME_PROVEN: Final = Words(
    "no payment has gone through {methods} yet; proven: {proven}",
    "아직 결제된 적이 없는 결제수단: {methods}; 확인됨: {proven}",
)
_PAY_ONCE: Final = Words(
    "pay a small amount with each and refund it: PortOne cannot be asked whether a channel key is right",
    "각 결제수단으로 소액을 결제하고 환불해 보세요. 채널 키가 맞는지 PortOne에 물어볼 방법은 없습니다",
)
_PROVEN: Final = Words("payments went through {proven}", "결제가 확인된 결제수단: {proven}")


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
        return warning(NAME, AS_TOLD, SEE_DATABASE, told=failure.told())
    if wrong:
        other = "TEST" if kind == "LIVE" else "LIVE"
        return error(
            NAME, _OTHER_KIND, _RIGHT_KEYS,
            other=other, environment=settings.environment, methods=", ".join(wrong),
        )  # fmt: skip
    if missing:
        return warning(
            NAME, _SOME_PROVEN if proven else _NOT_PROVEN, _PAY_ONCE,
            methods=", ".join(missing), proven=", ".join(proven),
        )  # fmt: skip
    return ok(NAME, _PROVEN, proven=", ".join(proven))


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []
