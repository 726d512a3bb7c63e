"""Decides what every access test of a module shares: one database with one world in it, and a caller per role."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from tests.access.api import Client
from tests.access.decisions import ROLES
from tests.access.world import World, build_world
from tests.sql.shop import Caller, Shop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.supabase.project import Supabase
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


@pytest.fixture(scope="module")
def api_shop(supabase: Supabase) -> Iterator[Shop]:
    """The database behind the API."""
    opened = Shop(supabase.endpoint.db_url)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def api_world(supabase: Supabase, api_shop: Shop) -> World:
    """Something in every table of the database behind the API."""
    people = [supabase.create_user(f"access-{uuid.uuid4()}@example.com") for _ in range(3)]
    return build_world(api_shop, *people)


@pytest.fixture(scope="module")
def clients(supabase: Supabase, api_world: World) -> Iterator[dict[str, Client]]:
    """A client for each role, with the keys and tokens an app has."""
    keys = supabase.endpoint
    tokens = {
        "owner": supabase.mint_jwt(api_world.owner),
        "other": supabase.mint_jwt(api_world.other),
        "admin": supabase.mint_jwt(api_world.admin, app_metadata={"role": "admin"}),
    }
    opened = {
        role: Client(
            supabase,
            key=keys.secret_key if role == "service_role" else keys.publishable_key,
            token=tokens.get(role),
        )
        for role in ROLES
    }
    yield opened
    for client in opened.values():
        client.close()
