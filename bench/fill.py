"""Decides what a large shop looks like: rows written straight into the tables, analyzed, as if they had grown there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

PAYLOAD = "jsonb_build_object('n', n, 'note', repeat('x', 96))"


def jobs(
    connection: psycopg.Connection[Any], count: int, *, lanes: int | None = None, state: str = "ready"
) -> None:
    """`count` jobs that do nothing, in a lane each (or spread over `lanes`), about 120 bytes of payload."""
    lane = f"'bench:' || n % {lanes}" if lanes else "'bench:' || n"
    # In a shared lane only the first may be ready.
    ready = f"case when n <= {lanes} then 'ready' else 'waiting' end" if lanes else f"'{state}'"
    run_at = "now() + interval '1 day'" if state == "scheduled" else "null"
    connection.execute(
        f"insert into queue.jobs (kind, lane, state, run_at, max_failures, payload, created_at) "  # noqa: S608  constants of ours
        f"select 'bench', {lane}, {ready}, {run_at}, 20, {PAYLOAD}, now() from generate_series(1, {count}) as n"
    )
    connection.execute("vacuum analyze queue.jobs")


def shop(connection: psycopg.Connection[Any], count: int) -> None:
    """A shop of `count` paid payments, an event each, ten a user, a saved card a user."""
    users(connection, count // 10)
    payments(connection, count, of_users=count // 10)
    events(connection, count)
    connection.execute(
        "insert into public.billing_keys (user_id, issue_id, created_at, updated_at) "
        "select id, 'issue-' || id, now(), now() from auth.users"
    )
    connection.execute("vacuum analyze")


def users(connection: psycopg.Connection[Any], count: int) -> None:
    """Users with ids made of their number: `00000000-0000-4000-8000-` and twelve digits."""
    connection.execute(
        "insert into auth.users (id, email) select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, "
        "'u' || n || '@example.com' from generate_series(1, %s::integer) as n on conflict do nothing",
        [count],
    )


def user_id(number: int) -> str:
    """The id of user `number`, from 1."""
    return f"00000000-0000-4000-8000-{number:012d}"


def payments(
    connection: psycopg.Connection[Any], count: int, *, of_users: int, prefix: str = "old", paid: bool = True,
    first: int = 0, with_orders: bool = False,
) -> None:  # fmt: skip
    """`count` payments spread over users: paid, or ready and waiting for their webhook (then with an order each)."""
    if with_orders:
        connection.execute(
            "insert into public.orders (id, user_id, order_name, total_amount, tax_free_amount, currency, status) "
            "select md5(%s || n)::uuid, ('00000000-0000-4000-8000-' || lpad((1 + n %% %s)::text, 12, '0'))::uuid, 'Widget', "
            "1000, 0, 'KRW', 'pending' from generate_series(%s::integer, %s::integer) as n",
            [prefix, of_users, first, first + count - 1],
        )
    connection.execute(
        "insert into public.payments (user_id, order_id, payment_id, order_name, amount, tax_free_amount, currency, status, "
        "origin, store_id, channel_key, channel_kind, pay_method, portone_status, paid_amount, cancellable_amount, "
        "total_cancel_amount, is_live, created_at, updated_at) "
        "select ('00000000-0000-4000-8000-' || lpad((1 + n %% %(users)s)::text, 12, '0'))::uuid, "
        "case when %(orders)s then md5(%(prefix)s || n)::uuid::text else %(prefix)s || 'order' || n end, "
        "%(prefix)s || lpad(n::text, 8, '0'), 'Widget', 1000, 0, 'KRW', %(status)s::public.payment_status, 'app', "
        "'store-5e1f0000-0000-4000-8000-000000000001', 'channel-key-card', 'TEST', 'CARD', %(portone)s, %(paid)s, %(paid)s, 0, "
        "true, now() - make_interval(secs => n), now() from generate_series(%(first)s::integer, %(last)s::integer) as n",
        {
            "users": of_users, "prefix": prefix, "status": "paid" if paid else "ready", "portone": "PAID" if paid else None,
            "paid": 1000 if paid else 0, "orders": with_orders, "first": first, "last": first + count - 1,
        },
    )  # fmt: skip


def webhooks(connection: psycopg.Connection[Any], count: int, *, prefix: str = "oldwh") -> None:
    """`count` processed deliveries without a payment of ours."""
    connection.execute(
        "insert into public.webhook_logs (webhook_id, webhook_type, status, subject_kind, subject_id, job_id, request_headers, "
        "request_body, created_at, processed_at) select %s || n, 'Transaction.Paid', 'processed', 'payment', 'gone' || n, -n, "
        """'{"content-type": "application/json", "user-agent": "portone-webhook"}', decode(repeat('ab', 190), 'hex'), """
        "now() - make_interval(secs => n), now() from generate_series(1, %s::integer) as n",
        [prefix, count],
    )


def events(connection: psycopg.Connection[Any], count: int, *, prefix: str = "old") -> None:
    """`count` events, one a payment that `payments` made under this prefix."""
    connection.execute(
        "insert into public.payment_events (payment_id, sequence, event_type, to_status, source, created_at) "
        "select %s || lpad(n::text, 8, '0'), 1, 'status_changed', 'paid', 'bench', now() from generate_series(0, %s::integer) as n",
        [prefix, count - 1],
    )


def finished(connection: psycopg.Connection[Any], count: int, *, first: int = 0) -> None:
    """`count` jobs that ended long ago, after `first` others."""
    connection.execute(
        "insert into queue.finished (id, kind, lane, claim, outcome, payload, created_at, finished_at) "  # noqa: S608  constants
        f"select -n, 'bench', 'old:' || n, 1, 'done', {PAYLOAD}, now(), now() "
        f"from generate_series({first + 1}, {first + count}) as n"
    )
