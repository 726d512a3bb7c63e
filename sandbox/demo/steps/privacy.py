"""Step 8: everybody sees their own and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.demo.story import Story
    from sandbox.demo.world import World

TABLES = (
    "orders",
    "payments",
    "payment_cancellations",
    "payment_events",
    "payment_operations",
    "webhook_logs",
)
LOG_COLUMNS = "id,webhook_id,webhook_type,status,provider_transaction_id,created_at"


def everybody_sees_only_their_own(world: World, story: Story) -> None:
    """Look at one paid and partly refunded payment as its owner, a stranger, nobody and an admin."""
    mina, jun = world.customer("mina"), world.customer("jun")
    purchase = world.paid(mina, 9_000)
    refund = world.admin.cancel(purchase.payment_id, 1_000)
    world.quiet(purchase)
    story.tell("Mina has paid 9,000 and got 1,000 back; who sees what of it?")
    story.expect("the refund", refund.body["status"], "succeeded")
    counts = {table: len(mina.select(table, _columns(table))) for table in TABLES}
    story.expect_true("Mina sees her own", all(counts[table] for table in TABLES[:5]), {k: v for k, v in counts.items() if v})  # fmt: skip
    story.expect("and no webhook", counts["webhook_logs"], 0)
    story.expect("Jun sees of it", {t: n for t in TABLES if (n := len(jun.select(t, _columns(t))))}, {})
    answers = [
        jun.complete(purchase.payment_id), jun.cancel(purchase.payment_id, 1), jun.pay(purchase.order_id),
    ]  # fmt: skip
    story.expect(
        "Jun completes, cancels, pays it: not found", [reply.status for reply in answers], [404, 404, 404]
    )
    refused = {table: world.anon.rest("GET", table, select=_columns(table)).status for table in TABLES}
    story.expect("anon reads", set(refused.values()), {401}, shown=f"401 on all {len(TABLES)} tables")
    story.expect("anon at the worker", world.anon.complete(purchase.payment_id).status, 401)
    everything = {
        table: world.books.rows(f"select count(*) as n from public.{table}")[0]["n"]  # noqa: S608 - our own names
        for table in TABLES
    }
    seen = {table: len(world.admin.select(table, _columns(table))) for table in TABLES}
    story.expect("an admin sees all", seen, everything)


def _columns(table: str) -> str:
    return LOG_COLUMNS if table == "webhook_logs" else "*"
