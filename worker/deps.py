"""Decides what an operation, a route and the runner are given: the clients, the sealer, the settings."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from worker.crash_steps import crash_hooks
from worker.db.client import Database, database_timeout
from worker.db.desk import Desk
from worker.db.installation import Installations
from worker.db.operator import Operator
from worker.db.queue import Queue
from worker.db.reconciliation import Reconciliation
from worker.db.user import UserRequests
from worker.db.vault import Vault
from worker.db.webhooks import WebhookLog
from worker.http_pool import HttpPool
from worker.metrics import Metrics
from worker.portone.client import PortOneClient, portone_timeout
from worker.portone.stores import Stores
from worker.seal import Sealer
from worker.wake import Bell, Waiters

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from worker.settings import Settings


def _set_event() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass(frozen=True, slots=True)
class Deps:
    """Everything with a connection or a key; opened once per process."""

    settings: Settings
    stores: Stores
    queue: Queue
    webhooks: WebhookLog
    users: UserRequests
    vault: Vault
    reconciliation: Reconciliation
    desk: Desk
    installations: Installations
    operator: Operator
    sealer: Sealer
    metrics: Metrics = field(default_factory=Metrics)
    bell: Bell = field(default_factory=Bell)
    waiters: Waiters = field(default_factory=Waiters)
    # Cleared while the database could not be checked at the start: until then nothing of ours is written to it.
    checked: asyncio.Event = field(default_factory=_set_event)


@asynccontextmanager
async def open_deps(
    settings: Settings,
    *,
    portone_transport: httpx.AsyncBaseTransport | None = None,
    database_transport: httpx.AsyncBaseTransport | None = None,
) -> AsyncIterator[Deps]:
    """Open the connection pools, close them on the way out; the transports are for tests only."""
    async with AsyncExitStack() as stack:
        portone_pool = HttpPool(
            timeout=portone_timeout(settings.portone_read_timeout_seconds),
            concurrency=settings.worker_concurrency,
            transport=portone_transport,
            event_hooks=crash_hooks("portone"),
        )
        stack.push_async_callback(portone_pool.aclose)
        database_pool = HttpPool(
            timeout=database_timeout(settings.database_timeout_seconds),
            concurrency=32,
            transport=database_transport,
            event_hooks=crash_hooks("database"),
        )
        stack.push_async_callback(database_pool.aclose)
        database = Database(
            url=settings.supabase_url,
            secret_key=settings.supabase_secret_key.get_secret_value(),
            publishable_key=settings.supabase_publishable_key.get_secret_value(),
            pool=database_pool,
        )
        metrics = Metrics()
        yield Deps(
            settings=settings,
            stores=_stores(settings, portone_pool, metrics),
            queue=Queue(
                database,
                worker=settings.worker_name,
                lease_seconds=settings.lease_seconds,
                channel_kind=settings.channel_kind,
            ),
            webhooks=WebhookLog(database),
            users=UserRequests(database),
            vault=Vault(database),
            reconciliation=Reconciliation(database),
            desk=Desk(database),
            installations=Installations(database),
            operator=Operator(database),
            sealer=Sealer(settings.sealing_keys()),
            metrics=metrics,
        )


def _stores(settings: Settings, pool: HttpPool, metrics: Metrics) -> Stores:
    def client(store_id: str, api_secret: str, setting: str) -> PortOneClient:
        return PortOneClient(
            base_url=settings.portone_api_url,
            api_secret=api_secret,
            store_id=store_id,
            pool=pool,
            setting=setting,
            note=metrics.portone_call,
        )

    main = client(
        settings.portone_store_id, settings.portone_api_secret.get_secret_value(), "PORTONE_API_SECRET"
    )
    others = {
        store_id: client(
            store_id, store.api_secret.get_secret_value(), f"PORTONE_STORES.{store_id}.api_secret"
        )
        for store_id, store in settings.portone_stores.items()
    }
    return Stores(main, others)
