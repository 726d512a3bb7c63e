"""Decides how a data directory with Supabase's roles and baseline comes to be: once, then by copy.

`initdb` and the baseline take a few seconds, a copy takes a tenth of one. The initialised
directory is kept in the sandbox's home under a name made of everything that shaped it, so a
change in the SQL below makes a new one.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from sandbox.setup.paths import sandbox_home
from sandbox.setup.process import child_env
from sandbox.supabase.account import give_to, postgres_account
from sandbox.supabase.binaries import postgres_major, postgres_prefix
from sandbox.supabase.postgres import ADMIN, MIGRATION_ROLE, PostgresServer
from sandbox.supabase.project import MAIN_DATABASE

_HERE = Path(__file__).parent
AUTH_FUNCTIONS_SQL = _HERE / "auth_functions.sql"
_CLUSTER_SQL = (_HERE / "roles.sql",)
_DATABASE_SQL = (_HERE / "database.sql", AUTH_FUNCTIONS_SQL)
# A database with the baseline and no migration; never connected to, so it can be copied.
EMPTY_TEMPLATE = "supabase_empty"
_LOGIN_ROLES = (
    MIGRATION_ROLE, "authenticator", "supabase_auth_admin", "supabase_storage_admin",
    "supabase_replication_admin", "supabase_read_only_user", "pgbouncer",
)  # fmt: skip
_INITDB_OPTIONS = (
    f"--username={ADMIN}", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync",
    "--no-instructions",
)  # fmt: skip
# Knows upper and lower case beyond ASCII, like Supabase's; exists from 17 on.
_BUILTIN_LOCALE = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")
# Thousands of rounds slow down who guesses a password; ours are random, and tests log in thousands of times.
_ONE_ROUND = ("--set=scram_iterations=1",)


@dataclass(frozen=True, slots=True)
class Cluster:
    """A data directory ready to be served, and the password its login roles share."""

    prefix: Path
    data_dir: Path
    password: str


def new_cluster(data_dir: Path) -> Cluster:
    """Fill `data_dir` (must not exist yet) with a copy of the initialised directory."""
    prefix = postgres_prefix()
    template = _template(prefix)
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(template / "data", data_dir, symlinks=True)
    data_dir.chmod(0o700)
    give_to(data_dir, postgres_account())
    return Cluster(prefix, data_dir, (template / "password").read_text())


def _template(prefix: Path) -> Path:
    target = sandbox_home() / f"cluster-{_digest(prefix)}"
    if (target / "password").is_file():
        return target
    staging = Path(tempfile.mkdtemp(prefix=".initdb-", dir=target.parent))
    staging.chmod(0o755)
    try:
        _initialise(prefix, staging)
        try:
            staging.rename(target)
        except OSError:
            if not (target / "password").is_file():
                raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return target


def _digest(prefix: Path) -> str:
    digest = hashlib.sha256(repr((prefix.name, _initdb_options(prefix), _LOGIN_ROLES)).encode())
    for path in (*_CLUSTER_SQL, *_DATABASE_SQL):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _initdb_options(prefix: Path) -> tuple[str, ...]:
    major = postgres_major(prefix)
    return _INITDB_OPTIONS + (_ONE_ROUND if major >= 16 else ()) + (_BUILTIN_LOCALE if major >= 17 else ())


def _initialise(prefix: Path, folder: Path) -> None:
    account = postgres_account()
    data_dir = folder / "data"
    data_dir.mkdir(mode=0o700)
    password_file = folder / "password"
    password_file.touch(mode=0o600)
    password_file.write_text(secrets.token_hex(16))
    handed_over = data_dir.parent / "initdb-password"
    shutil.copy(password_file, handed_over)
    for path in (data_dir, handed_over):
        give_to(path, account)
    result = subprocess.run(
        [
            str(prefix / "bin" / "initdb"),
            "-D",
            str(data_dir),
            f"--pwfile={handed_over}",
            *_initdb_options(prefix),
        ],
        env=child_env(HOME=str(data_dir), LC_ALL="C", ICU_DATA=str(prefix / "share" / "icu")),
        cwd=data_dir,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        capture_output=True,
        text=True,
        check=False,
    )
    handed_over.unlink()
    if result.returncode != 0:
        raise RuntimeError(f"initdb failed:\n{result.stdout}{result.stderr}")
    _write_baseline(prefix, folder, password_file.read_text())


def _write_baseline(prefix: Path, folder: Path, password: str) -> None:
    server = PostgresServer(
        prefix, folder / "data", password, log_path=folder / "postgres.log", account=postgres_account()
    )
    server.start()
    try:
        with psycopg.connect(server.url(ADMIN), autocommit=True) as connection:
            for path in _CLUSTER_SQL:
                connection.execute(path.read_bytes())
            for role in _LOGIN_ROLES:
                connection.execute(
                    sql.SQL("alter role {} password {}").format(sql.Identifier(role), sql.Literal(password))
                )
            own_database(connection, MAIN_DATABASE)
            for path in _DATABASE_SQL:
                connection.execute(path.read_bytes())
        with psycopg.connect(server.url(ADMIN, "template1"), autocommit=True) as connection:
            copy_database(connection, EMPTY_TEMPLATE, MAIN_DATABASE)
    finally:
        server.stop()
    os.unlink(folder / "postgres.log")


def copy_database(connection: psycopg.Connection, name: str, template: str) -> None:
    """Create database `name` as a copy of `template` with the rights every Supabase database has.

    `connection` is autocommit, as supabase_admin; nobody may be connected to `template`.
    """
    connection.execute(
        sql.SQL("create database {} template {} strategy {}").format(
            sql.Identifier(name), sql.Identifier(template), sql.SQL(_strategy(connection))
        )
    )
    own_database(connection, name)


def _strategy(connection: psycopg.Connection) -> str:
    """Copy files where nothing waits for the disk: a fifth of the processor time of copying pages through the log."""
    row = connection.execute("select current_setting('fsync')::boolean").fetchone()
    return "wal_log" if row and row[0] else "file_copy"


def own_database(connection: psycopg.Connection, name: str) -> None:
    """Give a database to role postgres as on Supabase (database rights are not copied with it)."""
    database = sql.Identifier(name)
    connection.execute(sql.SQL("alter database {} owner to postgres").format(database))
    connection.execute(sql.SQL("grant all on database {} to postgres, dashboard_user").format(database))
    connection.execute(sql.SQL("grant create on database {} to supabase_auth_admin").format(database))
