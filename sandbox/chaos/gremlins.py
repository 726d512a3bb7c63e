"""Decides what breaks while customers shop: workers are killed, PortOne misbehaves, clocks leap, servers restart."""

from __future__ import annotations

import random
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import psycopg

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.chaos.arena import Arena

_FAULTS: Final[tuple[dict[str, Any], ...]] = (
    {"kind": "drop_reply_after_commit"},
    {"kind": "html_500_after_commit"},
    {"kind": "delay_after_commit", "seconds": 2.5},
    {"kind": "reset_before"},
    {"kind": "delay", "seconds": 0.4},
    {"kind": "status", "status": 429, "headers": {"retry-after": "1"}},
    {"kind": "status", "status": 502, "body": "<html><body>Bad Gateway</body></html>"},
)
_PATHS: Final = (
    "/payments/*", "/payments/*/cancel", "/payments/*/pre-register", "/payments/*/billing-key", "/payments/*/confirm",
    "/payments/*/virtual-account/close", "/payments/*/schedule", "/payment-schedules*", "/billing-keys/*",
)  # fmt: skip
_MOST_PENDING: Final = 12
# For 2,000 operations. A job whose worker dies twenty times is given to a person: that is a promise too, and not what is tried here.
_KILLS_IN_ALL: Final = 200
_LEAPS_IN_ALL: Final = 30
_FAULTS_IN_ALL: Final = 900
_KILLED_UNBORN: Final = 0.1
_CLOCK_LEAP: Final = 7.0
_DOWN_SECONDS: Final = 2.5
# How long after the end it is watched whether the last ones killed are recovered from.
_WATCHED_ON_SECONDS: Final = 30.0


class Gremlins:
    """Threads that break things until `stop`; an error in one of them fails the run."""

    def __init__(self, arena: Arena, seed: int, *, operations: int, kill_every: float, outages: bool) -> None:
        """`kill_every` seconds on average; `outages`: restart servers at quarters of the progress."""
        self._share = max(0.1, operations / 2_000)
        self._arena = arena
        self._seed = seed
        self._kill_every = kill_every
        self._stopped = threading.Event()
        self.errors: list[str] = []
        self.progress = 0.0
        jobs: list[Callable[[random.Random], None]] = [self._kill, self._fault, self._leap, self._watch]
        jobs.append(self._restart if outages else self._restart_front)
        self._threads = [
            threading.Thread(target=self._run, args=(number, job), daemon=True)
            for number, job in enumerate(jobs)
        ]

    def start(self) -> None:
        """Begin."""
        self._arena.network.bad = True
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End, and leave every server running."""
        self._stopped.set()
        self._arena.network.bad = False
        for thread in self._threads:
            thread.join(120)
        self._arena.network.api_down = False

    def _run(self, number: int, job: Callable[[random.Random], None]) -> None:
        try:
            job(random.Random(f"{self._seed}-{number}"))  # noqa: S311 - repeatable, not secret
        except Exception as error:  # whatever it was, the run must not look good
            self.errors.append(f"{job.__name__.strip('_')}: {type(error).__name__}: {error}")

    def _pause(self, seconds: float) -> bool:
        """Wait; False when it is over."""
        return not self._stopped.wait(seconds)

    def _allowed(self, in_all: int) -> float:
        """How often by now: as much mischief for a run on a slow machine as on a fast one, and no more at its begin."""
        return in_all * (0.05 + self.progress) * self._share

    def _kill(self, dice: random.Random) -> None:
        """SIGKILL one worker after the other; a moment of calm after some, else nothing would ever finish."""
        fleet = self._arena.fleet
        while self._pause(dice.uniform(0.4, 1.6) * self._kill_every):
            if len(self._arena.ledger.kills) > self._allowed(_KILLS_IN_ALL):
                continue
            slot = dice.choice(fleet.slots)
            # Mostly one that had begun to work: on a busy machine the others would never come to anything else.
            if fleet.answers(slot.number) or dice.random() < _KILLED_UNBORN:
                fleet.kill(slot)
            if dice.random() < 0.12 and not self._pause(6 * self._kill_every):
                return

    def _fault(self, dice: random.Random) -> None:
        made = 0
        while self._pause(dice.uniform(0.1, 0.6)):
            if made > self._allowed(_FAULTS_IN_ALL):
                continue
            made += 1
            if len(self._arena.portone.faults()) >= _MOST_PENDING:
                self._arena.portone.clear_faults()
            fault = dict(dice.choice(_FAULTS))
            self._arena.portone.add_fault(
                fault.pop("kind"), dice.choice(_PATHS), times=dice.randint(1, 2), **fault
            )
            self._arena.ledger.note("fault of PortOne")

    def _leap(self, dice: random.Random) -> None:
        """Both clocks leap over every lease: workers that live lose their jobs too, and must not finish them."""
        leapt = 0
        while self._pause(dice.uniform(6, 12)):
            if leapt > self._allowed(_LEAPS_IN_ALL):
                continue
            leapt += 1
            with suppress(psycopg.Error):
                self._arena.advance(_CLOCK_LEAP)
                self._arena.ledger.note("all leases ended at once")

    def _watch(self, _dice: random.Random) -> None:
        """Note when each killed worker was replaced and nothing is claimed by it any more, the last ones too."""
        until = None
        while True:
            time.sleep(0.05)
            if self._stopped.is_set():
                until = until or time.monotonic() + _WATCHED_ON_SECONDS
                if not self._arena.ledger.open_kills() or time.monotonic() > until:
                    return
            claimed = self._claimed_by()
            if claimed is None:
                continue
            for kill in self._arena.ledger.open_kills():
                if kill.worker not in claimed and self._arena.fleet.answers(kill.slot):
                    kill.recovered_at = time.monotonic()

    def _claimed_by(self) -> set[str] | None:
        try:
            with self._arena.admin() as connection:
                rows = connection.execute("select worker from queue.jobs where state = 'running'").fetchall()
        except psycopg.Error:
            return None
        return {str(row[0]) for row in rows}

    def _restart_front(self, _dice: random.Random) -> None:
        self._at(0.4, "API restarted", self._arena.stack.supabase.restart_api)

    def _restart(self, _dice: random.Random) -> None:
        supabase = self._arena.stack.supabase
        self._at(0.2, "API restarted", supabase.restart_api)
        self._at(0.4, "PostgreSQL crashed and restarted", self._crash_database)
        self._at(0.55, "PortOne resets every connection", self._portone_gone)
        self._at(0.7, "database and API unreachable", self._all_gone)
        self._at(0.85, "network to the API gone", self._network_gone)

    def _at(self, progress: float, what: str, act: Callable[[], object]) -> None:
        while self.progress < progress:
            if not self._pause(0.1):
                return
        act()
        self._arena.ledger.note(what)

    def _crash_database(self) -> None:
        self._arena.stack.supabase.crash_database()
        self._arena.stack.supabase.recover_database()
        self._arena.stack.supabase.restart_api()

    def _all_gone(self) -> None:
        supabase = self._arena.stack.supabase
        supabase.stop_api()
        supabase.crash_database()
        self._stopped.wait(_DOWN_SECONDS)
        supabase.recover_database()
        supabase.start_api()

    def _network_gone(self) -> None:
        self._arena.network.api_down = True
        self._stopped.wait(_DOWN_SECONDS)
        self._arena.network.api_down = False

    def _portone_gone(self) -> None:
        self._arena.portone.add_fault("reset_before", "*", times=200)
