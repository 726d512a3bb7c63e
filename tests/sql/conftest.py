"""Decides what every SQL test starts from: a fresh database of its own and the roles that use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sql.shop import Caller, Shop
from tests.sql.window_walk import Walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import TestDatabase


@pytest.fixture
def shop(database: TestDatabase) -> Iterator[Shop]:
    """A shop with nothing in it."""
    opened = Shop(database.url)
    yield opened
    opened.close()


@pytest.fixture
def worker(shop: Shop) -> Caller:
    """The worker's connection."""
    return shop.service()


@pytest.fixture
def owner(shop: Shop) -> Caller:
    """The migration role's connection, to look at what happened."""
    return shop.owner()


@pytest.fixture(scope="module")
def window_shop(module_database: TestDatabase) -> Iterator[Shop]:
    """A shop whose database the walks of one module share: each has its own payment, a fresh clock and an empty queue."""
    opened = Shop(module_database.url)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def window_callers(window_shop: Shop) -> tuple[Caller, Caller]:
    """The worker's connection and the migration role's, for the walks of one module."""
    return window_shop.service(), window_shop.owner()


@pytest.fixture
def walk(window_shop: Shop, window_callers: tuple[Caller, Caller]) -> Callable[[str], Walk]:
    """Return a function that asks for one call of a kind, to be walked through PortOne's window."""
    worker, owner = window_callers
    owner.run("delete from queue.jobs")
    owner.run("update private.clock set clock_offset = '0'")
    return lambda kind: Walk(window_shop, worker, owner, kind)
