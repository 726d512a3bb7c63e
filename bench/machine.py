"""Decides what is said about the machine beside the figures."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg


def machine(database_url: str | None = None) -> dict[str, Any]:
    """Processor, memory, load at the start, versions, and the settings of the database that matter."""
    facts: dict[str, Any] = {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "load_average": [round(value, 2) for value in os.getloadavg()],
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "api": os.environ.get("SANDBOX_API", "lite"),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    if database_url:
        with psycopg.connect(database_url) as connection:
            names = (
                "server_version",
                "shared_buffers",
                "fsync",
                "synchronous_commit",
                "wal_level",
                "max_wal_size",
            )
            rows = connection.execute(
                "select name, current_setting(name) from pg_settings where name = any(%s)", [list(names)]
            ).fetchall()
            facts["postgres"] = dict(rows)
    return facts


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"
