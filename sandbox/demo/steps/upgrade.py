"""Step 1: a legacy shop with 157 payments is upgraded and every amount is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.demo.legacy import COUNT

if TYPE_CHECKING:
    from sandbox.demo.story import Story
    from sandbox.demo.world import World

# What docs/operations.md shows for a quick look at the upgraded schema, as written there.
COLUMNS = """
select column_name, data_type, column_default from information_schema.columns
where table_name = 'payments' and column_name in ('cancelled_amount', 'cancellable_amount')
"""
TABLES = """
select table_name from information_schema.tables where table_name in ('webhook_logs', 'billing_keys')
"""
COUNTS = """
select (select count(*) from webhook_logs) as webhook_count,
       (select count(*) from billing_keys) as billing_keys_count,
       (select count(*) from payments) as payments_count
"""


def legacy_shop_is_upgraded(world: World, story: Story) -> None:
    """Compare every legacy row with what its state means, and run the manual's queries."""
    story.tell(
        f"A shop from before V2: baseline only, {COUNT} payments in 11 states; then `supabase db push`"
    )
    old = {row.payment_id: row for row in world.legacy}
    rows = world.books.rows(
        "select payment_id, status::text as status, paid_amount, cancelled_amount, cancellable_amount, "
        "reserved_amount from public.payments where origin = 'legacy' order by payment_id"
    )
    story.expect("payments that are still there", len(rows), COUNT)
    wrong = []
    for row in rows:
        was = old[row["payment_id"]]
        expected = (was.status, was.paid, was.cancelled, was.paid - was.cancelled, 0)
        became = (
            row["status"], row["paid_amount"], row["cancelled_amount"], row["cancellable_amount"], row["reserved_amount"],
        )  # fmt: skip
        if became != expected:
            wrong.append(f"{was}: {became}")
    story.expect("payments with a wrong status or amount", wrong, [])
    refunded = sum(row["cancelled_amount"] for row in rows)
    story.expect(
        "refunded in all, as the old rows said",
        refunded, sum(row.cancelled for row in world.legacy),
    )  # fmt: skip
    story.tell("The verification queries")
    columns = world.books.printed(COLUMNS)
    as_promised = ["cancellable_amount | integer | 0", "cancelled_amount | integer | 0"]
    story.expect("new columns", sorted(columns), as_promised, shown="\n".join(columns))
    story.expect("new tables", sorted(world.books.printed(TABLES)), ["billing_keys", "webhook_logs"])
    (counts,) = world.books.rows(COUNTS)
    made_since = world.books.rows("select count(*) as n from payments where origin <> 'legacy'")[0]["n"]
    story.expect("payments_count", counts["payments_count"] - made_since, COUNT)
