"""Decides how SQL tests speak: as a role with a token's claims, in calls that look like the API's."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

if TYPE_CHECKING:
    from collections.abc import Iterable

Row = dict[str, Any]


class Refused(AssertionError):
    """A function said no: `status` and `code` as a client would read them."""

    def __init__(self, error: psycopg.Error) -> None:
        detail = json.loads(error.diag.message_detail or "{}")
        self.status = int((error.sqlstate or "PT000")[2:])
        self.code: str = detail.get("code", "")
        self.detail: Row = detail
        self.message = error.diag.message_primary or ""
        self.hint = error.diag.message_hint or ""
        super().__init__(f"{self.status} {self.code}: {self.message}")


@dataclass
class Caller:
    """One connection that acts as one role."""

    connection: psycopg.Connection[Row] = field(repr=False)

    def rows(self, sql: str, *values: object) -> list[Row]:
        """Runs a query; a PT error becomes `Refused`, anything else stays what it is."""
        try:
            return self.connection.execute(sql, values).fetchall()
        except psycopg.Error as error:
            if (error.sqlstate or "").startswith("PT"):
                raise Refused(error) from error
            raise

    def row(self, sql: str, *values: object) -> Row:
        """The one row of a query."""
        (only,) = self.rows(sql, *values)
        return only

    def run(self, sql: str, *values: object) -> int:
        """Runs a statement; the number of rows it touched."""
        return self.connection.execute(sql, values).rowcount

    def call(self, function: str, **arguments: object) -> list[Row]:
        """Calls a public function by named arguments; a list of dicts is sent as jsonb[]."""
        names = ", ".join(
            f"{name} => %s{'::jsonb[]' if isinstance(value, list) else ''}"
            for name, value in arguments.items()
        )
        values = [
            [Jsonb(v) for v in value] if isinstance(value, list) else value for value in arguments.values()
        ]
        return self.rows(f"select * from public.{function}({names})", *values)

    def one(self, function: str, **arguments: object) -> Row:
        """Calls a function that answers one row."""
        (only,) = self.call(function, **arguments)
        return only


@dataclass
class Shop:
    """A database of this project, seen by everyone who uses it."""

    url: str
    connections: list[psycopg.Connection[Row]] = field(default_factory=list, repr=False)

    @cached_property
    def setup(self) -> Caller:
        """The migration role's connection that prepares what tests need."""
        return self.connect()

    def connect(self, role: str | None = None, claims: Row | None = None) -> Caller:
        """A new connection as the migration role, or switched to an API role with these claims."""
        connection = psycopg.connect(self.url, autocommit=True, row_factory=dict_row)
        self.connections.append(connection)
        if role:
            connection.execute(psycopg.sql.SQL("set role {}").format(psycopg.sql.Identifier(role)))
            connection.execute(
                "select set_config('request.jwt.claims', %s, false)",
                [json.dumps({"role": role} | (claims or {}))],
            )
        return Caller(connection)

    def owner(self) -> Caller:
        """The migration role: reads everything."""
        return self.connect()

    def service(self) -> Caller:
        """The worker."""
        return self.connect("service_role")

    def user(self, user_id: str) -> Caller:
        """A signed-in customer."""
        return self.connect("authenticated", {"sub": user_id})

    def admin(self) -> Caller:
        """A signed-in admin."""
        return self.connect("authenticated", {"sub": self.new_user(), "app_metadata": {"role": "admin"}})

    def anon(self) -> Caller:
        """Nobody in particular."""
        return self.connect("anon")

    def new_user(self) -> str:
        """A user in auth.users."""
        user_id = str(uuid.uuid4())
        self.setup.run(
            "insert into auth.users (id, email) values (%s, %s)", user_id, f"{user_id}@example.com"
        )
        return user_id

    def new_order(self, user_id: str, total: int = 1000, tax_free: int = 0, currency: str = "KRW") -> str:
        """An order of this user, as the shop's own server would make it."""
        return str(
            self.setup.row(
                "insert into public.orders (user_id, order_name, total_amount, tax_free_amount, currency) values (%s, 'Widget', %s, %s, %s) returning id::text as id",
                user_id,
                total,
                tax_free,
                currency,
            )["id"]
        )

    def close(self) -> None:
        """Closes every connection."""
        for connection in self.connections:
            connection.close()

    def advance(self, seconds: float) -> None:
        """Moves the database's clock."""
        self.setup.run(
            "update private.clock set clock_offset = clock_offset + make_interval(secs => %s)", seconds
        )


