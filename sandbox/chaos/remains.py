"""Decides what a run that found something leaves behind for whoever asks why: logs, and the rows of both books."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.chaos.arena import Arena

_TABLES = (
    "queue.jobs", "queue.dead", "queue.finished", "public.payments", "public.payment_operations",
    "public.payment_cancellations", "public.payment_schedules", "public.payment_events", "public.webhook_logs",
    "public.drift_findings", "private.attempts", "private.clock",
)  # fmt: skip


def keep(arena: Arena, folder: Path) -> None:
    """Write it all into `folder`, in place of what an earlier run left; made-up people only, nothing is masked."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for log in arena.stack.workdir.rglob("*.log"):
        shutil.copy(log, folder / log.name)
    with psycopg.connect(arena.stack.endpoint.admin_db_url, autocommit=True, row_factory=dict_row) as db:
        for table in _TABLES:
            rows = db.execute(f"select * from {table}".encode()).fetchall()  # noqa: S608 - a constant of ours
            _write(folder / f"{table}.jsonl", rows)
    with suppress(OSError):
        _write(folder / "portone.requests.jsonl", arena.portone.requests())
        _write(folder / "portone.schedules.jsonl", arena.portone.schedules())
        _write(folder / "portone.webhooks.jsonl", arena.portone.webhooks())


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, default=str, ensure_ascii=False) + "\n" for row in rows))
