"""Decides who may do what to every table and view, and who may execute what is in `private`.

The access tests hold the catalogue to this list and to `tests.access.calls`: a new table, view, column or function fails
them until somebody has decided about it.
"""

from __future__ import annotations

from dataclasses import dataclass

ROLES = ("anon", "owner", "other", "admin", "service_role")
CLIENTS = ("owner", "other", "admin")


@dataclass(frozen=True, slots=True)
class Relation:
    """Who reads which rows and columns of a table or view, and who writes what."""

    columns: str
    """What whoever may read may read, in any order."""
    hidden: str = ""
    """Columns that exist and no app client reads, whatever their role."""
    key: str = "id"
    """What tells rows apart in the comparisons."""
    own: str = "false"
    """Which rows are the owner's: SQL over the relation, `%(owner)s` is the owner's id."""
    service_reads: str | None = None
    """What the service role reads where it differs from `columns`."""
    readers: tuple[str, ...] = ("owner", "other", "admin", "service_role")
    """Who may ask at all; everybody else is refused with 42501."""
    updates: str = ""
    """Columns an app client may update in its own rows."""
    service_inserts: str = ""
    """Columns the service role may insert, where it may not write everything."""
    service_updates: str = ""
    """Columns the service role may update, where it may not write everything."""
    service_writes: bool = False
    """Whether the service role inserts, updates and deletes."""

    def sees(self, role: str) -> str:
        """`refused`, `own`, `all` or `nothing`."""
        if role not in self.readers:
            return "refused"
        return {"owner": "own", "other": "nothing"}.get(role, "all")


_OF_PAYMENT = (
    "payment_id in (select payments.payment_id from public.payments where payments.user_id = %(owner)s)"
)

_FROM_BEFORE_V2 = (
    "order_id payment_id provider_transaction_id order_name amount currency status pay_method"
    " total_cancel_amount paid_at cancelled_at updated_at"
)

