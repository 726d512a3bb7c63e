"""What must be true of every object of ours, read from the catalogue so that a new one cannot slip by."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.sql.shop import Caller

ROOT = Path(__file__).resolve().parents[2]
OURS = "n.nspname in ('public', 'private', 'queue')"
CLIENTS = ("public", "anon", "authenticated", "service_role")

# Who may execute what. A function that is not named here is nobody's.
FUNCTIONS = {
    "authenticated": {
        "public.request_payment",
        "public.request_completion",
        "public.request_cancellation",
        "public.stop_cancellation",
        "private.stop_cancellation",
        "public.get_operation",
        "public.read_webhook_body",
        "public.explain_payment",
        "public.set_default_billing_key",
        "public.request_billing_key_issue",
        "public.register_billing_key",
        "public.delete_billing_key",
        "public.request_billing_payment",
        "public.request_schedule",
        "public.revoke_schedule",
        "public.request_confirmation",
        "public.request_identity_verification",
        "public.authorize_identity_call",
        "public.complete_identity_verification",
        "private.request_billing_key_issue",
        "private.register_billing_key",
        "private.delete_billing_key",
        "private.request_billing_payment",
        "private.request_schedule",
        "private.revoke_schedule",
        "private.request_confirmation",
        "private.request_identity_verification",
        "private.authorize_identity_call",
        "private.complete_identity_verification",
        "private.request_payment",
        "private.request_completion",
        "private.request_cancellation",
        "private.get_operation",
        "private.read_webhook_body",
        "private.explain_payment",
        "private.set_default_billing_key",
        "public.requeue_jobs",
        "public.discard_jobs",
        "public.cancel_job",
        "public.replay_webhooks",
        "public.close_finding",
        "public.list_jobs",
        "public.describe_job",
        "public.list_webhooks",
        "private.act_on_jobs",
        "private.cancel_job",
        "private.replay_webhooks",
        "private.close_finding",
        "private.list_jobs",
        "private.list_webhooks",
        "private.describe_job",
        "private.jobs_overview",
        "private.dead_jobs",
        "private.is_operator",
        "private.is_admin",
        "private.first_visible_user",
        "private.last_visible_user",
        "private.now",
        "private.fail",
    },
    "anon": set(),
    "public": set(),
}
FUNCTIONS["service_role"] = FUNCTIONS["authenticated"] | {
    "public.record_webhooks",
    "public.claim_jobs",
    "public.begin_attempts",
    "public.extend_leases",
    "public.settle_jobs",
    "public.release_jobs",
    "public.enqueue_jobs",
    "public.record_drift",
    "public.check_unlisted",
    "public.schedule_reconciliation",
    "public.finish_reconciliation",
    "public.queue_stats",
    "public.service_status",
    "public.describe_installation",
    "public.run_maintenance",
    "public.consume_identity_verification",
    "public.erase_identities",
    "public.list_sealed",
    "public.reseal",
    "private.legacy_amounts",
}
READABLE = {
    "payments",
    "payment_cancellations",
    "payment_events",
    "payment_operations",
    "drift_findings",
    "operator_actions",
    "reconciliations",
    "orders",
    "payment_schedules",
    "payment_channels",
    "identity_verifications",
    # views: everybody may look, only operators see rows
    "payment_timeline",
    "webhook_health",
    "payments_daily",
    "refunds_open",
    "jobs_overview",
    "dead_jobs",
    "is_ledger_equal",
}
READABLE_IN_PART = {"webhook_logs", "billing_keys"}


def functions(owner: Caller) -> list[dict[str, object]]:
    """Our functions."""
    return owner.rows(
        f"""select n.nspname || '.' || p.proname as name, p.oid, p.prosecdef, p.proconfig, p.prosrc, obj_description(p.oid, 'pg_proc') as comment, pg_get_functiondef(p.oid) as definition
        from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace where {OURS} order by 1"""
    )


def test_every_table_has_row_level_security_and_a_comment(owner: Caller) -> None:
    tables = owner.rows(
        f"select n.nspname || '.' || c.relname as name, c.relrowsecurity, obj_description(c.oid, 'pg_class') as comment from pg_class as c join pg_namespace as n on n.oid = c.relnamespace where {OURS} and c.relkind in ('r', 'p')"
    )
    assert len(tables) >= 14
    assert [table["name"] for table in tables if not table["relrowsecurity"]] == []
    assert [table["name"] for table in tables if not table["comment"]] == []


def test_every_view_runs_as_whoever_asks_and_has_a_comment(owner: Caller) -> None:
    views = owner.rows(
        f"select c.relname as name, c.reloptions, obj_description(c.oid, 'pg_class') as comment from pg_class as c join pg_namespace as n on n.oid = c.relnamespace where {OURS} and c.relkind = 'v'"
    )
    assert {str(view["name"]) for view in views} <= READABLE
    assert [view["name"] for view in views if "security_invoker=on" not in (view["reloptions"] or [])] == []
    assert [view["name"] for view in views if not view["comment"]] == []


def test_every_function_has_a_comment_and_an_empty_search_path(owner: Caller) -> None:
    found = functions(owner)
    assert len(found) > 40
    assert [f["name"] for f in found if not f["comment"]] == []
    assert [f["name"] for f in found if 'search_path=""' not in (f["proconfig"] or [])] == []


def test_every_index_names_its_query(owner: Caller) -> None:
    indexes = owner.rows(f"""select c.relname from pg_class as c join pg_namespace as n on n.oid = c.relnamespace join pg_index as i on i.indexrelid = c.oid
        where {OURS} and not i.indisprimary and not exists (select from pg_constraint as k where k.conindid = c.oid) and obj_description(c.oid, 'pg_class') is null""")
    assert [index["relname"] for index in indexes] == []


def test_every_foreign_key_is_indexed(owner: Caller) -> None:
    missing = owner.rows(f"""select k.conname from pg_constraint as k join pg_namespace as n on n.oid = k.connamespace where {OURS} and k.contype = 'f'
        and not exists (select from pg_index as i where i.indrelid = k.conrelid and i.indkey[0] = k.conkey[1])""")
    assert [row["conname"] for row in missing] == []


@pytest.mark.parametrize("role", CLIENTS)
def test_functions_are_executable_by_whom_the_list_says(owner: Caller, role: str) -> None:
    may = owner.rows(
        f"""select distinct n.nspname || '.' || p.proname as name from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace
        cross join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
        where {OURS} and a.privilege_type = 'EXECUTE' and a.grantee = case when %s = 'public' then 0 else coalesce(to_regrole(%s)::oid, 0) end""",
        role,
        role,
    )
    assert {row["name"] for row in may} == FUNCTIONS[role]


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
def test_tables_are_open_to_whom_the_list_says(owner: Caller, role: str) -> None:
    grants = owner.rows(
        f"""select c.relname as name, array_agg(a.privilege_type::text order by 1) as privileges from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
        cross join lateral aclexplode(c.relacl) as a where {OURS} and c.relkind in ('r', 'p', 'v') and a.grantee in (0, to_regrole(%s)) group by 1""",
        role,
    )
    found = {row["name"]: set(row["privileges"]) for row in grants}
    expected: dict[str, set[str]] = {} if role == "anon" else {table: {"SELECT"} for table in READABLE}
    if role == "service_role":
        everything = {"SELECT", "INSERT", "UPDATE", "DELETE"}
        expected |= {"orders": everything, "payment_channels": everything, "billing_keys": {"SELECT"}}
    assert found == expected


def test_columns_that_nobody_outside_may_read(owner: Caller) -> None:
    for table, columns in {"webhook_logs": ["request_body"], "billing_keys": ["billing_key"]}.items():
        for column in columns:
            for role in ("anon", "authenticated"):
                assert not owner.row(
                    "select has_column_privilege(%s, %s, %s, 'select') as may",
                    role,
                    f"public.{table}",
                    column,
                )["may"]
    assert {"webhook_logs", "billing_keys"} == READABLE_IN_PART


def test_sequences_and_schemas_are_closed(owner: Caller) -> None:
    open_sequences = owner.rows(f"""select c.relname from pg_class as c join pg_namespace as n on n.oid = c.relnamespace cross join unnest(array['anon', 'authenticated']) as role
        where {OURS} and c.relkind = 'S' and has_sequence_privilege(role, c.oid, 'update')""")
    assert open_sequences == []
    for role in ("anon", "authenticated", "service_role"):
        assert not owner.row("select has_schema_privilege(%s, 'queue', 'usage') as may", role)["may"]
        assert not owner.row("select has_schema_privilege(%s, 'private', 'create') as may", role)["may"]


def test_what_clients_call_is_an_invoker_function(owner: Caller) -> None:
    for function in functions(owner):
        name = str(function["name"])
        if name.startswith("public.") and name in FUNCTIONS["authenticated"]:
            assert not function["prosecdef"], f"{name} runs as the caller and passes on to private"


def test_functions_refuse_only_through_private_fail(owner: Caller) -> None:
    raisers = [
        f["name"]
        for f in functions(owner)
        if re.search(r"\braise\s+(exception|sqlstate|'|\w+_\w+)", str(f["prosrc"]))
        or "errcode" in str(f["prosrc"])
    ]
    assert raisers == ["private.fail"]
    codes = {
        match for f in functions(owner) for match in re.findall(r"private\.fail\('(\d+)'", str(f["prosrc"]))
    }
    assert codes <= {"400", "403", "404", "409", "422", "429", "503"}


def error_codes(owner: Caller) -> set[str]:
    """Every code the functions can refuse with."""
    return {
        match
        for f in functions(owner)
        for match in re.findall(r"private\.fail\('\d+', '([A-Z_]+)'", str(f["prosrc"]))
    }


def test_the_closed_list_of_error_codes_is_the_documented_one(owner: Caller) -> None:
    listed = set(
        re.findall(r"^\| `([A-Z_]+)` \| \d{3} \|", (ROOT / "docs" / "database.md").read_text(), re.MULTILINE)
    )
    assert error_codes(owner) == listed


def test_every_error_code_is_provoked_by_a_test(owner: Caller) -> None:
    tests = "\n".join(
        path.read_text()
        for path in (ROOT / "tests" / "sql").glob("test_*.py")
        if path.name != "test_catalogue.py"
    )
    assert [code for code in sorted(error_codes(owner)) if f'"{code}"' not in tests] == []


def test_clients_codes_stand_in_the_comment_of_the_function_they_call(owner: Caller) -> None:
    for function in functions(owner):
        name = str(function["name"])
        twin = [f for f in functions(owner) if f["name"] == name.replace("public.", "private.")]
        if name.startswith("public.") and name in FUNCTIONS["authenticated"] and twin:
            for code in re.findall(r"private\.fail\('\d+', '([A-Z_]+)'", str(twin[0]["prosrc"])):
                assert code in str(function["comment"]), f"{name} can refuse with {code}"


def test_time_comes_from_one_clock(owner: Caller) -> None:
    other_clocks = re.compile(
        r"(?<![\w.])(now\(\)|clock_timestamp\(\)|current_timestamp|statement_timestamp\(\))"
    )
    assert [
        f["name"]
        for f in functions(owner)
        if f["name"] != "private.now" and other_clocks.search(str(f["prosrc"]))
    ] == []
