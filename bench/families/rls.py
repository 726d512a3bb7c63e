"""What row level security costs: a user's own pages out of a million payments, against the service role's explicit filter.

Twice: as a client gets a page, and the bare statement. PostgREST runs every request as a transaction of its own that first sets the
role and the claims, and answers with JSON made in the database, its statements prepared; both sides pay for that. The bare statement
is the stricter comparison: nothing on either side but the rows.
"""

from __future__ import annotations

import json
import os
import re
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from bench import fill
from bench.rows import Row
from bench.stats import p50

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import psycopg

    from bench.run import Run

# What a page asks for, and the filter the service role has to write by hand. `page` leaves the filter to the policy, as a bar of the
# project says; `filtered_page` writes it, as our clients do; a timeline is asked for by payment, by everybody.
PAGES = {
    "page": ("select * from public.payments {} order by created_at desc limit 20", "where user_id = '{user}'"),
    "filtered_page": ("select * from public.payments {} order by created_at desc limit 20", "where user_id = '{user}'"),
    "billing_keys": ("select id, nickname, card_issuer from public.billing_keys {} order by created_at", "where user_id = '{user}'"),
    "timeline": ("select * from public.payment_events {} order by sequence", "where payment_id = '{payment}'"),
}  # fmt: skip
ROWS = [
    Row("rls.page_ratio", "x", "lower", 1.2, "own payments page as the user, against service role with a filter; 1,000,000 payments, 100,000 users; the whole request", True),
    Row("rls.filtered_page_ratio", "x", "lower", 1.2, "the same page with its filter written out, as our clients do, on both sides", True),
    Row("rls.billing_keys_ratio", "x", "lower", 1.5, "own saved cards, the same way", True),
    Row("rls.timeline_ratio", "x", "lower", 1.5, "the events of one payment of one's own, the same way", True),
    *(Row(f"rls.{name}_statement_ratio", "x", "lower", None, f"{name}: the bare statement, prepared, without transaction, settings and JSON") for name in PAGES),
    *(Row(f"rls.{name}_ms", "ms", "lower", None, f"{name} as the user, the whole request") for name in PAGES),
    *(Row(f"rls.{name}_statement_ms", "ms", "lower", None, f"{name} as the user, the bare statement") for name in PAGES),
    Row("rls.admin_timeline_ms", "ms", "lower", None, "payment_timeline of one payment as an admin"),
    Row("rls.page_reads_whole_table", "0/1", "lower", 0, "1 when a page reads the whole table instead of its user's part of the index", True),
]  # fmt: skip
FILTERED = {"filtered_page", "timeline"}
# What PostgREST 12 sends before the statement, and around it (its source: `setPgLocals` and `readPlanToQuery`).
SETTINGS = (
    "select set_config('search_path', %s, true), set_config('role', %s, true), set_config('request.jwt.claims', %s, true), "
    "set_config('request.method', 'GET', true), set_config('request.path', %s, true), set_config('request.headers', %s, true), "
    "set_config('request.cookies', '{}', true)"
)
ANSWER = (
    "with pgrst_source as ({}) select null::bigint as total_result_set, pg_catalog.count(_postgrest_t) as page_total, "
    "coalesce(json_agg(_postgrest_t), '[]') as body, nullif(current_setting('response.headers', true), '') as response_headers, "
    "nullif(current_setting('response.status', true), '') as response_status, '' as response_inserted "
    "from (select * from pgrst_source) _postgrest_t"
)
# A token as Supabase Auth makes them: policies take it apart, so its size is part of their cost.
CLAIMS = {
    "aud": "authenticated", "exp": 1893456000, "iat": 1767225600, "iss": "https://example.supabase.co/auth/v1",
    "email": "someone@example.com", "phone": "", "app_metadata": {"provider": "email", "providers": ["email"]},
    "user_metadata": {"email": "someone@example.com", "email_verified": True, "phone_verified": False, "sub": fill.user_id(7)},
    "aal": "aal1", "amr": [{"method": "password", "timestamp": 1767225600}], "session_id": "00000000-0000-4000-8000-000000000001",
    "is_anonymous": False,
}  # fmt: skip
HEADERS = {
    "accept": "*/*",
    "host": "example.supabase.co",
    "x-client-info": "supabase-js/2",
    "user-agent": "node",
}
LOOPS, LONGEST_SECONDS = 300, 1.5
# A page that throws away more rows than this looks for its rows in the wrong place, whatever its plan calls the scan.
THROWN_AWAY = 1000