STORE = "store-1"
PREPARED = {"store_id": STORE, "channel_key": "channel-key-card", "channel_kind": "TEST", "notice_urls": []}


def claim(worker: Caller, most: int = 100, name: str = "w1", lease: int = 60) -> list[Row]:
    """Claims what is ready."""
    return worker.call("claim_jobs", worker=name, max=most, lease_seconds=lease)


def settle(worker: Caller, jobs: Iterable[Row] | Row, verdict: str = "done", **outcome: Any) -> list[Row]:
    """Settles claimed jobs, all with the same outcome."""
    listed = [jobs] if isinstance(jobs, dict) else list(jobs)
    return worker.call(
        "settle_jobs",
        outcomes=[
            {"job_id": job["id"], "claim": job["claim"], "verdict": verdict, **outcome} for job in listed
        ],
    )


def snapshot(payment_id: str, status: str = "PAID", total: int = 1000, **changes: Any) -> Row:
    """PortOne's payment as the worker hands it over."""
    made: Row = {
        "payment_id": payment_id,
        "transaction_id": "tx-1",
        "store_id": STORE,
        "status": status,
        "requested_at": "2026-11-01T00:00:00Z",
        "updated_at": "2026-11-01T00:00:10.5Z",
        "status_changed_at": "2026-11-01T00:00:10Z",
        "paid_at": "2026-11-01T00:00:10Z" if status in ("PAID", "PARTIAL_CANCELLED", "CANCELLED") else None,
        "total": total,
        "tax_free": 0,
        "discount": 0,
        "paid": total,
        "cancelled": 0,
        "cancelled_tax_free": 0,
        "currency": "KRW",
        "order_name": "Widget",
        "channel_kind": "TEST",
        "channel_key": "channel-key-card",
        "pg_provider": "TOSSPAYMENTS",
        "pay_method": "CARD",
        "disputes": [],
        "cancellations": [],
    }
    return made | changes


def cancellation(identifier: str, amount: int, status: str = "SUCCEEDED", **changes: Any) -> Row:
    """One of PortOne's cancellations in a snapshot."""
    made: Row = {
        "id": identifier,
        "status": status,
        "amount": amount,
        "tax_free": 0,
        "vat": 0,
        "reason": "r",
        "trigger": "API",
        "requested_at": "2026-11-02T00:00:00Z",
        "cancelled_at": "2026-11-02T00:00:01Z" if status == "SUCCEEDED" else None,
    }
    return made | changes


@dataclass
class Paid:
    """A payment that has been prepared and paid, and who is involved."""

    payment_id: str
    order_id: str
    user_id: str


def prepared_payment(
    shop: Shop,
    worker: Caller,
    total: int = 1000,
    tax_free: int = 0,
    method: str = "CARD",
    user_id: str | None = None,
) -> Paid:
    """An order whose payment is registered and waits for its window."""
    user_id = user_id or shop.new_user()
    order_id = shop.new_order(user_id, total, tax_free)
    customer = shop.user(user_id)
    operation = customer.one("request_payment", order_id=order_id, pay_method=method)
    customer.connection.close()
    (job,) = [job for job in claim(worker) if job["operation_id"] == operation["id"]]
    settle(worker, job, prepared=PREPARED)
    result = worker.one("get_operation", id=operation["id"])["result"]
    return Paid(result["paymentId"], order_id, user_id)


def sync(worker: Caller, payment_id: str, *snapshots: Row) -> None:
    """Has the worker read these snapshots of a payment."""
    worker.one("request_completion", payment_id=payment_id)
    (job,) = [job for job in claim(worker) if job["payload"]["payment_id"] == payment_id]
    (answer,) = settle(worker, job, snapshots=list(snapshots))
    assert answer["accepted"], answer


def paid_payment(
    shop: Shop, worker: Caller, total: int = 1000, tax_free: int = 0, **snapshot_changes: Any
) -> Paid:
    """A paid payment."""
    paid = prepared_payment(shop, worker, total, tax_free)
    sync(
        worker,
        paid.payment_id,
        snapshot(paid.payment_id, "PAID", total, tax_free=tax_free, **snapshot_changes),
    )
    return paid


def payment_row(owner: Caller, payment_id: str) -> Row:
    """The payment as the database has it."""
    return owner.row("select * from public.payments where payment_id = %s", payment_id)


def amounts(owner: Caller, payment_id: str) -> tuple[int, int, int, int]:
    """paid, cancelled, reserved, cancellable."""
    row = payment_row(owner, payment_id)
    return row["paid_amount"], row["cancelled_amount"], row["reserved_amount"], row["cancellable_amount"]
