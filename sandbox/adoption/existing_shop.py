"""Decides what the sample shop is and does: a project folder of its own, its tables, its customers' orders."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row

from sandbox.setup.paths import PROJECT_ROOT
from sandbox.setup.process import child_env

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.supabase.project import Supabase

SAMPLE = PROJECT_ROOT / "examples" / "existing-shop"
HOOKS = "connect_our_orders.sql"
# Later than any version a copy is stamped with.
_HOOKS_VERSION = "29990101000000"

# The shop's objects as text: columns, constraints, policies, grants, comments; and what they are made of.
_OBJECTS = """
select c.relname as name, c.relkind::text as kind, c.relrowsecurity as secured, c.relacl::text as grants,
  obj_description(c.oid, 'pg_class') as comment,
  (select string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' order by a.attnum)
    from pg_attribute as a where a.attrelid = c.oid and a.attnum > 0) as columns,
  (select string_agg(p.polname || ' ' || coalesce(pg_get_expr(p.polqual, p.polrelid), ''), ', ' order by p.polname)
    from pg_policy as p where p.polrelid = c.oid) as policies,
  (select string_agg(pg_get_constraintdef(k.oid), ', ' order by k.conname) from pg_constraint as k where k.conrelid = c.oid) as constraints
from pg_class as c
where c.relnamespace = 'public'::regnamespace and c.relname = any (%s)
order by c.relname
"""
_TABLES = ("products", "orders", "order_lines")


@dataclass(frozen=True, slots=True)
class ExistingShop:
    """The sample shop in a folder of its own, on a database of its own."""

    folder: Path
    supabase: Supabase

    @staticmethod
    def open(folder: Path, supabase: Supabase) -> ExistingShop:
        """Return the shop with its own migrations pushed; nothing of ours is there yet."""
        shop = ExistingShop(folder, supabase)
        supabase.push()
        return shop

    @property
    def migrations(self) -> Path:
        """Its own migrations folder."""
        return self.folder / "supabase" / "migrations"

    def adopt(self) -> str:
        """Copy our migrations behind its own, add its three functions, push; return what the copy command said.

        Raises `RuntimeError` with everything the command printed when it refuses, `PushFailed` when the push does.
        """
        said = subprocess.run(
            [sys.executable, "-m", "worker", "--lang", "en", "migrations", "copy", str(self.migrations)],
            cwd=PROJECT_ROOT, env=child_env(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        if said.returncode != 0:
            raise RuntimeError(f"migrations copy refused:\n{said.stdout}{said.stderr}")
        shutil.copy(self.folder / HOOKS, self.migrations / f"{_HOOKS_VERSION}_{HOOKS}")
        self.supabase.push()
        return said.stdout

    def order(self, customer: str, **quantities: int) -> str:
        """Write down an order as the shop's own code does; return its id. `quantities` by sku, `_` for `-`."""
        with psycopg.connect(self.supabase.db_url()) as shop:
            row = shop.execute(
                "insert into public.orders (customer) values (%s) returning id", (customer,)
            ).fetchone()
            assert row is not None  # noqa: S101 - returning always answers
            for sku, quantity in quantities.items():
                shop.execute(
                    "insert into public.order_lines values (%s, %s, %s)",
                    (row[0], sku.replace("_", "-"), quantity),
                )
        return str(row[0])

    def drop(self, order_id: str) -> None:
        """Take an order back as the shop's own code does."""
        with psycopg.connect(self.supabase.db_url()) as shop:
            shop.execute("update public.orders set state = 'dropped' where id = %s", (int(order_id),))

    def state_of(self, order_id: str) -> dict[str, Any]:
        """Return state and payment of an order as the shop's own code reads them."""
        (row,) = self.rows("select state, paid_with from public.orders where id = %s", int(order_id))
        return row

    def inventory(self) -> list[dict[str, Any]]:
        """Return everything the shop had before: its objects as text, and its rows."""
        found = self.rows(_OBJECTS, list(_TABLES))
        for table in _TABLES:
            found += self.rows(f"select * from public.{table} order by 1, 2")  # noqa: S608 - our own names
        return found

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """Return the rows of a query as the project's own role postgres."""
        with psycopg.connect(self.supabase.db_url(), row_factory=dict_row) as shop:
            return shop.execute(sql.encode(), values).fetchall()


def copy_of_sample(folder: Path) -> Path:
    """Copy the sample project into `folder`, which must not exist, and return it."""
    return shutil.copytree(SAMPLE, folder)
