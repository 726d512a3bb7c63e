"""Decides who may call which public function, and what each role gets when it does: the list the access tests go through.

A new function fails the tests until somebody has decided about it here.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Call:
    """A public function called with real arguments: what each role gets."""

    function: str
    arguments: dict[str, object]
    """Values by name; a text like `$payment_id` is filled in from the world."""
    outcome: dict[str, str] = field(default_factory=dict)
    """Per role: `ok`, an error code of ours, or `42501`; `*` is everybody else."""

    def expected(self, role: str) -> str:
        """What this role gets."""
        return self.outcome.get(role, self.outcome.get("*", "42501"))


_NOT_ANON = {"anon": "42501"}
_CUSTOMERS_404 = {"owner": "ok", "admin": "ok", "service_role": "ok"}

CALLS = (
    # app clients
    Call(
        "request_payment",
        {"order_id": "$order_id", "pay_method": "CARD"},
        _NOT_ANON | {"owner": "ok", "service_role": "ok", "*": "ORDER_NOT_FOUND"},
    ),
    Call(
        "request_completion",
        {"payment_id": "$payment_id"},
        _NOT_ANON | _CUSTOMERS_404 | {"other": "PAYMENT_NOT_FOUND"},
    ),
    Call(
        "request_cancellation",
        {"payment_id": "$payment_id", "amount": 1, "reason": "r"},
        _NOT_ANON
        | {"owner": "CANCEL_NOT_ALLOWED", "other": "PAYMENT_NOT_FOUND", "admin": "ok", "service_role": "ok"},
    ),
    Call(
        "get_operation",
        {"id": "$operation_id"},
        _NOT_ANON | _CUSTOMERS_404 | {"other": "OPERATION_NOT_FOUND"},
    ),
    Call(
        "set_default_billing_key",
        {"id": "$billing_key_id"},
        _NOT_ANON | _CUSTOMERS_404 | {"other": "BILLING_KEY_NOT_FOUND"},
    ),
    Call(
        "read_webhook_body",
        {"id": "$webhook_id"},
        _NOT_ANON | {"admin": "ok", "service_role": "ok", "*": "ADMIN_REQUIRED"},
    ),
    Call(
        "explain_payment",
        {"payment_id": "$payment_id"},
        _NOT_ANON | {"admin": "ok", "service_role": "ok", "*": "ADMIN_REQUIRED"},
    ),
    Call(
        "request_confirmation",
        {"payment_id": "$payment_id", "payment_token": "t"},
        _NOT_ANON | {"other": "PAYMENT_NOT_FOUND", "*": "PAYMENT_NOT_CONFIRMABLE"},
    ),
    Call(
        "request_billing_key_issue",
        {"consent": True},
        _NOT_ANON | {"service_role": "SIGN_IN_REQUIRED", "*": "ok"},
    ),
    Call(
        "register_billing_key",
        {"billing_key": "key", "issue_id": "$issue_id"},
        _NOT_ANON | {"owner": "ok", "service_role": "ok", "*": "ISSUE_NOT_FOUND"},
    ),
    Call(
        "request_billing_payment",
        {"order_id": "$order_id", "billing_key_id": "$billing_key_id"},
        _NOT_ANON
        | {
            "owner": "ORDER_HAS_OPEN_PAYMENT",
            "service_role": "ORDER_HAS_OPEN_PAYMENT",
            "*": "ORDER_NOT_FOUND",
        },
    ),
    Call(
        "request_schedule",
        {"order_id": "$order_id", "billing_key_id": "$billing_key_id", "time_to_pay": "$next_year"},
        _NOT_ANON
        | {
            "owner": "ORDER_HAS_OPEN_PAYMENT",
            "service_role": "ORDER_HAS_OPEN_PAYMENT",
            "*": "ORDER_NOT_FOUND",
        },
    ),
    Call(
        "revoke_schedule",
        {"id": "$schedule_id"},
        _NOT_ANON | _CUSTOMERS_404 | {"other": "SCHEDULE_NOT_FOUND"},
    ),
    Call(
        "stop_cancellation",
        {"id": "$open_refund_id"},
        _NOT_ANON
        | {"owner": "CANCEL_NOT_ALLOWED", "other": "CANCELLATION_NOT_FOUND", "*": "CANCELLATION_NOT_PENDING"},
    ),
    Call(
        "delete_billing_key",
        {"id": "$billing_key_id"},
        _NOT_ANON | _CUSTOMERS_404 | {"other": "BILLING_KEY_NOT_FOUND"},
    ),
    Call(
        "request_identity_verification",
        {"purpose": "signup", "consent": True},
        _NOT_ANON | {"service_role": "SIGN_IN_REQUIRED", "*": "ok"},
    ),
    Call(
        "authorize_identity_call",
        {"id": "$identity_id", "step": "send"},
        _NOT_ANON | {"owner": "ok", "*": "IDENTITY_VERIFICATION_NOT_FOUND"},
    ),
    Call(
        "complete_identity_verification",
        {"id": "$identity_id"},
        _NOT_ANON | {"owner": "ok", "*": "IDENTITY_VERIFICATION_NOT_FOUND"},
    ),
    # admins
    Call(
        "requeue_jobs",
        {"ids": "{$dead_job_id}", "reason": "r"},
        _NOT_ANON | {"admin": "ok", "service_role": "ok", "*": "ADMIN_REQUIRED"},
    ),
    Call(
        "discard_jobs",
        {"ids": "{$dead_job_id}", "reason": "r"},
        _NOT_ANON | {"admin": "ok", "service_role": "ok", "*": "ADMIN_REQUIRED"},
    ),
    Call(
        "cancel_job",
        {"id": "$ready_job_id", "reason": "r"},
        _NOT_ANON | {"admin": "ok", "service_role": "ok", "*": "ADMIN_REQUIRED"},
    ),
    Call(
        "replay_webhooks",
        {"ids": "{$webhook_id}", "reason": "r"},
        _NOT_ANON | {"admin": "ok", "service_role": "ok", "*": "ADMIN_REQUIRED"},
    ),
    Call(
        "close_finding",
        {"id": "$finding_id", "how": "r"},
        _NOT_ANON | {"admin": "ok", "service_role": "ok", "*": "ADMIN_REQUIRED"},
    ),
    Call("list_jobs", {}, _NOT_ANON | {"admin": "ok", "service_role": "ok", "*": "ADMIN_REQUIRED"}),
    Call(
        "describe_job",
        {"id": "$dead_job_id"},
        _NOT_ANON | {"admin": "ok", "service_role": "ok", "*": "ADMIN_REQUIRED"},
    ),
    Call("list_webhooks", {}, _NOT_ANON | {"admin": "ok", "service_role": "ok", "*": "ADMIN_REQUIRED"}),
    # the shop's server
    Call(
        "consume_identity_verification",
        {"id": "$identity_id", "user_id": "$owner", "purpose": "signup"},
        {"service_role": "IDENTITY_NOT_USABLE"},
    ),
    Call("erase_identities", {"before": "2000-01-01T00:00:00Z"}, {"service_role": "ok"}),
    Call("list_sealed", {}, {"service_role": "ok"}),
    Call("reseal", {"texts": []}, {"service_role": "ok"}),
    # the worker
    Call("record_webhooks", {"webhooks": []}, {"service_role": "ok"}),
    Call("claim_jobs", {"worker": "w", "max": 1, "lease_seconds": 1}, {"service_role": "ok"}),
    Call("begin_attempts", {"attempts": []}, {"service_role": "ok"}),
    Call("extend_leases", {"leases": []}, {"service_role": "ok"}),
    Call("settle_jobs", {"outcomes": []}, {"service_role": "ok"}),
    Call("release_jobs", {"jobs": []}, {"service_role": "ok"}),
    Call("enqueue_jobs", {"jobs": []}, {"service_role": "ok"}),
    Call("record_drift", {"sightings": []}, {"service_role": "ok"}),
    Call(
        "check_unlisted",
        {
            "store_id": "store-1",
            "from_at": "2026-01-01T00:00:00Z",
            "until_at": "2026-01-02T00:00:00Z",
            "listed": "{}",
        },
        {"service_role": "ok"},
    ),
    Call("schedule_reconciliation", {"stores": "{}"}, {"service_role": "ok"}),
    Call(
        "finish_reconciliation",
        {
            "store_id": "store-1",
            "from_at": "2026-01-01T00:00:00Z",
            "until_at": "2026-01-02T00:00:00Z",
            "source": "payments",
            "seen": 0,
            "different": 0,
        },
        {"service_role": "ok"},
    ),
    Call("queue_stats", {}, {"service_role": "ok"}),
    Call("service_status", {}, {"service_role": "ok"}),
    Call("describe_installation", {}, {"service_role": "ok"}),
    Call("run_maintenance", {}, {"service_role": "ok"}),
)
