"""Decides what a PG refuses by its own rules: order ids, names, amounts, currencies, windows and who is paying.

PortOne docs: PG notes. At PortOne each refusal is the PG's, so an API call sees PG_PROVIDER and a window
``FAILURE_TYPE_PG``; how PortOne words the ones it makes itself (window types) is not documented.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .billing import KeyRequest
    from .channels import Channel, WindowType
    from .control_inputs import WindowInput

_CUT_AT: Final = 37
_MOBILE: Final = re.compile(r"Android|iPhone|iPad|Mobile", re.IGNORECASE)


def order_refusal(
    channel: Channel, payment_id: str, total: int, currency: str, name: str
) -> tuple[str, str] | None:
    """Return the PG's own refusal of an order as (code, message), None when it takes it; amounts in minor units."""
    if channel.payment_id_pattern.fullmatch(payment_id) is None:
        pattern = channel.payment_id_pattern.pattern
        return "INVALID_ORDER_ID", f"paymentId: {channel.pg_provider} takes only {pattern}"
    if channel.currencies and currency not in channel.currencies:
        allowed = ", ".join(sorted(channel.currencies))
        return "INVALID_CURRENCY", f"currency: {channel.pg_provider} takes only {allowed}"
    if total < channel.minimum:
        return "BELOW_MINIMUM_AMOUNT", f"amount: {channel.pg_provider} takes {channel.minimum} or more"
    if channel.order_name_cut:
        return None
    for most, length, unit in (
        (channel.order_name_bytes, korean_bytes(name), "bytes of EUC-KR"),
        (channel.order_name_characters, len(name), "characters"),
    ):
        if most and length > most:
            return (
                "ORDER_NAME_TOO_LONG",
                f"orderName: {channel.pg_provider} takes {most} {unit}, not {length}",
            )
    return None


def order_name_of(channel: Channel, name: str) -> str:
    """Return the name the PG keeps: as given, or cut to 37 bytes and three dots where it cuts (Inicis, Welcome)."""
    if not channel.order_name_cut or korean_bytes(name) <= channel.order_name_bytes:
        return name
    kept = name
    while korean_bytes(kept) > _CUT_AT:
        kept = kept[:-1]
    return kept + "..."


def korean_bytes(text: str) -> int:
    """Return the length in EUC-KR (as Windows knows it); what it lacks, emoji too, counts as its UTF-8 (assumed)."""
    return sum(len(_encoded(char)) for char in text)


def _encoded(char: str) -> bytes:
    try:
        return char.encode("cp949")
    except UnicodeEncodeError:
        return char.encode("utf-8", "replace")


def window_refusal(channel: Channel, window: WindowInput, customer: dict[str, Any]) -> str | None:
    """Return why the PG's payment window would not open, None when it would; ``customer`` in REST form."""
    provider = channel.pg_provider
    if window.payMethod not in channel.pay_methods:
        return f"payMethod: {window.payMethod} is not offered by {provider}"
    needed = channel.window_customer
    if not _MOBILE.search(window.userAgent):
        needed = needed | channel.pc_customer
    if window.payMethod == "EASY_PAY" and channel.easy_pay_customer:
        needed = needed | {"id"}
    if window.payMethod == "MOBILE" and channel.mobile_product_type and window.productType is None:
        return f"productType: {provider} needs REAL or DIGITAL for carrier billing"
    return (
        _missing(channel, needed, customer)
        or _customer_id(channel, customer, needed="id" in needed)
        or window_type_refusal(channel, window.windowType, window.userAgent)
    )


def key_window_refusal(
    channel: Channel, request: KeyRequest, user_agent: str, window_type: dict[str, Any], *, with_payment: bool
) -> str | None:
    """Return why the PG's billing-key window would not open, None when it would."""
    provider, customer, issue_id = channel.pg_provider, request.customer, request.issue_id
    if request.method not in channel.billing_methods:
        return f"billingKeyMethod: {request.method} is not offered by {provider}"
    if request.method in channel.billing_only_with_payment and not with_payment:
        return f"billingKeyMethod: {provider} issues {request.method} only by requestIssueBillingKeyAndPay"
    if channel.issue_name_required and not request.issue_name:
        return f"issueName: is needed by {provider}"
    pattern = channel.issue_id_pattern
    if pattern is not None and (issue_id is None or pattern.fullmatch(issue_id) is None):
        return f"issueId: {provider} needs one like {pattern.pattern}"
    return (
        _missing(channel, channel.billing_customer, customer)
        or _customer_id(channel, customer, needed=channel.customer_id_pattern is not None)
        or window_type_refusal(channel, window_type, user_agent)
    )


def window_type_of(channel: Channel, user_agent: str) -> WindowType | None:
    """Return the only window type the PG has on this device, None when the shop may choose."""
    return channel.mobile_window if _MOBILE.search(user_agent) else channel.pc_window


def window_type_refusal(channel: Channel, asked: dict[str, Any], user_agent: str) -> str | None:
    """Return why ``windowType`` is refused on this device, None when it is left out or right."""
    only = window_type_of(channel, user_agent)
    given = asked.get("mobile" if _MOBILE.search(user_agent) else "pc")
    if only is None or given in (None, only):
        return None
    return f"windowType: {channel.pg_provider} has only {only} here"


def _missing(channel: Channel, needed: frozenset[str], customer: dict[str, Any]) -> str | None:
    lacking = sorted(name for name in needed if not customer.get(name))
    return f"customer: {channel.pg_provider} needs {', '.join(lacking)}" if lacking else None


def _customer_id(channel: Channel, customer: dict[str, Any], *, needed: bool) -> str | None:
    pattern, given = channel.customer_id_pattern, customer.get("id")
    if pattern is None or not needed or (given is not None and pattern.fullmatch(given) is not None):
        return None
    return f"customer.customerId: {channel.pg_provider} needs one like {pattern.pattern}"
