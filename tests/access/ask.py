"""Decides how the access tests ask PostgreSQL: every statement is taken back, and its answer is one word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from tests.sql.shop import Caller, Refused, Row

if TYPE_CHECKING:
    from tests.sql.shop import Shop

SCHEMAS = "('public', 'private', 'queue')"
NO_RIGHT = "42501"


def code_of(caller: Caller, sql: str, *values: object) -> str:
    """Runs a statement and takes it back: `ok`, our error code, or the SQLSTATE."""
    try:
        with caller.connection.transaction(force_rollback=True):
            caller.connection.execute(sql, values or None)
    except psycopg.Error as error:
        if (error.sqlstate or "").startswith("PT"):
            return Refused(error).code
        return error.sqlstate or "?"
    return "ok"


def functions(shop: Shop) -> list[Row]:
    """Every function with a call of it by nulls."""
    return shop.setup.rows(
        f"""select n.nspname as schema, p.proname as name, p.prosecdef as definer,
          format('%%I.%%I(%%s)', n.nspname, p.proname, (
            select string_agg('null::' || format_type(given.type, null), ', ' order by given.place)
            from unnest(p.proargtypes) with ordinality as given (type, place)
          )) as by_nulls
        from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace where n.nspname in {SCHEMAS}
        order by 1, 2"""
    )
