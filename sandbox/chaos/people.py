"""Decides who takes part: customers with tokens and orders, and made-up private data that must never be printed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    import random

    from sandbox.chaos.arena import Arena

_SYLLABLES = "가나다라마바사아자차카타파하거너더러머버서어저처"
_ORDERS_EACH = 3


@dataclass(frozen=True, slots=True)
class Person:
    """One customer; `orders` are (id, name) pairs not used yet, the rest is private."""

    token: str
    orders: tuple[tuple[str, str], ...]
    name: str
    phone: str
    account: str

    def private(self) -> tuple[str, ...]:
        """Return what no log may hold."""
        return self.name, self.phone, self.account, self.token

    def customer(self) -> dict[str, str]:
        """Return the browser SDK's `customer`."""
        return {"fullName": self.name, "phoneNumber": self.phone}

    def refund_account(self) -> dict[str, str]:
        """Return where a virtual account's refund goes."""
        return {"bank": "KOOKMIN", "number": self.account, "holder_name": self.name}


def make_people(arena: Arena, count: int, total: int, dice: random.Random) -> list[Person]:
    """Create customers with three orders of `total` each, straight in the shop's tables."""
    with psycopg.connect(arena.stack.endpoint.admin_db_url) as connection:
        return [_person(arena, connection, number, total, dice) for number in range(count)]


def _person(
    arena: Arena, connection: psycopg.Connection, number: int, total: int, dice: random.Random
) -> Person:
    row = connection.execute(
        "insert into auth.users (instance_id, id, aud, role, email, created_at, updated_at) values "
        "('00000000-0000-0000-0000-000000000000', gen_random_uuid(), 'authenticated', 'authenticated', %s, now(), now()) "
        "returning id::text",
        (f"chaos-{number}@example.com",),
    ).fetchone()
    user_id = row[0] if row else ""
    orders = []
    for turn in range(_ORDERS_EACH):
        name = f"chaos order {number}-{turn}"
        made = connection.execute(
            "insert into public.orders (user_id, order_name, total_amount) values (%s, %s, %s) returning id::text",
            (user_id, name, total),
        ).fetchone()
        orders.append((made[0] if made else "", name))
    return Person(
        token=arena.stack.supabase.mint_jwt(user_id),
        orders=tuple(orders),
        name="".join(dice.sample(_SYLLABLES, 4)),
        phone=f"010{dice.randrange(10**8):08}",
        account=f"{dice.randrange(10**13, 10**14)}",
    )
