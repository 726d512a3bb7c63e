"""Decides what the simulator does wherever PortOne's documents are silent or unproven.

Every default carries the label of its source, so that a finding on the live service changes one line:

* ``documented`` - PortOne's developer documents or OpenAPI state it;
* ``observed``   - seen in captured live traffic or by running the official SDK;
* ``inferred``   - follows from documented facts, never stated;
* ``assumed``    - no source; a choice.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final, Literal, get_args, get_type_hints

Label = Literal["documented", "observed", "inferred", "assumed"]


@dataclass(slots=True)
class Assumptions:
    """Live values of all undocumented points; the control API changes them in place."""

    # Idempotency
    idempotency_hours: float = 3.0
    idempotency_key_min: int = 16
    idempotency_key_max: int = 256
    unquoted_idempotency_key: Literal["reject", "accept"] = "reject"
    idempotency_key_reuse: Literal["reject_400", "reject_422", "replay"] = "reject_400"
    # Pre-registration and window
    repeated_pre_register: Literal["last_wins_until_window", "last_wins"] = "last_wins_until_window"
    window_needs_pre_registration: bool = False
    window_mismatch_code: str = "AmountNotEqualToPredefined"
    max_attempts: int = 10
    channel_on_ready: bool = False
    # Foreign store
    foreign_store_on_get: Literal["not_found", "forbidden"] = "not_found"
    # Cancellation
    max_cancel_count: int = 100
    pending_cancellation_reduces_cancellable: bool = True
    cancellable_base: Literal["total", "total_minus_discount"] = "total"
    full_cancel_derives_tax_free: bool = False
    missing_refund_account: Literal["invalid_request", "pg_provider"] = "invalid_request"
    cancel_deadlines: Literal["enforced", "ignored"] = "enforced"
    refund_status_after_cancel: Literal["PENDING", "COMPLETED"] = "PENDING"
    webhook_on_virtual_account_close: bool = False
    virtual_account_expiry: Literal["stays", "failed"] = "stays"
    # API payments, schedules, confirm process
    instant_card: Literal["forbidden", "allow"] = "forbidden"
    schedule_in_the_past: Literal["reject", "run"] = "reject"
    confirm_timeout_seconds: float = 10.0
    approval_minutes: float = 15.0
    # Identity verification
    identity_per_hour: int = 30
    identity_per_day: int = 200
    max_wrong_otps: int = 5
    # Webhooks
    webhook_waits_minutes: tuple[float, ...] = (0, 1, 4, 16, 64, 256)
    webhook_retry_jitter: Literal["none", "full"] = "none"
    webhook_success: Literal["2xx", "exactly_200"] = "2xx"
    webhook_timeout_seconds: float = 30.0
    webhook_timestamp_clock: Literal["wall", "simulated"] = "wall"
    webhook_id_is_delivery_id: bool = True
    manual_resend_limit: int = 10
    # Lists
    cursor_order: Literal["ascending"] = "ascending"
    list_sort_by: Literal["REQUESTED_AT", "STATUS_CHANGED_AT"] = "REQUESTED_AT"
    list_sort_order: Literal["DESC", "ASC"] = "DESC"
    list_lag_seconds: float = 0.0
    total_count: Literal["all_matches"] = "all_matches"
    # Tolerance
    unknown_fields: bool = False

    def update(self, changes: dict[str, object]) -> None:
        """Set several values by name.

        Raises ValueError naming the field and the fix when a name or a value is not allowed; then nothing changes.
        """
        checked = {name: _checked(name, value) for name, value in changes.items()}
        for name, value in checked.items():
            setattr(self, name, value)

    def values(self) -> dict[str, object]:
        """Return ``{name: value}``."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def as_dict(self) -> dict[str, dict[str, object]]:
        """Return ``{name: {value, source, note}}`` for people and for ``GET /_sim/assumptions``."""
        return {
            field.name: {
                "value": getattr(self, field.name),
                "source": SOURCES[field.name][0],
                "note": SOURCES[field.name][1],
            }
            for field in fields(self)
        }


def _checked(name: str, value: object) -> object:
    hints = get_type_hints(Assumptions)
    if name not in hints:
        raise ValueError(f"{name}: no such assumption; GET /_sim/assumptions lists them")
    hint = hints[name]
    choices = get_args(hint)
    if choices and choices[-1] is not Ellipsis:
        if value not in choices:
            raise ValueError(f"{name}: must be one of {', '.join(map(str, choices))}")
        return value
    if name == "webhook_waits_minutes":
        if (
            not isinstance(value, list | tuple)
            or not value
            or any(not _is_number(wait) or wait < 0 for wait in value)
        ):
            raise ValueError(f"{name}: must be a non-empty list of minutes, each 0 or more")
        return tuple(value)
    if hint is bool and not isinstance(value, bool):
        raise ValueError(f"{name}: must be true or false")
    if hint is str and not isinstance(value, str):
        raise ValueError(f"{name}: must be text")
    if hint in (int, float) and (not _is_number(value) or float(str(value)) < 0):
        raise ValueError(f"{name}: must be a number, 0 or more")
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


