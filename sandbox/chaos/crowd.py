"""Decides how many customers shop at the same time, and when the shop closes."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from sandbox.chaos.doors import Doors, Enough
from sandbox.chaos.journeys import TOTAL, Journeys
from sandbox.chaos.people import make_people

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sandbox.chaos.arena import Arena
    from sandbox.chaos.people import Person

# About as many operations as one journey wants, at least.
_OPERATIONS_EACH = 2


class Crowd:
    """Customers of one run; `private` is what they know and no output may show."""

    def __init__(self, arena: Arena, operations: int, seed: int, *, at_once: int) -> None:
        self._arena = arena
        self._operations = operations
        self._dice = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self._at_once = at_once
        self._people = make_people(arena, operations // _OPERATIONS_EACH + at_once, TOTAL, self._dice)
        self.private: set[str] = {word for person in self._people for word in person.private()}
        self.errors: list[str] = []

    def shop(self, progress: Callable[[int], None]) -> None:
        """Shop until enough operations were asked for and all journeys have ended or given up."""
        asyncio.run(self._shop(progress))

    async def _shop(self, progress: Callable[[int], None]) -> None:
        doors = Doors(self._arena, self._operations, self._dice)
        admin = self._arena.world.admin.token or ""
        journeys = Journeys(self._arena, doors, admin, self._dice)
        slots = asyncio.Semaphore(self._at_once)
        watcher = asyncio.create_task(doors.watch())
        teller = asyncio.create_task(self._tell(progress))
        try:
            running = set()
            for person in self._people:
                await slots.acquire()
                if doors.full:
                    break
                running.add(asyncio.create_task(self._journey(journeys.any(), person, slots)))
            await asyncio.gather(*running)
        finally:
            for task in (watcher, teller):
                task.cancel()
            await asyncio.gather(watcher, teller, return_exceptions=True)
            await doors.close()
            self.private |= set(journeys.issued)

    async def _journey(
        self, way: Callable[[Person], Awaitable[None]], person: Person, slots: asyncio.Semaphore
    ) -> None:
        try:
            await way(person)
        except Enough:
            pass
        except Exception as error:  # a journey that breaks otherwise is our own mistake and must be seen
            self.errors.append(f"journey {getattr(way, '__name__', '?')}: {type(error).__name__}: {error}")
        finally:
            slots.release()

    async def _tell(self, progress: Callable[[int], None]) -> None:
        while True:
            await asyncio.sleep(0.5)
            progress(len(self._arena.ledger.asks))
