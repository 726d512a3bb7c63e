"""A customer's page of payments, with no filter but row level security, reads their part of the index and not everybody's payments; one
payment's events and refunds are found without looking at the others of its customer."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import psycopg

from tests.sql.test_plans_stay_fast import measuring

if TYPE_CHECKING:
    from tests.sql.shop import Shop

CUSTOMERS, EACH = 10_000, 10
# The customer's own are old ones: whoever walked along the newest payments would meet nearly all of them first.
LOAD = (
    "insert into auth.users (id, email) select lpad(n::text, 32, '0')::uuid, n || '@example.com' from generate_series(1, %s) as n",
    """insert into public.payments (user_id, order_id, payment_id, order_name, amount, status, origin, portone_status,
        paid_amount, cancellable_amount, total_cancel_amount, is_live, created_at)
      select lpad((1 + n %% 10000)::text, 32, '0')::uuid, 'page-' || n, 'page' || n, 'w', 1000, 'paid', 'app', 'PAID', 1000, 1000, 0, true,
        now() - make_interval(mins => case n %% 10000 when 6 then 900000 else n end)
      from generate_series(1, %s) as n""",
)


def test_an_own_page_without_a_filter_reads_a_handful_of_pages(shop: Shop) -> None:
    with psycopg.connect(shop.url, autocommit=True) as connection:
        connection.execute(LOAD[0], [CUSTOMERS])
        connection.execute(LOAD[1], [CUSTOMERS * EACH])
        connection.execute("vacuum analyze public.payments")
    customer = shop.user(str(UUID(f"{7:032}")))
    page = "select payment_id from public.payments order by created_at desc limit 20"
    customer.rows(page)
    with measuring(customer) as cost:
        rows = customer.rows(page)
    assert len(rows) == EACH
    assert cost.scanned["payments"] == 0
    assert cost.pages.total() < 100, cost


def test_what_belongs_to_one_payment_is_read_without_the_others_of_its_customer(shop: Shop) -> None:
    regular = str(UUID(f"{7:032}"))
    with psycopg.connect(shop.url, autocommit=True) as connection:
        connection.execute(LOAD[0], [CUSTOMERS])
        connection.execute(LOAD[1], [CUSTOMERS * EACH])
        connection.execute(
            "update public.payments set user_id = %s where payment_id like 'page1%%'", [regular]
        )
        connection.execute(
            "insert into public.payment_events (payment_id, sequence, event_type, to_status, source, created_at) "
            "select payment_id, 1, 'status_changed', 'paid', 'test', now() from public.payments"
        )
        connection.execute(
            "insert into public.payment_cancellations (payment_id, requester, amount, reason, status, cancellation_id, created_at, updated_at) "
            "select payment_id, 'portone', 1, 'r', 'succeeded', 'c', now(), now() from public.payments"
        )
        connection.execute("vacuum analyze")
    customer = shop.user(regular)
    assert customer.row("select count(*) as n from public.payments")["n"] > CUSTOMERS
    for table in ("payment_events", "payment_cancellations"):
        asked = f"select payment_id from public.{table} where payment_id = 'page17'"
        customer.rows(asked)
        with measuring(customer) as cost:
            rows = customer.rows(asked)
        assert [row["payment_id"] for row in rows] == ["page17"]
        assert cost.scanned.total() == 0, (table, cost)
        assert cost.pages.total() < 50, (table, cost)
        assert customer.rows(asked.replace("page17", "page20000")) == []
