"""Decides what chaos tests share: one running stack, whose worker they kill, and payments ready to be refunded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.demo.world import running_world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.demo.world import Purchase, World


@pytest.fixture(scope="session")
def chaos_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The whole stack; PortOne answers a shortened read timeout away."""
    # No comparison by itself: when its job is the first to settle, it dies at the point meant for a refund.
    with running_world(
        tmp_path_factory.mktemp("chaos"),
        worker_env={
            "PORTONE_READ_TIMEOUT_SECONDS": "1.5",
            "RECONCILE": "false",
            "MAINTENANCE_INTERVAL_SECONDS": "0",
        },
    ) as world:
        yield world


@pytest.fixture
def world(chaos_world: World) -> Iterator[World]:
    """The running stack; faults of a test do not reach the next one."""
    yield chaos_world
    chaos_world.calm()


@pytest.fixture
def paid(world: World) -> Purchase:
    """A paid payment of 10,000."""
    return world.paid(world.customer(), 10_000)
