"""Decides which checks belong together: all of them for a person, those that forbid a start for the worker itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from worker.checks.access import check_access
from worker.checks.clock import check_clock
from worker.checks.database import check_database
from worker.checks.migrations import check_migrations, shipped_names
from worker.checks.mode import check_mode
from worker.checks.portone import check_store
from worker.checks.queue import check_queue

if TYPE_CHECKING:
    from worker.checks.result import CheckResult
    from worker.deps import Deps


async def run_checks(deps: Deps) -> list[CheckResult]:
    """Run every check; those that need the database's description are left out where it cannot be had."""
    (database, installation), stores = await asyncio.gather(
        check_database(deps.installations),
        asyncio.gather(*(check_store(store) for store in deps.stores.configured)),
    )
    results = [check_mode(deps.settings), database]
    if installation is not None:
        results += [
            check_migrations(installation, shipped_names()),
            check_clock(installation, deps.settings),
            check_access(installation),
            check_queue(installation),
        ]
    return [*results, *stores]
