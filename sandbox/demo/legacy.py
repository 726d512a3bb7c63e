"""Decides what a shop looked like before PortOne V2: 157 payments in mixed states, and what each must become."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle, islice
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from sandbox.supabase.project import Supabase

BASELINE = "20250101000000"
COUNT = 157
_CUSTOMERS = 9


@dataclass(frozen=True, slots=True)
class LegacyPayment:
    """A row as old code wrote it, and the status and cancelled amount it must have afterwards.

    `paid` is what was paid in minor units, 0 where no money moved.
    """

    payment_id: str
    amount: int
    old_status: str
    total_cancel_amount: int | None
    status: str
    paid: int
    cancelled: int


# old status, share of the amount in total_cancel_amount (None: null), new status, was paid, share cancelled
_STATES: tuple[tuple[str, float | None, str, bool, float], ...] = (
    ("paid", None, "paid", True, 0),
    ("paid", 0, "paid", True, 0),
    ("paid", 0.4, "partial_cancelled", True, 0.4),
    ("partial_cancelled", 0.7, "partial_cancelled", True, 0.7),
    ("cancelled", None, "cancelled", True, 1),
    ("cancelled", 0, "cancelled", True, 1),
    ("cancelled", 1, "cancelled", True, 1),
    ("paid", 1, "cancelled", True, 1),
    ("pending", None, "ready", False, 0),
    ("virtual_account_issued", 0, "virtual_account_issued", False, 0),
    ("failed", None, "failed", False, 0),
)


def legacy_payments() -> list[LegacyPayment]:
    """Return the 157 payments, every state about equally often."""
    return [_payment(number, *state) for number, state in enumerate(islice(cycle(_STATES), COUNT), start=1)]


def upgrade_legacy_shop(supabase: Supabase) -> list[LegacyPayment]:
    """Build the old shop, then push the rest: baseline alone, its payments, every other migration."""
    payments = legacy_payments()
    supabase.push(only=[BASELINE])
    customers = [supabase.create_user(f"customer-{number}@old-shop.example") for number in range(_CUSTOMERS)]
    with psycopg.connect(supabase.db_url(), autocommit=True) as shop:
        shop.cursor().executemany(
            "insert into public.payments (user_id, payment_id, order_name, amount, status, pay_method, total_cancel_amount) "
            "values (%s, %s, %s, %s, %s, 'card', %s)",
            [
                (customers[place % _CUSTOMERS], row.payment_id, f"Old order {place}", row.amount, row.old_status,
                 row.total_cancel_amount)
                for place, row in enumerate(payments)
            ],
        )  # fmt: skip
    supabase.push()
    return payments


def _payment(
    number: int, old_status: str, asked_back: float | None, status: str, was_paid: bool, cancelled: float
) -> LegacyPayment:
    amount = number * 1_000
    return LegacyPayment(
        payment_id=f"legacy{number:04d}",
        amount=amount,
        old_status=old_status,
        total_cancel_amount=None if asked_back is None else round(amount * asked_back),
        status=status,
        paid=amount if was_paid else 0,
        cancelled=round(amount * cancelled),
    )
