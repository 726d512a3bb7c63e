"""Bells and waiters: nothing rung or settled a moment too early is missed."""

from __future__ import annotations

import asyncio

from worker.wake import Bell, Waiters


async def test_a_bell_rung_before_the_wait_is_heard_once() -> None:
    bell = Bell()
    bell.ring()
    bell.ring()
    assert await bell.wait(0.01)
    assert not await bell.wait(0.01)


async def test_a_bell_ends_a_wait() -> None:
    bell = Bell()
    waiting = asyncio.create_task(bell.wait(10))
    await asyncio.sleep(0)
    bell.ring()
    assert await waiting


async def test_an_operation_settled_just_before_is_remembered() -> None:
    waiters = Waiters()
    waiters.notify("op")
    with waiters.waiting("op") as event:
        assert event.is_set()
    with waiters.waiting("other") as event:
        assert not event.is_set()


async def test_everybody_who_waits_is_woken_and_forgotten() -> None:
    waiters = Waiters()
    with waiters.waiting("op") as first, waiters.waiting("op") as second:
        waiters.notify("op")
        assert first.is_set()
        assert second.is_set()
    assert waiters._waiting == {}


async def test_memory_is_bounded() -> None:
    waiters = Waiters()
    for number in range(10_000):
        waiters.notify(str(number))
    assert len(waiters._settled) <= 4096


async def test_what_was_rung_before_a_claim_asks_for_no_further_one() -> None:
    bell = Bell()
    bell.ring()
    bell.heard()
    assert not await bell.wait(0.01)


async def test_a_bell_for_later_rings_once_and_not_after_a_claim() -> None:
    bell = Bell()
    bell.ring_within(0.01)
    bell.ring_within(60)
    assert await bell.wait(30)
    bell.heard()
    bell.ring_within(0.01)
    bell.heard()
    assert not await bell.wait(0.03)
    bell.ring_within(0.01)
    assert await bell.wait(30)


async def test_what_is_worked_on_here_is_known_until_it_is_settled() -> None:
    waiters = Waiters()
    assert not waiters.is_begun("op")
    waiters.begin("op")
    assert waiters.is_begun("op")
    waiters.notify("op")
    assert not waiters.is_begun("op")
