"""Owns what this process knows about itself as a runner: jobs in flight, claims lost, why it stopped claiming."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worker.errors import Misconfigured
    from worker.model import Job

Held = tuple[int, int]


def held(job: Job) -> Held:
    """Return the pair every lease call needs."""
    return (job.id, job.claim)


@dataclass(slots=True)
class RunnerState:
    """Shared by claimer, executor, settler and heartbeat; all of them run on one event loop."""

    running: dict[Held, Job] = field(default_factory=dict)
    settling: set[Held] = field(default_factory=set)
    lost: set[Held] = field(default_factory=set)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    freed: asyncio.Event = field(default_factory=asyncio.Event)
    portone_refusal: Misconfigured | None = None
    database_refusal: Misconfigured | None = None
    failed_claims: int = 0

    @property
    def may_claim(self) -> bool:
        """Whether new work may be taken."""
        return not self.stopping.is_set() and self.portone_refusal is None

    def leased(self) -> list[Held]:
        """Every claim this process still answers for."""
        return [*self.running, *(pair for pair in self.settling if pair not in self.running)]

    def finish(self, pair: Held) -> None:
        """Forget a claim that is settled, released or lost."""
        self.running.pop(pair, None)
        self.settling.discard(pair)
        self.lost.discard(pair)
        self.freed.set()