SOURCES: Final[dict[str, tuple[Label, str]]] = {
    "idempotency_hours": ("documented", "a key protects for 3 hours; PortOne may change it"),
    "idempotency_key_min": ("documented", "16 to 256 ASCII characters; the quotes are not counted (assumed)"),
    "idempotency_key_max": ("documented", "16 to 256 ASCII characters; the quotes are not counted (assumed)"),
    "unquoted_idempotency_key": (
        "assumed",
        "documented as an RFC 8941 string; older documents showed it bare",
    ),
    "idempotency_key_reuse": (
        "assumed",
        "same key on another request is forbidden, the answer is not documented",
    ),
    "repeated_pre_register": ("assumed", "a second pre-registration overwrites until a window was opened"),
    "window_needs_pre_registration": ("documented", "pre-registration is optional"),
    "window_mismatch_code": (
        "inferred",
        "variant name of the browser SDK's error schema; wire spelling unknown",
    ),
    "max_attempts": ("assumed", "a cap exists (MAX_TRANSACTION_COUNT_REACHED), its number is not documented"),
    "channel_on_ready": ("assumed", "channel is optional on READY; leaving it out breaks careless readers"),
    "foreign_store_on_get": (
        "observed",
        "GET of another store's payment answered 404; other calls: 403 assumed",
    ),
    "max_cancel_count": ("assumed", "MAX_CANCEL_COUNT_REACHED exists, the limit is not documented"),
    "pending_cancellation_reduces_cancellable": ("assumed", "balance = total - cancelled - sum of REQUESTED"),
    "cancellable_base": (
        "assumed",
        "whether a discount (points, coupons) lowers what can be cancelled is not said",
    ),
    "full_cancel_derives_tax_free": (
        "documented",
        "taxFreeAmount omitted = everything is taxable, also when full",
    ),
    "missing_refund_account": (
        "assumed",
        "virtual-account refund without refundAccount: 400 or 502, unknown which",
    ),
    "cancel_deadlines": (
        "documented",
        "by method and PG (help centre); how the PG words it is assumed",
    ),
    "refund_status_after_cancel": (
        "inferred",
        "the bank transfer takes 1-2 business days after the cancellation",
    ),
    "webhook_on_virtual_account_close": ("assumed", "no type announces it; silence breaks careless readers"),
    "virtual_account_expiry": (
        "assumed",
        "status after the account ran out; staying breaks careless readers",
    ),
    "instant_card": ("assumed", "card numbers by API need a contract; without it 403 FORBIDDEN"),
    "schedule_in_the_past": ("assumed", "timeToPay in the past: 400, or executed at once"),
    "confirm_timeout_seconds": ("documented", "10 seconds in older documents"),
    "approval_minutes": (
        "assumed",
        "a manual approval has to come at once, PG timeouts differ; too late = PG_PROVIDER and FAILED",
    ),
    "identity_per_hour": ("documented", "Danal error 0086: 30 attempts an hour and address"),
    "identity_per_day": ("documented", "Danal error 0086: 200 attempts in 24 hours and address"),
    "max_wrong_otps": ("assumed", "wrong OTP: 502 PG_PROVIDER, READY until this many, then FAILED"),
    "webhook_waits_minutes": ("documented", "waits between the six attempts: 0, 1, 4, 16, 64, 256 minutes"),
    "webhook_retry_jitter": (
        "documented",
        "PortOne adds jitter; off by default here so that tests are exact",
    ),
    "webhook_success": ("assumed", "which replies count as success is not documented"),
    "webhook_timeout_seconds": ("documented", "connect and read timeout 30 seconds each"),
    "webhook_timestamp_clock": ("inferred", "re-sends carry a fresh timestamp; receivers live in real time"),
    "webhook_id_is_delivery_id": (
        "assumed",
        "webhook-id header equals payment.webhooks[].id and survives re-sends",
    ),
    "manual_resend_limit": (
        "assumed",
        "MAX_WEBHOOK_RETRY_COUNT_REACHED exists, its number is not documented",
    ),
    "cursor_order": ("assumed", "cursor lists are ordered by creation, oldest first"),
    "list_sort_by": ("assumed", "GET /payments without sortBy; the document names no default"),
    "list_sort_order": ("assumed", "GET /payments without sortOrder; the document names no default"),
    "list_lag_seconds": (
        "inferred",
        "lists may lag behind single reads (event-sourced); off so that tests are exact",
    ),
    "total_count": ("assumed", "page.totalCount counts all matches, not only this page"),
    "unknown_fields": ("documented", "new fields may appear at any time; on = every payment carries one"),
}
