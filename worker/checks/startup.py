"""Decides whether the worker may start: it refuses with one line for each reason, before it takes a request or a job.

What does not answer is asked again for a while: a database and a worker often start together. Webhooks must not be
refused because something else is away for longer: with a spool the worker starts without its database, and without
PortOne in any case. What could not be asked then is asked until it answers, and only then used.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from worker.checks.clock import check_clock
from worker.checks.database import check_database
from worker.checks.migrations import check_migrations, shipped_names
from worker.checks.portone import check_store
from worker.errors import Misconfigured
from worker.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from worker.checks.result import CheckResult
    from worker.deps import Deps
    from worker.portone.stores import Store

_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Away:
    """What did not answer at the start and is to be asked again; false where everything was checked."""

    database: bool = False
    stores: tuple[Store, ...] = ()

    def __bool__(self) -> bool:
        """Say whether anything is left to ask."""
        return self.database or bool(self.stores)


async def require_startable(deps: Deps, *, with_jobs: bool, takes_webhooks: bool) -> Away:
    """Return what could not be asked, when nothing forbids a start.

    Raises ``Misconfigured`` whose message has one line per reason. Only who takes webhooks starts while anything is away.
    """
    deadline = time.monotonic() + deps.settings.startup_timeout_seconds
    stores = tuple(deps.stores.configured) if with_jobs else ()
    asked: list[Awaitable[list[CheckResult]]] = [_until(deadline, partial(_database, deps))]
    asked += [_until(deadline, partial(_store, store)) for store in stores]
    database, *answered = await asyncio.gather(*asked)
    silent = {store: results for store, results in zip(stores, answered, strict=True) if _is_away(results)}
    away = Away(
        database=takes_webhooks and deps.settings.webhook_spool_dir is not None and _is_away(database),
        stores=tuple(silent) if takes_webhooks else (),
    )
    forgiven = [*([database] if away.database else []), *(silent[store] for store in away.stores)]
    _refuse(result for results in (database, *answered) if results not in forgiven for result in results)
    if away.database:
        deps.checked.clear()
        get_logger().error(
            "worker starts without its database: webhooks go to the spool", reason=_reason(database)
        )
    for store in away.stores:
        get_logger().error(
            "worker starts without portone: webhooks are taken, jobs wait", reason=_reason(silent[store])
        )
    return away


async def wait_until_checked(
    deps: Deps, away: Away, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Ask what was away, ever more rarely, until all of it has answered well; sets ``deps.checked`` with the database.

    Raises ``Misconfigured`` as soon as an answer says no: the database that came back may be one we must not touch.
    """
    if not away:
        return
    pause = _PAUSE_SECONDS
    while away:
        await sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
        database = await _database(deps) if away.database else []
        answered = [(store, await _store(store)) for store in away.stores]
        _refuse(
            result
            for results in (database, *(results for _, results in answered))
            if not _is_away(results)
            for result in results
        )
        away = Away(_is_away(database), tuple(store for store, results in answered if _is_away(results)))
        if not away.database:
            deps.checked.set()
    get_logger().info("payment worker: all that was away at the start has answered, jobs are run from now on")


def _is_away(results: Sequence[CheckResult]) -> bool:
    """Whether the only thing wrong is that nothing usable was answered yet."""
    wrong = [result for result in results if result.state == "error"]
    return bool(wrong) and all(result.may_pass for result in wrong)


def _reason(results: Sequence[CheckResult]) -> str:
    return "; ".join(result.line for result in results if result.state == "error")


def _refuse(results: Iterable[CheckResult]) -> None:
    errors = [result for result in results if result.state == "error"]
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
