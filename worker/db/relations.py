"""The tables and views of schema ``public`` that are ours; a test compares it with the generated types."""

from __future__ import annotations

from typing import Final

OUR_RELATIONS: Final = frozenset(
    {
        "billing_keys", "dead_jobs", "drift_findings", "identity_verifications", "is_ledger_equal", "jobs_overview", "operator_actions",
        "orders", "payment_cancellations", "payment_channels", "payment_events", "payment_operations",
        "payment_schedules", "payment_timeline", "payments", "payments_daily", "reconciliations", "refunds_open", "webhook_health", "webhook_logs",
    }
)  # fmt: skip
