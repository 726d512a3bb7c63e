"""Decides what every SQL test starts from: a fresh database of its own and the roles that use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sql.shop import Caller, Shop

if TYPE_CHECKING:
    from collections.abc import Iterator

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
