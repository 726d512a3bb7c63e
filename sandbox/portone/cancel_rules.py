"""Decides which cancellations the PG itself refuses: in part, too late, or to nowhere (PortOne docs and help centre).

The API shows no deadline; whoever comes too late learns it from PG_PROVIDER.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

from .clock import SECOND
from .errors import invalid_request, pg_provider

if TYPE_CHECKING:
    from .assumptions import Assumptions
    from .model import Attempt, RefundAccount

_KST: Final = timezone(timedelta(hours=9))
_DAY: Final = 24 * 3_600 * SECOND
_WHOLE_ONLY: Final = frozenset({"GIFT_CERTIFICATE", "MOBILE"})
# Days after the payment, by PG before method (help centre). Cards: about a year, some issuers less; KSNET half of it.
# Transfers: about three months, though an FAQ says none. Virtual accounts have no deadline.
_DAYS_OF_PG: Final = {"NAVERPAY": 1_095, "PAYPAL_V2": 180, "PAYPAL": 180, "KSNET": 183}
_DAYS_OF_METHOD: Final = {"CARD": 365, "EASY_PAY": 365, "TRANSFER": 90, "PAYPAL": 180}


def check_pg_rules(
    attempt: Attempt, amount: int, account: RefundAccount | None, now: int, rules: Assumptions
) -> None:
    """Raise PG_PROVIDER, or INVALID_REQUEST for a missing account, where the PG would not give ``amount`` back."""
    method = attempt.order.pay_method
    if amount < attempt.order.total and method in _WHOLE_ONLY:
        raise pg_provider("PARTIAL_CANCEL_NOT_ALLOWED", f"{method} cannot be cancelled in part")
    if rules.cancel_deadlines == "enforced" and _is_too_late(attempt, now):
        raise pg_provider("CANCEL_DEADLINE_PASSED", "취소 가능 기간이 지났습니다.")
    paid_at = attempt.paid_at or now
    # Carrier billing of an earlier calendar month (in Korea) goes to a bank account.
    if method == "VIRTUAL_ACCOUNT" or (method == "MOBILE" and _month(paid_at) != _month(now)):
        _check_account(attempt, account, rules)


def _is_too_late(attempt: Attempt, now: int) -> bool:
    method = attempt.order.pay_method
    days = _DAYS_OF_METHOD.get(method)
    if days is None or attempt.paid_at is None:
        return False
    return now > attempt.paid_at + _DAYS_OF_PG.get(attempt.channel.pg_provider, days) * _DAY


def _check_account(attempt: Attempt, account: RefundAccount | None, rules: Assumptions) -> None:
    missing = None
    if account is None:
        missing = "refundAccount: needed to refund to a bank account (bank, number, holderName)"
    elif attempt.channel.refund_phone and not account.holder_phone_number:
        missing = f"refundAccount.holderPhoneNumber: needed by {attempt.channel.pg_provider}"
    if missing is not None:
        if rules.missing_refund_account == "pg_provider":
            raise pg_provider("REFUND_ACCOUNT_REQUIRED", missing)
        raise invalid_request(missing)


def _month(moment: int) -> tuple[int, int]:
    local = datetime.fromtimestamp(moment // SECOND, UTC).astimezone(_KST)
    return local.year, local.month