RELATIONS: dict[str, Relation] = {
    "public.orders": Relation(
        "id user_id order_name total_amount tax_free_amount currency status created_at updated_at",
        own="user_id = %(owner)s",
        service_writes=True,
    ),
    "public.payments": Relation(
        "id user_id order_id payment_id provider_transaction_id order_name amount currency pay_method"
        " total_cancel_amount paid_at cancelled_at created_at updated_at cancelled_amount cancellable_amount"
        " paid_amount reserved_amount tax_free_amount discrepancies origin status portone_status"
        " portone_pay_method status_changed_at portone_updated_at portone_store_id portone_cancelled snapshot_digest"
        " detail_updated_at detail_digest store_id channel_key channel_kind pg_provider pg_tx_id receipt_url"
        " failure failed_at virtual_account_bank virtual_account_number virtual_account_holder"
        " virtual_account_expires_at refund_status disputes is_live",
        own="user_id = %(owner)s and status <> 'preparing'",
        # For one release, a server from before V2; a trigger keeps it to the payments from before V2.
        service_inserts=f"id user_id created_at {_FROM_BEFORE_V2}",
        service_updates=_FROM_BEFORE_V2,
    ),
    "public.payment_cancellations": Relation(
        "id number payment_id operation_id requester amount held_amount tax_free_amount vat_amount reason"
        " refund_bank refund_account_masked cancellation_id pg_cancellation_id portone_status trigger status"
        " failure sent_at requested_at cancelled_at receipt_url created_at updated_at",
        own=_OF_PAYMENT,
    ),
    "public.payment_events": Relation(
        "payment_id sequence event_type from_status to_status snapshot source created_at",
        key="payment_id, sequence",
        own=_OF_PAYMENT + " and to_status <> 'preparing'",
    ),
    "public.payment_operations": Relation(
        "id kind status payment_id order_id requested_by requester_scope idempotency_key request_hash job_id"
        " result error created_at finished_at",
        own="requested_by = %(owner)s",
    ),
    "public.webhook_logs": Relation(
        "id webhook_id webhook_type status provider_transaction_id payment_id subject_kind subject_id job_id"
        " duplicate_of skip_reason secret_index request_headers response_status response_body error attempts"
        " event_at created_at processed_at",
        hidden="request_body",
    ),
    "public.billing_keys": Relation(
        "id user_id issue_id channel_key pg_provider card_issuer card_brand card_type card_number_masked"
        " card_expiry_month card_expiry_year nickname is_default is_active issued_at deleted_at created_at"
        " updated_at pay_method consented_at",
        hidden="billing_key store_id channel_kind",
        own="user_id = %(owner)s",
        service_reads="billing_key store_id channel_kind",
        updates="nickname is_active",
    ),
    "public.payment_schedules": Relation(
        "id payment_id order_id user_id billing_key_id schedule_id time_to_pay status failure completed_at"
        " revoked_at created_at updated_at",
        own="user_id = %(owner)s",
    ),
    "public.identity_verifications": Relation(
        "id identity_verification_id user_id purpose status consented_at expires_at store_id channel_key"
        " channel_kind pg_provider name phone_number operator birth_date gender is_foreigner failure sent_at"
        " verified_at consumed_at erased_at created_at updated_at",
        own="user_id = %(owner)s",
    ),
    "public.payment_channels": Relation(
        "id store_id channel_key channel_kind purpose pay_methods pg_provider is_active priority",
        service_writes=True,
    ),
    "public.drift_findings": Relation(
        "id kind subject detail seen first_seen_at last_seen_at closed_at closed_how"
    ),
    "public.operator_actions": Relation("id action subject payment_id actor reason detail created_at"),
    "public.reconciliations": Relation("id store_id kind from_at until_at source seen different finished_at"),
    # Views: the rows of whoever operates; an owner finds them empty.
    "public.payment_timeline": Relation("payment_id at source what detail", key="payment_id, source, what"),
    "public.webhook_health": Relation(
        "day received processed failed skipped waiting lag_p50_seconds lag_p95_seconds lag_max_seconds",
        key="day, received",
    ),
    "public.payments_daily": Relation(
        "day currency payments paid_amount refunds refunded_amount failed", key="day, currency"
    ),
    "public.refunds_open": Relation(
        "id payment_id order_id status amount held_amount currency requester reason cancellation_id created_at"
        " sent_at age_seconds needs_a_person"
    ),
    "public.jobs_overview": Relation(
        "kind state jobs oldest_seconds most_failures next_run_at", key="kind, state, jobs"
    ),
    "public.dead_jobs": Relation(
        "id kind reason error failures payment_id operation_id payload created_at died_at"
    ),
    "public.is_ledger_equal": Relation("equal open_findings by_kind as_of", key="equal, open_findings"),
    # Nobody's: reached through functions only.
    "private.polls": Relation("", "payment_id polls next_at", key="payment_id", readers=()),
    "private.watch_marks": Relation("", "name at", key="name", readers=()),
    "private.attempts": Relation(
        "",
        "operation_id number payment_id job_id claim idempotency_key body sent_at last_sent_at outcome error"
        " absent_since decided_at",
        key="operation_id",
        readers=(),
    ),
    "private.payment_tokens": Relation(
        "", "operation_id payment_token tx_id", key="operation_id", readers=()
    ),
    "private.identity_secrets": Relation(
        "",
        "identity_id user_id pg_merchant_id key_id ci di ci_hash di_hash created_at",
        key="identity_id",
        readers=(),
    ),
    "private.identity_calls": Relation("", "id user_id address_hash step called_at", readers=()),
    "private.retention": Relation(
        "",
        "only_row finished_jobs idempotency_keys webhook_bodies bodies_erased_until",
        key="only_row",
        readers=(),
    ),
    "private.clock": Relation("", "only_row clock_offset", key="only_row", readers=()),
    "private.order_settlements": Relation("", "order_id payment_id settled_at", key="order_id", readers=()),
    "private.refund_accounts": Relation(
        "", "cancellation bank number holder_name holder_phone_number", key="cancellation", readers=()
    ),
    "queue.jobs": Relation(
        "",
        "id kind lane priority state run_at claim failures max_failures give_up_at lease_until worker"
        " operation_id payload last_error created_at",
        readers=(),
    ),
    "queue.finished": Relation(
        "", "id kind lane claim outcome operation_id payload error created_at finished_at", readers=()
    ),
    "queue.dead": Relation(
        "",
        "id kind lane claim reason failures operation_id payload error created_at died_at resolved_at",
        readers=(),
    ),
    "queue.keys": Relation(
        "", "idempotency_key job_id request_hash created_at", key="idempotency_key", readers=()
    ),
}


# Functions in `private` that signed-in users and the service role may execute: what the public ones pass on to
# (each asks private.caller() first), and helpers that tell nothing.
PRIVATE_FOR_CLIENTS = {
    "stop_cancellation",
    "request_payment",
    "request_completion",
    "request_cancellation",
    "get_operation",
    "read_webhook_body",
    "explain_payment",
    "set_default_billing_key",
    "request_confirmation",
    "request_billing_key_issue",
    "register_billing_key",
    "delete_billing_key",
    "request_billing_payment",
    "request_schedule",
    "revoke_schedule",
    "request_identity_verification",
    "authorize_identity_call",
    "complete_identity_verification",
    "jobs_overview",
    "dead_jobs",
    "act_on_jobs",
    "cancel_job",
    "replay_webhooks",
    "close_finding",
    "list_jobs",
    "list_webhooks",
    "describe_job",
    "is_operator",
    "is_admin",
    "first_visible_user",
    "last_visible_user",
    "now",
    "fail",
}
PRIVATE_FOR_SERVICE = {"legacy_amounts"}
