"""Decides what flow tests share: one running stack for the session, calm again after every test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.demo.world import running_world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.demo.shopper import Shopper
    from sandbox.demo.world import World


@pytest.fixture(scope="session")
def flow_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The whole stack as the demo starts it: an upgraded legacy shop."""
    # A proxy in front: each person of a test has an address of their own, as throttling counts by address.
    with running_world(
        tmp_path_factory.mktemp("flow"),
        worker_env={"TRUSTED_PROXY_HOPS": "1", "MAINTENANCE_INTERVAL_SECONDS": "0", "RECONCILE": "false"},
    ) as world:
        yield world


@pytest.fixture
def world(flow_world: World) -> Iterator[World]:
    """The running stack; faults and held webhooks of a test do not reach the next one."""
    yield flow_world
    flow_world.calm()


@pytest.fixture
def mina(world: World) -> Shopper:
    """A new customer."""
    return world.customer("mina")
