"""Decides that the embedded database is Supabase's where migrations and the API can notice."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING

import psycopg
import pytest

if TYPE_CHECKING:
    from sandbox.supabase.project import Supabase
    from tests.conftest import TestDatabase

API_ROLES = {"anon", "authenticated", "service_role"}


def test_postgres_is_17_and_keeps_its_promises(supabase_database: Supabase) -> None:
    with psycopg.connect(supabase_database.db_url()) as connection:
        settings = {
            name: connection.execute(f"show {name}").fetchone()[0]
            for name in ("server_version", "fsync", "synchronous_commit", "full_page_writes", "TimeZone")
        }
    assert settings["server_version"].startswith("17.")
    assert settings["fsync"] == os.environ.get("SANDBOX_FSYNC", "on")
    assert settings["synchronous_commit"] == "on"
    assert settings["full_page_writes"] == "on"
    assert settings["TimeZone"] == "UTC"


def test_the_server_does_not_run_as_root(supabase_database: Supabase) -> None:
    server = supabase_database.children()[0]
    if not os.path.exists(f"/proc/{server.pid}"):
        pytest.skip("this system has no /proc to look at")
    assert os.stat(f"/proc/{server.pid}").st_uid != 0


@pytest.mark.parametrize(
    ("role", "attributes"),
    [
        # superuser, inherit, createrole, createdb, canlogin, replication, bypassrls
        ("supabase_admin", (True, True, True, True, True, True, True)),
        ("postgres", (False, True, True, True, True, True, True)),
        ("authenticator", (False, False, False, False, True, False, False)),
        ("anon", (False, False, False, False, False, False, False)),
        ("authenticated", (False, False, False, False, False, False, False)),
        ("service_role", (False, False, False, False, False, False, True)),
        ("supabase_auth_admin", (False, False, True, False, True, False, False)),
    ],
)
def test_roles_have_supabases_attributes(
    empty_database: TestDatabase, role: str, attributes: tuple[bool, ...]
) -> None:
    with psycopg.connect(empty_database.url) as connection:
        row = connection.execute(
            "select rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication,"
            " rolbypassrls from pg_roles where rolname = %s",
            (role,),
        ).fetchone()
    assert row == attributes


def test_migrations_run_without_superuser_rights(empty_database: TestDatabase) -> None:
    with psycopg.connect(empty_database.url, autocommit=True) as connection:
        assert connection.execute("select current_user, current_setting('is_superuser')").fetchone() == (
            "postgres",
            "off",
        )
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("create role intruder superuser")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("alter table auth.users add column intruder text")


def test_login_needs_the_password(empty_database: TestDatabase) -> None:
    without = psycopg.conninfo.conninfo_to_dict(empty_database.admin_url, password="wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(**without)


@pytest.mark.parametrize("creator", ["postgres", "supabase_admin"])
def test_whatever_appears_in_public_is_open_to_the_api_roles(
    empty_database: TestDatabase, creator: str
) -> None:
    url = empty_database.url if creator == "postgres" else empty_database.admin_url
    with psycopg.connect(url) as connection:
        connection.execute("create table public.things (id bigserial primary key)")
        connection.execute("create function public.answer() returns int language sql as 'select 42'")
        for role in API_ROLES:
            rights = connection.execute(
                "select has_table_privilege(%(r)s, 'public.things', 'select, insert, update, delete'),"
                " has_sequence_privilege(%(r)s, 'public.things_id_seq', 'usage'),"
                " has_function_privilege(%(r)s, 'public.answer()', 'execute')",
                {"r": role},
            ).fetchone()
            assert rights == (True, True, True), role


def test_what_appears_elsewhere_is_not(empty_database: TestDatabase) -> None:
    with psycopg.connect(empty_database.url) as connection:
        connection.execute("create schema private")
        connection.execute("create table private.things (id int)")
        for role in API_ROLES:
            row = connection.execute(
                "select has_schema_privilege(%(r)s, 'private', 'usage'),"
                " has_table_privilege(%(r)s, 'private.things', 'select')",
                {"r": role},
            ).fetchone()
            assert row == (False, False), role


def test_api_roles_have_supabases_timeouts(empty_database: TestDatabase) -> None:
    with psycopg.connect(empty_database.url) as connection:
        settings = dict(
            connection.execute(
                "select rolname, rolconfig from pg_roles where rolname in ('anon', 'authenticated', 'authenticator')"
            ).fetchall()
        )
    assert settings == {
        "anon": ["statement_timeout=3s"],
        "authenticated": ["statement_timeout=8s"],
        "authenticator": ["statement_timeout=8s", "lock_timeout=8s"],
    }


def test_postgres_may_reference_users_and_api_roles_may_not_read_them(empty_database: TestDatabase) -> None:
    with psycopg.connect(empty_database.url, autocommit=True) as connection:
        connection.execute("create table public.owned (owner uuid references auth.users (id))")
        connection.execute(
            "create trigger t after insert on auth.users execute function tsvector_update_trigger()"
        )
        for role in API_ROLES:
            row = connection.execute(
                "select has_schema_privilege(%(r)s, 'auth', 'usage'),"
                " has_table_privilege(%(r)s, 'auth.users', 'select')",
                {"r": role},
            ).fetchone()
            assert row == (True, False), role


@pytest.mark.parametrize("style", ["claims", "claim"])
def test_auth_functions_read_the_requests_claims(empty_database: TestDatabase, style: str) -> None:
    user = uuid.uuid4()
    with psycopg.connect(empty_database.url) as connection:
        if style == "claims":
            claims = f'{{"sub": "{user}", "role": "authenticated", "email": "a@example.com"}}'
            connection.execute("select set_config('request.jwt.claims', %s, true)", (claims,))
        else:
            for name, value in (("sub", str(user)), ("role", "authenticated"), ("email", "a@example.com")):
                connection.execute(f"select set_config('request.jwt.claim.{name}', %s, true)", (value,))
        connection.execute("set local role authenticated")
        row = connection.execute(
            "select auth.uid(), auth.role(), auth.email(), auth.jwt() ->> 'sub'"
        ).fetchone()
    assert row == (user, "authenticated", "a@example.com", str(user) if style == "claims" else None)


def test_auth_functions_without_a_request_are_null(empty_database: TestDatabase) -> None:
    with psycopg.connect(empty_database.url) as connection:
        row = connection.execute("select auth.uid(), auth.role(), auth.email(), auth.jwt()").fetchone()
    assert row == (None, None, None, None)


def test_extensions_live_in_their_schema(empty_database: TestDatabase) -> None:
    with psycopg.connect(empty_database.url) as connection:
        row = connection.execute(
            "select extensions.uuid_generate_v3(extensions.uuid_ns_dns(), 'example.com'),"
            " encode(extensions.digest('abc', 'sha256'), 'hex')"
        ).fetchone()
        names = connection.execute(
            "select extname from pg_extension where extnamespace = 'extensions'::regnamespace order by 1"
        ).fetchall()
    assert row is not None
    assert row[0] == uuid.uuid3(uuid.NAMESPACE_DNS, "example.com")
    assert row[1] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert names == [("pgcrypto",), ("uuid-ossp",)]


def test_databases_of_tests_do_not_see_each_other(
    database: TestDatabase, empty_database: TestDatabase
) -> None:
    with psycopg.connect(database.url) as connection:
        connection.execute("create table public.only_here (id int)")
        connection.commit()
    with psycopg.connect(empty_database.url) as connection:
        assert connection.execute("select to_regclass('public.only_here')").fetchone() == (None,)
