"""Decides which remarks of Supabase's advisors are accepted, each with its reason. Only INFO may be."""

from __future__ import annotations

NOBODYS = "no role of the API has any grant on it; without a policy row level security shuts it a second time"

# (lint, schema.name) → why it stays. `*` stands for every object.
ACCEPTED: dict[tuple[str, str], str] = {
    ("rls_enabled_no_policy", "private.attempts"): NOBODYS,
    ("rls_enabled_no_policy", "private.clock"): NOBODYS,
    ("rls_enabled_no_policy", "private.order_settlements"): NOBODYS,
    ("rls_enabled_no_policy", "private.refund_accounts"): NOBODYS,
    ("rls_enabled_no_policy", "private.identity_calls"): NOBODYS,
    ("rls_enabled_no_policy", "private.identity_secrets"): NOBODYS,
    ("rls_enabled_no_policy", "private.payment_tokens"): NOBODYS,
    ("rls_enabled_no_policy", "private.polls"): NOBODYS,
    ("rls_enabled_no_policy", "private.retention"): NOBODYS,
    ("rls_enabled_no_policy", "private.watch_marks"): NOBODYS,
    ("rls_enabled_no_policy", "queue.dead"): NOBODYS,
    ("rls_enabled_no_policy", "queue.finished"): NOBODYS,
    ("rls_enabled_no_policy", "queue.jobs"): NOBODYS,
    ("rls_enabled_no_policy", "queue.keys"): NOBODYS,
    # Counted by use: in a database nobody has used yet every index is unused. Which query each serves stands in its
    # comment, and test_catalogue.py demands that comment.
    ("unused_index", "*"): "the database was made a moment ago; each index names its query in its comment",
}
