"""Decides whether the worker may start: it refuses with one line for each reason, before it takes a request or a job.

What does not answer is asked again for a while: a database and a worker often start together. With a spool the
worker starts without its database: webhooks must not be refused because both were restarted at once.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from worker.checks.clock import check_clock
from worker.checks.database import check_database
from worker.checks.migrations import check_migrations, shipped_names
from worker.checks.portone import check_store
from worker.errors import Misconfigured
from worker.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from worker.checks.result import CheckResult
    from worker.deps import Deps
    from worker.portone.stores import Store

_PAUSE_SECONDS: Final = 0.5


async def require_startable(deps: Deps, *, with_jobs: bool, takes_webhooks: bool) -> None:
    """Return when nothing forbids a start. Raises ``Misconfigured`` whose message has one line per reason."""
    deadline = time.monotonic() + deps.settings.startup_timeout_seconds
    asked: list[Awaitable[list[CheckResult]]] = [_until(deadline, partial(_database, deps))]
    if with_jobs:
        asked += [_until(deadline, partial(_store, store)) for store in deps.stores.configured]
    results = [result for group in await asyncio.gather(*asked) for result in group]
    errors = [result for result in results if result.state == "error"]
    if takes_webhooks and deps.settings.webhook_spool_dir is not None:
        away = [result for result in errors if result.may_pass and result.name == "database"]
        for result in away:
            get_logger().error(
                "worker starts without its database: webhooks go to the spool", reason=result.detail
            )
        errors = [result for result in errors if result not in away]
    if errors:
        raise Misconfigured("START_REFUSED", "\n".join(result.line for result in errors))


async def _until(deadline: float, ask: Callable[[], Awaitable[list[CheckResult]]]) -> list[CheckResult]:
    while True:
        results = await ask()
        if not any(result.may_pass for result in results) or time.monotonic() >= deadline:
            return results
        await asyncio.sleep(_PAUSE_SECONDS)


async def _database(deps: Deps) -> list[CheckResult]:
    database, installation = await check_database(deps.installations)
    if installation is None:
        return [database]
    return [
        database,
        check_migrations(installation, shipped_names()),
        check_clock(installation, deps.settings),
    ]


async def _store(store: Store) -> list[CheckResult]:
    return [await check_store(store)]
