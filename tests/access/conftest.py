"""Decides what every access test of a module shares: one database with one world in it, and a caller per role."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.access.decisions import ROLES
from tests.access.world import World, build_world
from tests.sql.shop import Caller, Shop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import TestDatabase


@pytest.fixture(scope="module")
def shop(module_database: TestDatabase) -> Iterator[Shop]:
    """A shop of this module's own."""
    opened = Shop(module_database.url)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def world(shop: Shop) -> World:
    """Something in every table."""
    return build_world(shop, shop.new_user(), shop.new_user(), shop.new_user())


@pytest.fixture(scope="module")
def callers(shop: Shop, world: World) -> dict[str, Caller]:
    """A connection for each role, as the API would switch it."""
    switched = {"anon": "anon", "service_role": "service_role"}
    return {role: shop.connect(switched.get(role, "authenticated"), world.claims(role)) for role in ROLES}
