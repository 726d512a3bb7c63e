"""Decides what is remembered of a run outside the database and the worker: what was asked, killed and delivered."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Ask:
    """One operation somebody asked for.

    `mark` is what PortOne shows of it and nothing else carries: the order's name, a refund's reason, a billing key.
    `may_fail` names the codes that are a business answer here. `operation_id` is set once the database said yes.
    """

    kind: str
    mark: str
    may_fail: tuple[str, ...] = ()
    point: str = ""
    operation_id: str | None = None
    refused: str | None = None


@dataclass(slots=True)
class Kill:
    """One SIGKILL; times are `time.monotonic()`."""

    worker: str
    slot: int
    at: float
    recovered_at: float | None = None


@dataclass
class Ledger:
    """Filled from several threads while everything breaks; read when it is over."""

    asks: list[Ask] = field(default_factory=list)
    kills: list[Kill] = field(default_factory=list)
    # (webhook id, sha256 of the body) of every delivery the worker answered with 200, counted at the socket.
    acknowledged: Counter[tuple[str, str]] = field(default_factory=Counter)
    # Webhook id → (type, payment id) of what no worker ever hears, however often PortOne sends it.
    withheld: dict[str, tuple[str, str]] = field(default_factory=dict)
    mischief: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, ask: Ask) -> Ask:
        """Note an operation before it is asked for the first time."""
        with self.lock:
            self.asks.append(ask)
        return ask

    def note(self, what: str) -> None:
        """Count one act of mischief."""
        with self.lock:
            self.mischief[what] += 1

    def acknowledge(self, webhook_id: str, digest: str) -> None:
        """Note a delivery that got a 200."""
        with self.lock:
            self.acknowledged[(webhook_id, digest)] += 1

    def withhold(self, webhook_id: str, webhook_type: str, payment_id: str) -> None:
        """Note a webhook that is lost for good."""
        with self.lock:
            self.withheld[webhook_id] = (webhook_type, payment_id)

    def open_kills(self) -> list[Kill]:
        """Return the kills nobody has recovered from yet."""
        with self.lock:
            return [kill for kill in self.kills if kill.recovered_at is None]

    def killed(self, kill: Kill) -> None:
        """Note a kill."""
        with self.lock:
            self.kills.append(kill)
