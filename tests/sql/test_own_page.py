"""A customer's page of payments, with no filter but row level security, reads their part of the index and not everybody's payments."""

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
