"""Decides how Supabase Lite is started over our PostgreSQL and kept from changing the project.

Lite 0.10, observed, each handled here: it replaces the `auth` functions at every start; it grants
all rights on tables with row level security at its first request; it starts with an
administrator without a key unless told `--no-admin`; it knows only the schema of its start; it
loses every request's role when no table has row level security (`auth.users` has).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import psycopg
from psycopg import sql

from sandbox.setup.node import node_script
from sandbox.setup.ports import LOOPBACK, accepts_connections, free_port
from sandbox.setup.process import Child, Command, ProcessDied, child_env
from sandbox.setup.tls import certificates
from sandbox.supabase.cluster import AUTH_FUNCTIONS_SQL

if TYPE_CHECKING:
    from sandbox.supabase.endpoint import SupabaseEndpoint

_HERE = Path(__file__).parent
_SCRIPT = "@supabase/lite/dist/cli/index.js"
_ROLE = "supabase_lite"
_CONNECTIONS = 20
_START_SECONDS = 30.0
_TRIES = 3
_GRANTS = """
select md5(concat(
    (select string_agg(concat(oid, relacl), ' ' order by oid) from pg_class
     where relacl is not null and relnamespace <> 'auth'::regnamespace),
    (select string_agg(concat(oid, nspacl), ' ' order by oid) from pg_namespace),
    (select string_agg(concat(defaclrole, defaclnamespace, defaclobjtype, defaclacl), ' ' order by oid)
     from pg_default_acl)
))
"""


class LiteFront:
    """Supabase Lite as the API of a project; see `sandbox.supabase.embedded.ApiFront`."""

    def __init__(self, endpoint: SupabaseEndpoint, log_dir: Path, detached: bool) -> None:
        """`endpoint` names the database and the keys; the log goes to `log_dir`."""
        self._endpoint = endpoint
        self._folder = log_dir / "lite"
        self._log_path = log_dir / "supabase-lite.log"
        self._detached = detached
        self._port = 0
        self._child: Child | None = None

    def start(self) -> str:
        """Start Lite and return its base address. Raises `ProcessDied` with the log's tail."""
        with psycopg.connect(self._endpoint.admin_db_url, autocommit=True) as connection:
            connection.execute((_HERE / "lite_before.sql").read_bytes())
            self._share_password(connection)
            grants = _grants(connection)
            url = self._launch()
            self._first_request(url)
            connection.execute(AUTH_FUNCTIONS_SQL.read_bytes())
            self._check(url)
            if _grants(connection) != grants:
                raise RuntimeError("Supabase Lite changed grants of the project; is it another version?")
            connection.execute((_HERE / "lite_after.sql").read_bytes())
        return url

    def stop(self) -> None:
        """Stop Lite; safe to call twice."""
        if self._child is not None:
            self._child.stop()
            self._child = None

    def children(self) -> list[Child]:
        """Return the one process, when it runs."""
        return [self._child] if self._child is not None else []

    def _share_password(self, connection: psycopg.Connection) -> None:
        password = urlsplit(self._endpoint.admin_db_url).password or ""
        connection.execute(
            sql.SQL("alter role {} password {}").format(sql.Identifier(_ROLE), sql.Literal(password))
        )

    def _launch(self) -> str:
        """Start the process on the port it had, or on a free one; try another when it is taken."""
        for attempt in range(1, _TRIES + 1):
            port = self._port or free_port()
            child = Child(self._command(port), detached=self._detached)
            try:
                child.wait_until(lambda: accepts_connections(port), within=_START_SECONDS)  # noqa: B023 - called at once
            except ProcessDied:
                child.stop()
                self._port = 0
                if attempt == _TRIES or "EADDRINUSE" not in child.log_tail():
                    raise
            except BaseException:
                child.stop()
                raise
            else:
                self._child, self._port = child, port
                return f"http://{LOOPBACK}:{port}"
        raise AssertionError("unreachable: the last try returns or raises")

    def _command(self, port: int) -> Command:
        self._folder.mkdir(parents=True, exist_ok=True)
        config = self._folder / "config.toml"
        config.touch(mode=0o600)
        config.write_text(self._config(port))
        return Command(
            name="supabase-lite",
            argv=[*node_script(_SCRIPT), "start", "--no-admin", "--config", str(config)],
            log_path=self._log_path,
            env=child_env(HOME=str(self._folder), NODE_NO_WARNINGS="1"),
            cwd=self._folder,
        )

    def _config(self, port: int) -> str:
        database = urlsplit(self._endpoint.admin_db_url)
        login = f"{_ROLE}:{database.password}@{database.hostname}:{database.port}"
        tables: dict[str, dict[str, object]] = {
            "api": {"port": port, "schemas": ["public"], "extra_search_path": ["public", "extensions"]},
            "db": {
                "driver": "postgres",
                "url": f"postgresql://{login}{database.path}?max={_CONNECTIONS}",
            },
            "auth": {
                "enabled": True,
                "enable_signup": True,
                "jwt_secret": self._endpoint.jwt_secret,
                "jwt_expiry": 3600,
                "publishable_key": self._endpoint.publishable_key,
                "secret_key": self._endpoint.secret_key,
            },
            "auth.email": {"enable_confirmations": False},
        }
        lines = ['project_id = "portone-supabase"']
        for name, values in tables.items():
            lines.append(f"[{name}]")
            # A JSON value of these types is a TOML value too.
            lines.extend(f"{key} = {json.dumps(value)}" for key, value in values.items())
        return "\n".join(lines) + "\n"

    def _first_request(self, url: str) -> None:
        """Make the request whose grants are refused (see lite_before.sql)."""
        self._probe(url)

    def _check(self, url: str) -> None:
        """Make sure that a key becomes a role and its claims reach `auth.jwt()`."""
        answer = self._probe(url)
        expected = {"uid": None, "jwt": {"role": "service_role"}, "role": "service_role"}
        if answer.status_code != 200 or answer.json() != expected:
            raise RuntimeError(
                f"supabase-lite answers {answer.status_code} {answer.text} where "
                f"{json.dumps(expected)} was expected; its log:\n{self._log_tail()}"
            )

    def _probe(self, url: str) -> httpx.Response:
        return httpx.post(
            f"{url}/rest/v1/rpc/sandbox_probe",
            headers={"apikey": self._endpoint.secret_key},
            json={},
            timeout=_START_SECONDS,
            verify=certificates(),
        )

    def _log_tail(self) -> str:
        return self._child.log_tail() if self._child is not None else "(not running)"


def _grants(connection: psycopg.Connection) -> str:
    row = connection.execute(_GRANTS).fetchone()
    return str(row[0]) if row else ""
