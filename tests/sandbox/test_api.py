"""Decides that the API front gives every caller exactly the rights PostgreSQL gives them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx
import jwt
import psycopg
import pytest

from sandbox.setup.tls import certificates

if TYPE_CHECKING:
    from sandbox.supabase.project import Supabase

_GRANTS_OF_SECRETS = """
select has_schema_privilege(role, 'private', 'usage'), has_table_privilege(role, 'private.secrets', 'select')
from unnest(array['anon', 'authenticated', 'service_role']) as role
"""


class Client:
    """Calls of one kind of caller."""

    def __init__(self, supabase: Supabase, *, key: str | None, token: str | None = None) -> None:
        headers = {"apikey": key} if key else {}
        if token:
            headers["authorization"] = f"Bearer {token}"
        self._http = httpx.Client(
            base_url=f"{supabase.endpoint.api_url}/rest/v1", headers=headers, verify=certificates()
        )

    def get(self, path: str) -> httpx.Response:
        with self._http as http:
            return http.get(path)

    def rpc(self, name: str) -> Any:
        with self._http as http:
            answer = http.post(f"/rpc/{name}", json={})
            assert answer.status_code == 200, answer.text
            return answer.json()


def _note(supabase: Supabase, body: str) -> str:
    user = supabase.create_user(f"{body}@example.com")
    with psycopg.connect(supabase.admin_url(), autocommit=True) as connection:
        connection.execute("insert into public.notes (owner, body) values (%s, %s)", (user, body))
    return user


def test_row_level_security_decides_what_each_key_sees(notes: Supabase) -> None:
    keys = notes.endpoint
    ann, _ = _note(notes, "ann"), _note(notes, "bob")
    everything = {"ann", "bob"}

    def bodies(client: Client) -> set[str]:
        return {row["body"] for row in client.get("/notes?select=body").json()} & everything

    assert bodies(Client(notes, key=keys.secret_key)) == everything
    assert bodies(Client(notes, key=keys.publishable_key)) == set()
    assert bodies(Client(notes, key=keys.publishable_key, token=notes.mint_jwt(ann))) == {"ann"}


def test_the_caller_is_known_to_the_database(notes: Supabase) -> None:
    keys = notes.endpoint
    user = notes.create_user("whoami@example.com")
    token = notes.mint_jwt(user, app_metadata={"role": "admin"})

    seen = Client(notes, key=keys.publishable_key, token=token).rpc("whoami")
    assert (seen["role"], seen["uid"]) == ("authenticated", user)
    assert seen["jwt"]["app_metadata"]["role"] == "admin"
    assert seen["jwt"]["aud"] == "authenticated"

    secret = Client(notes, key=keys.secret_key).rpc("whoami")
    assert (secret["role"], secret["uid"]) == ("service_role", None)
    assert secret["jwt"]["role"] == "service_role"

    assert Client(notes, key=keys.publishable_key).rpc("whoami")["role"] == "anon"


def test_calls_are_cut_off_after_eight_seconds(notes: Supabase) -> None:
    user = notes.create_user("slow@example.com")
    for client in (
        Client(notes, key=notes.endpoint.secret_key),
        Client(notes, key=notes.endpoint.publishable_key, token=notes.mint_jwt(user)),
    ):
        assert client.rpc("whoami")["statement_timeout"] == "8s"


@pytest.mark.parametrize("case", ["no key", "wrong key", "only a token", "expired", "forged"])
def test_bad_credentials_are_refused(notes: Supabase, case: str) -> None:
    keys = notes.endpoint
    user = notes.create_user(f"{case.replace(' ', '-')}@example.com")
    claims = {"sub": user, "role": "authenticated", "aud": "authenticated", "exp": int(time.time()) + 60}
    client = {
        "no key": Client(notes, key=None),
        "wrong key": Client(notes, key="sb_secret_wrong"),
        "only a token": Client(notes, key=None, token=notes.mint_jwt(user)),
        "expired": Client(notes, key=keys.publishable_key, token=notes.mint_jwt(user, ttl_seconds=-60)),
        "forged": Client(
            notes, key=keys.publishable_key, token=jwt.encode(claims, "x" * 40, algorithm="HS256")
        ),
    }[case]
    assert client.get("/notes").status_code == 401


def test_an_unsigned_token_is_nobodys(notes: Supabase) -> None:
    """PostgREST refuses it; Supabase Lite takes what it cannot read as no token at all."""
    user = notes.create_user("unsigned@example.com")
    token = jwt.encode({"sub": user, "role": "authenticated"}, None, algorithm="none")
    answer = Client(notes, key=notes.endpoint.publishable_key, token=token).get("/rpc/whoami")
    assert answer.status_code == 401 or (answer.json()["role"], answer.json()["uid"]) == ("anon", None)


def test_grants_survive_requests_and_restarts(notes: Supabase) -> None:
    """Supabase Lite grants everything on schemas with row level security at its first request."""
    for _ in range(2):
        assert Client(notes, key=notes.endpoint.secret_key).get("/notes").status_code == 200
        with psycopg.connect(notes.admin_url()) as connection:
            assert connection.execute(_GRANTS_OF_SECRETS).fetchall() == [(False, False)] * 3
            assert connection.execute(
                "select has_table_privilege('authenticated', 'public.notes', 'insert')"
            ).fetchone() == (False,)
        notes.restart_api()


def test_tables_of_auth_are_out_of_reach(notes: Supabase) -> None:
    for name in ("users", "sessions", "refresh_tokens"):
        assert Client(notes, key=notes.endpoint.secret_key).get(f"/{name}").status_code == 404
    with psycopg.connect(notes.admin_url()) as connection:
        open_tables = connection.execute(
            "select relname, role from pg_class, unnest(array['anon', 'authenticated', 'service_role']) as role"
            " where relnamespace = 'auth'::regnamespace and relkind = 'r'"
            " and has_table_privilege(role, pg_class.oid, 'select')"
        ).fetchall()
    assert open_tables == []


def test_auth_functions_are_supabases_after_every_start(notes: Supabase) -> None:
    query = (
        "select proname, prosrc like '%request.jwt.claims%', proowner::regrole::text from pg_proc"
        " where pronamespace = 'auth'::regnamespace order by 1"
    )
    expected = [(name, True, "supabase_auth_admin") for name in ("email", "jwt", "role", "uid")]
    for _ in range(2):
        with psycopg.connect(notes.admin_url()) as connection:
            assert connection.execute(query).fetchall() == expected
        notes.restart_api()


def test_new_tables_show_after_a_restart_at_the_same_address(notes: Supabase) -> None:
    before = notes.endpoint.api_url
    with psycopg.connect(notes.db_url(), autocommit=True) as connection:
        connection.execute("create table public.late (id int)")
    notes.restart_api()
    assert notes.endpoint.api_url == before
    assert Client(notes, key=notes.endpoint.secret_key).get("/late").json() == []


def test_migrations_can_still_be_pushed(notes: Supabase) -> None:
    """Supabase Lite creates the history's schema as its own role when it comes first."""
    assert "up to date" in notes.push()


def test_nothing_of_the_sandbox_stays_in_public(notes: Supabase) -> None:
    with psycopg.connect(notes.admin_url()) as connection:
        row = connection.execute(
            "select array_agg(proname::text) from pg_proc where pronamespace = 'public'::regnamespace"
        ).fetchone()
    assert row == (["whoami"],)


def test_signing_up_gives_a_token_that_works(notes: Supabase) -> None:
    keys = notes.endpoint
    answer = httpx.post(
        f"{keys.api_url}/auth/v1/signup",
        headers={"apikey": keys.publishable_key},
        json={"email": "new@example.com", "password": "a-long-password"},
    )
    if answer.status_code == 501:
        pytest.skip("this API front has no Auth service")
    body = answer.json()
    seen = Client(notes, key=keys.publishable_key, token=body["access_token"]).rpc("whoami")
    assert seen["uid"] == body["user"]["id"]
