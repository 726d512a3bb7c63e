"""Decides which parts make one simulator and how it returns to its beginning."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .agenda import Agenda
from .assumptions import Assumptions
from .chaos import Chaos
from .clock import SECOND, Clock, nanos_text
from .courier import Courier
from .errors import ControlError, PortOneError
from .faults import Faults
from .idempotency import IdempotencyKeys
from .identifiers import Identifiers
from .store import Shared, Store
from .tokens import Tokens

if TYPE_CHECKING:
    from .agenda import Kind
    from .config import SimulatorConfig, StoreConfig
    from .faults import Fault
    from .messages import Message


@dataclass(slots=True)
class LoggedRequest:
    """One call the PortOne API received; ``status`` None = it got no reply, ``fault`` says why."""

    at: int
    method: str
    path: str
    query: str
    idempotency_key: str | None
    raw: bytes
    status: int | None = None
    fault: str | None = None
    replayed: bool = False

    def body(self) -> dict[str, Any]:
        """Return the control API's form."""
        return {
            "at": nanos_text(self.at),
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "idempotency_key": self.idempotency_key,
            "body": self.raw.decode(errors="replace"),
            "status": self.status,
            "fault": self.fault,
            "replayed": self.replayed,
        }


class Simulator:
    """All state of one simulated PortOne, in memory."""

    def __init__(self, config: SimulatorConfig) -> None:
        self.config = config
        self.clock = Clock()
        self.rules = Assumptions()
        self.faults = Faults()
        self.chaos = Chaos()
        self.idempotency = IdempotencyKeys(self.clock, self.rules)
        self.requests: deque[LoggedRequest] = deque(maxlen=config.request_log_size)
        self.random = random.Random(config.seed)  # noqa: S311  # invented ids guard nothing, and tests want them repeatable
        self.ids = Identifiers(self.clock, self.random)
        self.tokens = Tokens(self.clock, self.ids)
        self.courier = Courier(self.clock, self.rules, self.random, self._secrets_of, self._delivered)
        self.agenda = Agenda(self.clock, self._perform)
        self.messages: dict[str, Message] = {}
        self._interruption = asyncio.Event()
        self._begin()

    def _begin(self) -> None:
        self.rules.update(Assumptions().values() | self.config.assumptions)
        self._shared = Shared(
            self.config.merchant_id,
            self.clock,
            self.ids,
            self.rules,
            self.courier,
            self.agenda,
            self.messages,
            self._schedule_fault,
        )
        self.stores = {store.store_id: Store(store, self._shared) for store in self.config.stores()}

    def open_store(self, config: StoreConfig) -> None:
        """Add an empty store until the next reset."""
        self.stores[config.store_id] = Store(config, self._shared)

    # -- stores ---------------------------------------------------------------------------------------------------

    @property
    def first(self) -> Store:
        """Return the first store."""
        return next(iter(self.stores.values()))

    def store(self, store_id: str | None) -> Store:
        """Return a store for the control API, the first one for None; raises ControlError."""
        store = self.first if store_id is None else self.stores.get(store_id)
        if store is None:
            known = ", ".join(self.stores)
            raise ControlError(404, "SIM_NO_SUCH_STORE", f"storeId: {store_id} is not one of {known}")
        return store

    def holder(self, payment_id: str) -> Store:
        """Return the first store that has the payment; raises PAYMENT_NOT_FOUND."""
        for store in self.stores.values():
            if payment_id in store.ledger.payments:
                return store
        raise PortOneError("PAYMENT_NOT_FOUND", f"payment {payment_id} does not exist")

    # -- time -----------------------------------------------------------------------------------------------------

    async def advance(self, seconds: float) -> None:
        """Move the clock forward, stopping at every due re-send, schedule and account end on the way.

        By exactly so much, however long the stops take: a clock moved beside this one must not drift away from it.
        """
        ahead = self.clock.offset + round(seconds * SECOND)
        await self.courier.finish_running()
        while True:
            moments = [moment for moment in (self.courier.next_due(), self.agenda.next_due()) if moment]
            if not moments or min(moments) > self.clock.wall() + ahead:
                break
            self.clock.move_to(min(moments))
            self.agenda.run_due()
            await self.courier.finish_running()
        self.clock.move_to(self.clock.wall() + ahead)
        self.agenda.run_due()
        self.courier.pump()

    async def pause(self, seconds: float) -> None:
        """Wait for real time to pass; a reset or the end of the server cuts it short."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._interruption.wait()

    def interrupt(self) -> None:
        """End all pauses."""
        self._interruption.set()
        self._interruption = asyncio.Event()

    # -- beginning and end ----------------------------------------------------------------------------------------

    async def reset(self) -> None:
        """Forget everything that happened and return to the configuration."""
        self.interrupt()
        await self.courier.clear()
        self.agenda.clear()
        self.clock.reset()
        self.faults.clear()
        self.chaos.off()
        self.idempotency.clear()
        self.requests.clear()
        self.tokens.clear()
        self.messages.clear()
        if self.config.seed is not None:
            self.random.seed(self.config.seed)
        self._begin()

    async def close(self) -> None:
        """Stop deliveries."""
        self.agenda.clear()
        await self.courier.close()

    def _perform(self, store_id: str, kind: Kind, subject: str) -> None:
        store = self.stores[store_id]
        if kind == "schedule":
            store.planner.run(subject)
        else:
            store.ledger.expire_account(subject)

    def _schedule_fault(self, payment_id: str) -> Fault | None:
        return self.faults.take("pg", "RUN", f"/payments/{payment_id}/schedule")

    def _secrets_of(self, message: Message) -> tuple[str, ...]:
        return self.stores[message.store_id].announcer.settings.secrets[message.environment]

    def _delivered(self, message: Message) -> None:
        store = self.stores.get(message.store_id)
        payment = store.ledger.payments.get(message.payment_id or "") if store is not None else None
        if payment is not None:
            payment.rendered = None
