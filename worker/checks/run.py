"""Decides which checks belong together: all of them for a person, those that forbid a start for the worker itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from worker.checks.access import check_access
from worker.checks.channels import check_channels
from worker.checks.clock import check_clock
from worker.checks.database import check_database
from worker.checks.migrations import check_migrations, shipped_names
from worker.checks.mode import check_mode
from worker.checks.portone import check_store
from worker.checks.publishable import check_publishable
from worker.checks.queue import check_queue
from worker.checks.skew import check_skew
from worker.checks.unchanged import check_unchanged, shipped_digests
from worker.checks.webhooks import check_arriving, check_secrets

if TYPE_CHECKING:
    import httpx

    from worker.checks.result import CheckResult
    from worker.deps import Deps


async def run_checks(deps: Deps, *, transport: httpx.AsyncBaseTransport | None = None) -> list[CheckResult]:
    """Run every check; those that need the database's description are left out where it cannot be had.

    ``transport`` is for tests: where the clocks of others are read.
    """
    (database, installation), stores, skew = await asyncio.gather(
        check_database(deps.installations),
        asyncio.gather(*(check_store(store) for store in deps.stores.configured)),
        check_skew(deps.settings, transport=transport),
    )
    results = [check_mode(deps.settings), check_secrets(deps.settings), skew, database]
    if installation is not None:
        results += [
            await check_publishable(deps.users),
            check_migrations(installation, shipped_names()),
            check_unchanged(installation, shipped_digests()),
            check_clock(installation, deps.settings),
            check_access(installation),
            check_queue(installation),
            await check_channels(deps.settings, deps.operator),
            await check_arriving(deps.operator),
        ]
    return [*results, *stores]
