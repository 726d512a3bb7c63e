"""The one table of the SQL functions the worker calls: who calls, with which arguments, and which columns are read.

A test compares it with ``pg_proc`` and with the generated types in ``worker.db.schema`` (those hold no functions).
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Caller = Literal["worker", "user", "both"]


@dataclass(frozen=True, slots=True)
class Call:
    """One function of schema ``public``: argument names with their SQL types, what comes back, what of it is read.

    ``caller`` is who calls it here: the worker with its key, a user with a token, or both.
    ``returns`` is the type of a row, or a scalar such as ``jsonb``, of which ``reads`` names nothing.
    """

    caller: Caller
    arguments: Mapping[str, str]
    returns: str
    many: bool
    reads: tuple[str, ...]


_OPERATION = ("id", "status", "error")
_KEY = {"idempotency_key": "text"}

CALLS: Final[Mapping[str, Call]] = MappingProxyType(
    {
        "record_webhooks": Call(
            "worker", {"webhooks": "jsonb[]"}, "recorded_webhook", many=True,
            reads=("id", "status", "duplicate", "job_id"),
        ),
        "claim_jobs": Call(
            "worker", {"worker": "text", "max": "integer", "lease_seconds": "integer", "after_id": "bigint"},
            "claimed_job", many=True,
            reads=("id", "claim", "kind", "lane", "failures", "payload", "operation_id", "context"),
        ),
        "begin_attempts": Call(
            "worker", {"attempts": "jsonb[]"}, "begun_attempt", many=True,
            reads=("decision", "attempt_number", "idempotency_key", "body", "detail"),
        ),
        "settle_jobs": Call(
            "worker", {"outcomes": "jsonb[]"}, "settled_job", many=True,
            reads=("job_id", "accepted", "reason", "operation_id", "operation_ids", "operation_status", "payment_status"),
        ),
        "extend_leases": Call(
            "worker", {"leases": "jsonb[]"}, "extended_lease", many=True, reads=("job_id", "held")
        ),
        "release_jobs": Call("worker", {"jobs": "jsonb[]"}, "released_job", many=True, reads=()),
        "service_status": Call("worker", {}, "jsonb", many=False, reads=()),
        "schedule_reconciliation": Call(
            "worker", {"stores": "text[]"}, "reconciliation_tick", many=False, reads=("sweeps", "polls", "overdue", "more")
        ),
        "record_drift": Call(
            "worker", {"sightings": "jsonb[]"}, "recorded_drift", many=True, reads=("payment_id", "verdict", "job_id")
        ),
        "check_unlisted": Call(
            "worker",
            {
                "store_id": "text", "from_at": "timestamp with time zone", "until_at": "timestamp with time zone",
                "listed": "text[]", "repair": "boolean",
            },
            "text", many=True, reads=(),
        ),
        "finish_reconciliation": Call(
            "worker",
            {
                "store_id": "text", "from_at": "timestamp with time zone", "until_at": "timestamp with time zone",
                "source": "text", "seen": "integer", "different": "integer",
            },
            "int8", many=False, reads=(),
        ),
        "list_jobs": Call(
            "both",
            {"states": "text[]", "kind": "text", "payment_id": "text", "before_id": "bigint", "max": "integer"},
            "listed_job", many=True, reads=(),
        ),
        "describe_job": Call("both", {"id": "bigint"}, "jsonb", many=False, reads=()),
        "requeue_jobs": Call(
            "both", {"ids": "bigint[]", "reason": "text", "actor": "text"}, "acted_on", many=True, reads=()
        ),
        "discard_jobs": Call(
            "both", {"ids": "bigint[]", "reason": "text", "actor": "text"}, "acted_on", many=True, reads=()
        ),
        "cancel_job": Call(
            "both", {"id": "bigint", "reason": "text", "actor": "text"}, "acted_on", many=False, reads=()
        ),
        "list_webhooks": Call(
            "both",
            {
                "status": "text", "since": "timestamp with time zone", "payment_id": "text", "before_id": "bigint",
                "after_id": "bigint", "max": "integer",
            },
            "listed_webhook", many=True, reads=(),
        ),
        "read_webhook_body": Call("both", {"id": "bigint"}, "text", many=False, reads=()),
        "replay_webhooks": Call(
            "both",
            {
                "reason": "text", "ids": "bigint[]", "since": "timestamp with time zone", "failed_only": "boolean",
                "after_id": "bigint", "actor": "text",
            },
            "acted_on", many=True, reads=(),
        ),
        "close_finding": Call(
            "both", {"id": "bigint", "how": "text", "actor": "text"}, "drift_findings", many=False, reads=()
        ),
        "queue_stats": Call("worker", {}, "queue_state", many=False, reads=()),
        "run_maintenance": Call("worker", {}, "jsonb", many=False, reads=()),
        "describe_installation": Call("worker", {}, "jsonb", many=False, reads=()),
        "request_payment": Call(
            "user", {"order_id": "text", "pay_method": "text", **_KEY}, "payment_operations", many=False, reads=_OPERATION
        ),
        "request_completion": Call(
            "both", {"payment_id": "text", **_KEY}, "payment_operations", many=False, reads=_OPERATION
        ),
        "request_cancellation": Call(
            "both",
            {
                "payment_id": "text", "amount": "numeric", "reason": "text", "refund_bank": "text",
                "refund_account_number": "text", "refund_account_holder": "text", "refund_account_phone": "text",
                **_KEY, "tax_free_amount": "numeric",
            },
            "payment_operations", many=False, reads=_OPERATION,
        ),
        "stop_cancellation": Call("user", {"id": "uuid", **_KEY}, "payment_operations", many=False, reads=_OPERATION),
        "request_confirmation": Call(
            "user", {"payment_id": "text", "payment_token": "text", "tx_id": "text", **_KEY}, "payment_operations",
            many=False, reads=_OPERATION,
        ),
        "request_billing_key_issue": Call("user", {"consent": "boolean"}, "jsonb", many=False, reads=()),
        "register_billing_key": Call(
            "user", {"billing_key": "text", "issue_id": "text", **_KEY}, "payment_operations", many=False,
            reads=_OPERATION,
        ),
        "delete_billing_key": Call(
            "both", {"id": "uuid", **_KEY}, "payment_operations", many=False, reads=_OPERATION
        ),
        "request_billing_payment": Call(
            "user", {"order_id": "text", "billing_key_id": "uuid", **_KEY}, "payment_operations", many=False,
            reads=_OPERATION,
        ),
        "request_schedule": Call(
            "user",
            {"order_id": "text", "billing_key_id": "uuid", "time_to_pay": "timestamp with time zone", **_KEY},
            "payment_operations", many=False, reads=_OPERATION,
        ),
        "revoke_schedule": Call("user", {"id": "uuid", **_KEY}, "payment_operations", many=False, reads=_OPERATION),
        "request_identity_verification": Call(
            "user", {"purpose": "text", "consent": "boolean", "address_hash": "text"}, "jsonb", many=False, reads=()
        ),
        "authorize_identity_call": Call(
            "user", {"id": "uuid", "step": "text", "address_hash": "text"}, "jsonb", many=False, reads=()
        ),
        "complete_identity_verification": Call(
            "user", {"id": "uuid", **_KEY}, "payment_operations", many=False, reads=_OPERATION
        ),
        "list_sealed": Call(
            "worker", {"after": "text", "max": "integer"}, "sealed_identity", many=True, reads=("id", "key_id", "ci", "di")
        ),
        "reseal": Call("worker", {"texts": "jsonb[]"}, "resealed_text", many=True, reads=("resealed",)),
        "erase_identities": Call(
            "worker", {"before": "timestamp with time zone", "user_id": "uuid", "max": "integer"}, "int4", many=False,
            reads=(),
        ),
        "explain_payment": Call("both", {"payment_id": "text"}, "jsonb", many=False, reads=()),
        "get_operation": Call("both", {"id": "uuid"}, "payment_operations", many=False, reads=_OPERATION),
    }
)  # fmt: skip


def check_call(function: str, params: Mapping[str, object], caller: Caller) -> None:
    """Let pass what is in the table; a call that is not is a mistake in the worker: ``LookupError`` naming it."""
    call = CALLS.get(function)
    if call is None or call.caller not in (caller, "both"):
        raise LookupError(f"{function} is not a function the {caller} calls: enter it in worker.db.calls")
    if unknown := params.keys() - call.arguments.keys():
        raise LookupError(f"{function} has no argument {', '.join(sorted(unknown))}")
