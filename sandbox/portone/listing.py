"""Decides which payments a list shows, in which order, and what a cursor is.

OpenAPI: getPayments, getAllPaymentsByCursor, getAllPaymentEventsByCursor. Default window: the 90 days before ``until``.
"""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Any, Final

from .clock import SECOND, parse
from .errors import invalid_request
from .pages import listed_until
from .views import payment_body

if TYPE_CHECKING:
    from .inputs import CursorInput, FilterInput, ListInput
    from .model import Payment
    from .payments import Ledger

_DEFAULT_WINDOW: Final = 90 * 24 * 3_600 * SECOND
_MOST_ROWS: Final = 60_000


def page_of_payments(ledger: Ledger, query: ListInput) -> dict[str, Any]:
    """Return ``{items, page}``; raises INVALID_REQUEST beyond 60,000 rows (OpenAPI: getPayments)."""
    number, size = query.page.number, query.page.size
    if (number + 1) * size > _MOST_ROWS:
        raise invalid_request(f"page: (number + 1) * size must be at most {_MOST_ROWS}")
    since, until = _window(ledger, query.filter.from_, query.filter.until)
    known = listed_until(ledger.clock.now(), ledger.rules)
    matches = [
        payment
        for payment in ledger.in_order
        if since <= _time(payment, query.filter.timestampType) <= until
        and _created(payment) <= known
        and _matches(payment, query.filter)
    ]
    by = query.filter.sortBy or ledger.rules.list_sort_by
    newest_first = (query.filter.sortOrder or ledger.rules.list_sort_order) == "DESC"
    matches.sort(key=lambda payment: (_time(payment, by), payment.number), reverse=newest_first)
    shown = matches[number * size : (number + 1) * size]
    return {
        "items": [payment_body(payment, ledger.rules) for payment in shown],
        "page": {"number": number, "size": size, "totalCount": len(matches)},
    }


def payments_by_cursor(ledger: Ledger, query: CursorInput) -> dict[str, Any]:
    """Return ``{items: [{payment, cursor}]}`` by creation, oldest first (assumed)."""
    since, until = _window(ledger, query.from_, query.until)
    until = min(until, listed_until(ledger.clock.now(), ledger.rules))
    start = max(bisect_left(ledger.in_order, since, key=_created), _after(query.cursor))
    end = bisect_right(ledger.in_order, until, key=_created)
    rows = ledger.in_order[start : min(end, start + query.size)]
    return {
        "items": [{"payment": payment_body(row, ledger.rules), "cursor": _cursor(row.number)} for row in rows]
    }


def events_by_cursor(ledger: Ledger, query: CursorInput) -> dict[str, Any]:
    """Return ``{items: [{paymentEvent, cursor}]}`` by time of the event, oldest first (assumed)."""
    since, until = _window(ledger, query.from_, query.until)
    until = min(until, listed_until(ledger.clock.now(), ledger.rules))
    start = max(bisect_left(ledger.events, since, key=lambda event: event.created_at), _after(query.cursor))
    end = bisect_right(ledger.events, until, key=lambda event: event.created_at)
    rows = ledger.events[start : min(end, start + query.size)]
    return {"items": [{"paymentEvent": row.body, "cursor": _cursor(row.number)} for row in rows]}


def _window(ledger: Ledger, since_text: str | None, until_text: str | None) -> tuple[int, int]:
    until = ledger.clock.now() if until_text is None else _moment("until", until_text)
    since = until - _DEFAULT_WINDOW if since_text is None else _moment("from", since_text)
    return since, until


def _moment(name: str, text: str) -> int:
    try:
        return parse(text)
    except ValueError as failure:
        raise invalid_request(f"{name}: {failure}") from failure


def _created(payment: Payment) -> int:
    return payment.attempts[0].requested_at


def _time(payment: Payment, kind: str) -> int:
    return payment.shown.status_changed_at if kind == "STATUS_CHANGED_AT" else _created(payment)


def _cursor(number: int) -> str:
    return base64.urlsafe_b64encode(f"row:{number}".encode()).decode()


def _after(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        word, _, number = base64.urlsafe_b64decode(cursor).decode().partition(":")
        if word == "row":
            return int(number) + 1
    except (binascii.Error, ValueError):
        pass
    raise invalid_request("cursor: is not one this API handed out")


def _matches(payment: Payment, wanted: FilterInput) -> bool:
    attempt = payment.shown
    # The filter says PENDING where the payment says PAY_PENDING (OpenAPI: PaymentStatus).
    status = "PENDING" if attempt.status == "PAY_PENDING" else attempt.status
    return (
        (wanted.status is None or status in wanted.status)
        and (wanted.merchantId is None or wanted.merchantId == payment.merchant_id)
        and (wanted.methods is None or attempt.method_type in wanted.methods)
        and (wanted.pgProvider is None or attempt.channel.pg_provider in wanted.pgProvider)
        and (wanted.isTest is None or wanted.isTest == (attempt.channel.type == "TEST"))
        and (wanted.isScheduled is None or wanted.isScheduled == (attempt.order.schedule_id is not None))
        and wanted.version in (None, "V2")
        and (wanted.currency is None or wanted.currency == attempt.order.currency)
        and (wanted.webhookStatus is None or _last_outcome(payment) == wanted.webhookStatus)
        and all(_contains(payment, search.field, search.value) for search in wanted.textSearch or ())
    )


def _last_outcome(payment: Payment) -> str | None:
    return payment.messages[-1].outcome if payment.messages else None


def _contains(payment: Payment, field: str, value: str) -> bool:
    attempt = payment.shown
    texts = {
        "PAYMENT_ID": payment.id,
        "TX_ID": attempt.transaction_id,
        "ORDER_NAME": attempt.order.name,
        "PG_TX_ID": attempt.pg_tx_id or "",
        "CUSTOMER_NAME": attempt.order.customer.get("name", ""),
        "CUSTOMER_EMAIL": attempt.order.customer.get("email", ""),
        "CUSTOMER_PHONE_NUMBER": attempt.order.customer.get("phoneNumber", ""),
    }
    searched = texts.values() if field == "ALL" else [texts.get(field, "")]
    return any(value in text for text in searched)
