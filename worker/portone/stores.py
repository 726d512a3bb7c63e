"""Decides which API secret speaks for which store: its own where one is configured, else the main one.

One secret may cover several stores (docs: storeId), so an unlisted store is asked for with the main secret; PortOne
refuses what that secret may not see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker.portone.billing_keys import BillingKeys
from worker.portone.charges import Charges
from worker.portone.identities import Identities
from worker.portone.payment_lists import PaymentLists
from worker.portone.payments import Payments
from worker.portone.schedules import Schedules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.portone.client import PortOneClient


@dataclass(frozen=True, slots=True)
class Store:
    """Everything this project can ask of one PortOne store."""

    store_id: str
    payments: Payments
    charges: Charges
    billing_keys: BillingKeys
    schedules: Schedules
    identities: Identities
    lists: PaymentLists


def open_store(client: PortOneClient) -> Store:
    """Return the calls of the client's store."""
    return Store(
        store_id=client.store_id,
        payments=Payments(client),
        charges=Charges(client),
        billing_keys=BillingKeys(client),
        schedules=Schedules(client),
        identities=Identities(client),
        lists=PaymentLists(client),
    )


class Stores:
    """The shop's stores: the main one, and further ones with secrets of their own."""

    def __init__(self, main: PortOneClient, others: Mapping[str, PortOneClient] | None = None) -> None:
        self._client = main
        self.main = open_store(main)
        self._others = {store_id: open_store(client) for store_id, client in (others or {}).items()}

    @property
    def configured(self) -> tuple[Store, ...]:
        """The main store and every store with a secret of its own."""
        return (self.main, *self._others.values())

    def others(self, store_id: str) -> tuple[Store, ...]:
        """Return the configured stores except this one."""
        return tuple(one for one in (self.main, *self._others.values()) if one.store_id != store_id)

    @property
    def ids(self) -> frozenset[str]:
        """The stores that are configured by name."""
        return frozenset({self.main.store_id, *self._others})

    def of(self, store_id: str | None) -> Store:
        """Return the calls of a store; None = the main one."""
        if store_id is None or store_id == self.main.store_id:
            return self.main
        known = self._others.get(store_id)
        return known if known is not None else open_store(self._client.for_store(store_id))
