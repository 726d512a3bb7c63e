"""Stands in for `supabase/postgres`: the sandbox's PostgreSQL and baseline, on PGPORT, with POSTGRES_PASSWORD for every role."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path

import psycopg
from psycopg import sql

from sandbox.supabase import postgres
from sandbox.supabase.account import postgres_account
from sandbox.supabase.cluster import _LOGIN_ROLES, new_cluster


def main() -> None:
    """Serve until told to stop."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    postgres.free_port = lambda: int(
        os.environ.get("PGPORT", "5432")
    )  # the port is the container's to choose
    folder = Path(tempfile.mkdtemp(prefix="database-"))
    folder.chmod(0o755)
    cluster = new_cluster(folder / "data")
    server = postgres.PostgresServer(
        cluster.prefix,
        cluster.data_dir,
        cluster.password,
        log_path=folder / "log",
        account=postgres_account(),
    )
    server.start()
    with psycopg.connect(server.url(postgres.ADMIN), autocommit=True) as connection:
        for role in (*_LOGIN_ROLES, postgres.ADMIN):
            password = sql.Literal(os.environ["POSTGRES_PASSWORD"])
            connection.execute(sql.SQL("alter role {} password {}").format(sql.Identifier(role), password))
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    server.stop()


if __name__ == "__main__":
    main()
