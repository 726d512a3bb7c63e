"""Decides when two sets of books are equal: ours, read straight from the database, and PortOne's."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row

if TYPE_CHECKING:
    from sandbox.portone.control_client import SimulatorControl
    from sandbox.supabase.endpoint import SupabaseEndpoint

Row = dict[str, Any]

_STATUS = {
    "READY": "ready",
    "PAY_PENDING": "pay_pending",
    "VIRTUAL_ACCOUNT_ISSUED": "virtual_account_issued",
    "FAILED": "failed",
    "PAID": "paid",
    "PARTIAL_CANCELLED": "partial_cancelled",
    "CANCELLED": "cancelled",
}
_SETTLED = ("PAID", "PARTIAL_CANCELLED", "CANCELLED")
_QUIET_SECONDS = 30.0


class Books:
    """Looks at results; it changes nothing but the database's clock."""

    def __init__(self, endpoint: SupabaseEndpoint, portone: SimulatorControl) -> None:
        self._admin = psycopg.connect(endpoint.admin_db_url, autocommit=True, row_factory=dict_row)
        self._db_url = endpoint.db_url
        self._portone = portone

    def close(self) -> None:
        """Close the connection."""
        self._admin.close()

    def rows(self, sql: str, *values: object) -> list[Row]:
        """Return the rows of a query."""
        return self._admin.execute(sql.encode(), values).fetchall()

    def printed(self, sql: str) -> list[str]:
        """Return the rows of a query as psql prints them unaligned: `a | b | c`."""
        return [" | ".join(str(value) for value in row.values()) for row in self.rows(sql)]

    def payment(self, payment_id: str) -> Row:
        """Return our row of a payment."""
        (row,) = self.rows(
            "select *, status::text as status from public.payments where payment_id = %s", payment_id
        )
        return row

    def amounts(self, payment_id: str) -> tuple[int, int, int, int]:
        """Return paid, cancelled, reserved, cancellable."""
        row = self.payment(payment_id)
        return row["paid_amount"], row["cancelled_amount"], row["reserved_amount"], row["cancellable_amount"]

    def cancellations(self, payment_id: str) -> list[Row]:
        """Return our cancellations of a payment, oldest first."""
        return self.rows(
            "select *, status::text as status from public.payment_cancellations where payment_id = %s order by number",
            payment_id,
        )

    def events(self, payment_id: str, event_type: str, to_status: str | None = None) -> int:
        """Count a payment's events of a type."""
        found = self.rows(
            "select count(*) as n from public.payment_events where payment_id = %s and event_type = %s "
            "and to_status::text = coalesce(%s, to_status::text)",
            payment_id, event_type, to_status,
        )  # fmt: skip
        return int(found[0]["n"])

    def webhooks(self, webhook_id: str) -> list[Row]:
        """Return the log rows of a webhook id, oldest first."""
        return self.rows(
            "select id, webhook_id, webhook_type, status::text as status, skip_reason, payment_id, subject_id "
            "from public.webhook_logs where webhook_id = %s order by id",
            webhook_id,
        )

    def differences(self, payment_id: str) -> list[str]:
        """Return where our books and PortOne's differ about a payment; empty when they are equal."""
        ours, theirs = self.payment(payment_id), self._portone.payment(payment_id)
        settled = theirs["status"] in _SETTLED
        cancellations = theirs.get("cancellations", [])
        undecided = [
            row for row in self.cancellations(payment_id) if row["status"] in ("reserved", "unknown")
        ]
        pairs: dict[str, tuple[object, object]] = {
            "status": (ours["status"], _STATUS[theirs["status"]]),
            "transaction": (ours["provider_transaction_id"], theirs["transactionId"]),
            "paid": (ours["paid_amount"], theirs["amount"]["total"] if settled else 0),
            "cancelled": (ours["cancelled_amount"], theirs["amount"]["cancelled"] if settled else 0),
            "total_cancel_amount": (ours["total_cancel_amount"], ours["cancelled_amount"]),
            "left": (ours["cancellable_amount"] + ours["reserved_amount"], ours["paid_amount"] - ours["cancelled_amount"]),
            "cancellations": (
                {row["cancellation_id"]: (row["amount"], row["status"].upper())
                 for row in self.cancellations(payment_id) if row["cancellation_id"]},
                {entry["id"]: (entry["totalAmount"], entry["status"]) for entry in cancellations},
            ),
            "undecided refunds": (len(undecided), 0),
            "held": (ours["reserved_amount"], sum(e["totalAmount"] for e in cancellations if e["status"] == "REQUESTED")),
        }  # fmt: skip
        return [
            f"{name}: ours {our}, PortOne's {their}" for name, (our, their) in pairs.items() if our != their
        ]

    def summary(self, payment_id: str) -> str:
        """Return both books in a few words."""
        theirs = self._portone.payment(payment_id)
        ours = self.payment(payment_id)
        done = [row for row in self.cancellations(payment_id) if row["cancellation_id"]]
        return (
            f"PortOne {theirs['amount']['cancelled']:,} in {len(theirs.get('cancellations', []))}"
            f" · ours {ours['cancelled_amount']:,} in {len(done)}"
        )

    def wait_quiet(self, payment_id: str) -> None:
        """Wait until nothing is to be done for a payment and no webhook of it is open.

        Raises `TimeoutError` naming what is still open after 30 s.
        """
        deadline = time.monotonic() + _QUIET_SECONDS
        while open_work := self.open_work(payment_id):
            if time.monotonic() > deadline:
                raise TimeoutError(f"still open for {payment_id} after {_QUIET_SECONDS:.0f} s: {open_work}")
            time.sleep(0.03)

    def wait_idle(self) -> None:
        """Wait until no job is to be done now and no webhook is open; what is scheduled for later may stay.

        Raises `TimeoutError` naming what is still open after 30 s.
        """
        deadline = time.monotonic() + _QUIET_SECONDS
        open_now = (
            "select lane || ' ' || kind || ' ' || state as what from queue.jobs where state <> 'scheduled' "
            "union all select 'webhook ' || webhook_type from public.webhook_logs where status = 'received'"
        )
        while open_work := self.printed(open_now):
            if time.monotonic() > deadline:
                raise TimeoutError(f"still open after {_QUIET_SECONDS:.0f} s: {open_work}")
            time.sleep(0.03)

    def open_work(self, payment_id: str) -> list[str]:
        """Return the unfinished jobs and unsettled webhooks of a payment; a look planned for later is not open."""
        found = self.rows(
            "select kind || ' ' || state::text as what from queue.jobs where lane = 'payment:' || %s and state <> 'scheduled' "
            "union all select 'webhook ' || webhook_type from public.webhook_logs "
            "where subject_id = %s and status = 'received' "
            "union all select 'dead ' || kind from queue.dead where lane = 'payment:' || %s and resolved_at is null",
            payment_id, payment_id, payment_id,
        )  # fmt: skip
        return [str(row["what"]) for row in found]

    def migrate(self, sql: str) -> None:
        """Run a migration of the shop's own, as the migration role: replacing a hook, for example."""
        with psycopg.connect(self._db_url, autocommit=True) as connection:
            connection.execute(sql.encode())

    def advance_clock(self, seconds: float) -> None:
        """Move the database's clock forward, as the migration role, the only one that may."""
        with psycopg.connect(self._db_url, autocommit=True) as connection:
            connection.execute(
                "update private.clock set clock_offset = clock_offset + make_interval(secs => %s)", (seconds,)
            )