def measure(run: Run) -> None:
    """One connection as the user, one as the service role, in turn."""
    count = run.size(1_000_000, 2000)
    shop = run.rig.filled(f"shop_{count}", lambda one: fill.shop(one, count))
    with (
        run.rig.database(shop) as name,
        run.rig.connect(name) as user,
        run.rig.connect(name) as service,
        run.rig.connect(name) as admin,
        ExitStack() as places,
    ):
        mine: dict[str, Any] = CLAIMS | {"sub": fill.user_id(7)}
        _act(user, "authenticated", mine)
        _act(service, "service_role", {})
        _act(admin, "authenticated", {"sub": fill.user_id(1), "app_metadata": {"role": "admin"}})
        scans = _plans(run, user)
        places.enter_context(_side_by_side(user, service, admin))
        for turn in range(run.rounds + 1):
            for page, (query, where) in PAGES.items():
                own = where.format(user=fill.user_id(7), payment="old00000006")
                asked = query.format(own if page in FILTERED else "")
                as_user, as_service = _times(
                    run, _statement(user, asked), _statement(service, query.format(own))
                )
                user_request, service_request = _times(
                    run,
                    _request(user, asked, "authenticated", mine),
                    _request(service, query.format(own), "service_role", {}),
                )
                if turn:
                    run.out.add(f"rls.{page}_ratio", user_request / service_request)
                    run.out.add(f"rls.{page}_ms", user_request * 1000)
                    run.out.add(f"rls.{page}_statement_ratio", as_user / as_service)
                    run.out.add(f"rls.{page}_statement_ms", as_user * 1000)
            if turn:
                timeline = "select * from public.payment_timeline where payment_id = 'old00000006'"
                (seconds,) = _times(run, _statement(admin, timeline))
                run.out.add("rls.admin_timeline_ms", seconds * 1000)
                run.out.add("rls.page_reads_whole_table", float(scans))


def _act(connection: psycopg.Connection[Any], role: str, claims: dict[str, Any]) -> None:
    connection.execute(f"set role {role}")
    connection.execute(
        "select set_config('request.jwt.claims', %s, false)", [json.dumps({"role": role} | claims)]
    )


@contextmanager
def _side_by_side(*connections: psycopg.Connection[Any]) -> Iterator[None]:
    """All backends on one core, which we leave to them: where a waking backend is put would decide a ratio otherwise."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(cores) < 2:
        yield
        return
    os.sched_setaffinity(0, cores[:1])
    try:
        # The server may run as a user whose processes are not ours to place.
        with suppress(PermissionError):
            for connection in connections:
                os.sched_setaffinity(connection.info.backend_pid, cores[1:2])
        yield
    finally:
        os.sched_setaffinity(0, cores)


def _statement(connection: psycopg.Connection[Any], query: str) -> Callable[[], object]:
    """The query alone; psycopg prepares what it has seen five times."""
    return lambda: connection.execute(query.encode()).fetchall()


def _request(
    connection: psycopg.Connection[Any], query: str, role: str, claims: dict[str, Any]
) -> Callable[[], object]:
    """The query as PostgREST sends it, whoever asks: the connection's own role is set anew in each transaction."""
    answer = ANSWER.format(query).encode()
    settings = [
        "public, extensions",
        role,
        json.dumps({"role": role} | claims),
        "/payments",
        json.dumps(HEADERS),
    ]

    def request() -> object:
        connection.execute("begin isolation level read committed read only")
        connection.execute(SETTINGS, settings)
        rows = connection.execute(answer).fetchall()
        connection.execute("commit")
        return rows

    return request


def _times(run: Run, *asks: Callable[[], object]) -> list[float]:
    """Medians in seconds, asked in turn: whatever else the machine does meets all of them alike."""
    times: list[list[float]] = [[] for _ in asks]
    end = time.perf_counter() + LONGEST_SECONDS * len(asks)
    for loop in range(20 if run.quick else LOOPS):
        if loop and time.perf_counter() > end:
            break
        for own, ask in zip(times, asks, strict=True):
            started = time.perf_counter()
            ask()
            own.append(time.perf_counter() - started)
    return [p50(own) for own in times]


def _plans(run: Run, user: psycopg.Connection[Any]) -> bool:
    """Whether any page reads a whole table; the plans go into the document."""
    whole = False
    for page, (query, where) in PAGES.items():
        asked = query.format(
            where.format(user=fill.user_id(7), payment="old00000006") if page in FILTERED else ""
        )
        lines = [
            row[0]
            for row in user.execute(f"explain (analyze, buffers, costs off, timing off) {asked}".encode())
        ]
        whole = whole or any(_wasteful(line) for line in lines)
        run.out.line("rls_plans", page=page, plan="\n".join(lines))
    return whole


def _wasteful(line: str) -> bool:
    removed = re.search(r"Rows Removed by Filter: (\d+)", line)
    return "Seq Scan" in line or (removed is not None and int(removed.group(1)) > THROWN_AWAY)
