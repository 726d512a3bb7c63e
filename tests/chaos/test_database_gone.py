"""The database gone for longer than a moment, with a spool: every webhook is answered 200, and drained when it is back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from sandbox.demo.world import running_world

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sandbox.demo.world import Purchase, World

pytestmark = pytest.mark.timeout(300)
EXIT_MISCONFIGURED = 3


class Shop:
    """A stack whose database is stopped and started; a connection to it is made anew for every look."""

    def __init__(self, world: World, spool: Path) -> None:
        self.world = world
        self.spool = spool
        self._supabase = world.stack.supabase

    def take_away(self) -> None:
        """End PostgreSQL at once, and the API before it."""
        self._supabase.stop_api()
        self._supabase.crash_database()

    def bring_back(self) -> None:
        """Start both again over the same data."""
        self._supabase.recover_database()
        self._supabase.start_api()

    def pay(self, purchase: Purchase) -> str:
        """Pay in the window and wait for the delivery of its one webhook; the webhook's id."""
        self.world.portone.approve(purchase.payment_id)
        self.world.portone.settle()
        (sent,) = [
            one
            for one in self.world.portone.webhooks()
            if (one["paymentId"], one["type"]) == (purchase.payment_id, "Transaction.Paid")
        ]
        assert [attempt["status"] for attempt in sent["attempts"]] == [200], sent["attempts"]
        return str(sent["id"])

    def rows(self, sql: str, *values: object) -> list[Any]:
        """What the database says now."""
        with psycopg.connect(self.world.stack.endpoint.admin_db_url, autocommit=True) as connection:
            return connection.execute(sql.encode(), values).fetchall()

    def logged(self, webhook_ids: list[str]) -> list[str]:
        """Which of these webhooks are in the log, in the order they were written in."""
        return [
            row[0]
            for row in self.rows(
                "select webhook_id from public.webhook_logs where webhook_id = any (%s) order by id",
                webhook_ids,
            )
        ]

    def files(self) -> list[str]:
        """What is in the spool."""
        return sorted(path.name for path in self.spool.iterdir())


def until(reached: Callable[[], bool], within: float = 90.0) -> None:
    """Wait for what comes about by itself."""
    deadline = time.monotonic() + within
    while not reached():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


def test_webhooks_of_an_outage_are_taken_kept_over_a_restart_and_drained_in_order(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    settings = {"WEBHOOK_SPOOL_DIR": str(spool), "STARTUP_TIMEOUT_SECONDS": "0"}
    with running_world(tmp_path / "stack", worker_env=settings) as world:
        shop, customer = Shop(world, spool), world.customer()
        bought = [world.prepared(customer, 10_000) for _ in range(7)]
        for purchase in bought:
            world.open_window(purchase)
            world.quiet(purchase)

        shop.take_away()
        sent = [shop.pay(purchase) for purchase in bought[:3]]
        world.stack.kill_worker()
        world.stack.start_worker()
        sent += [shop.pay(purchase) for purchase in bought[3:6]]
        assert shop.files(), "acknowledged and on disk"
        shop.bring_back()
        until(lambda: len(shop.logged(sent)) == len(sent))
        assert shop.logged(sent) == sent
        until(lambda: shop.files() == [])
        paid = "select count(*) from public.payments where payment_id = any (%s) and status = 'paid'"
        ids = [purchase.payment_id for purchase in bought[:6]]
        until(lambda: shop.rows(paid, ids) == [(6,)])
        counted = (
            "select count(*), count(distinct webhook_id) from public.webhook_logs where webhook_id = any (%s)"
        )
        assert shop.rows(counted, sent) == [(6, 6)]

        # Another database comes back: a migration is missing in it. The worker ends, and what it took stays on disk.
        shop.rows(
            "delete from supabase_migrations.schema_migrations where version = "
            "(select max(version) from supabase_migrations.schema_migrations) returning version"
        )
        shop.take_away()
        world.stack.kill_worker()
        world.stack.start_worker()
        last = shop.pay(bought[6])
        shop.bring_back()
        assert world.stack.wait_worker_exit(60) == EXIT_MISCONFIGURED
        assert shop.logged([last]) == []
        assert shop.files(), "nobody has drained it"
        assert "1 not applied" in world.stack.worker_log()
