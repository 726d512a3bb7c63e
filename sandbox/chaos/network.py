"""Decides how bad the two networks are: in front of the workers (PortOne and customers) and in front of the API.

The front is also the recorder: it counts every webhook the worker answered with 200, at the socket.
"""

from __future__ import annotations

import hashlib
import json
import random
import threading
from typing import TYPE_CHECKING

from sandbox.chaos.relay import Plan

if TYPE_CHECKING:
    from sandbox.chaos.ledger import Ledger
    from sandbox.chaos.relay import Request

WEBHOOKS = "/webhooks/portone"
_LONGEST_DELAY = 1.5


class Network:
    """Both policies share one seeded sequence and one switch."""

    def __init__(self, seed: int, ledger: Ledger) -> None:
        self._dice = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self._lock = threading.Lock()
        self._ledger = ledger
        self._seen: set[str] = set()
        self.bad = False
        self.api_down = False

    def front(self, request: Request) -> Plan:
        """Lose, delay, repeat webhooks; cut a few customers off. What is withheld stays so when the rest is good again."""
        if request.headers.get("webhook-id", "") in self._ledger.withheld and request.path == WEBHOOKS:
            return Plan(refuse=True)
        if not self.bad:
            return Plan()
        with self._lock:
            roll, wait = self._dice.random(), self._dice.uniform(0.05, _LONGEST_DELAY)
        if request.path != WEBHOOKS:
            return self._told("customer cut off", Plan(cut=True)) if roll < 0.02 else Plan()
        first = request.headers.get("webhook-id", "") not in self._seen
        self._seen.add(request.headers.get("webhook-id", ""))
        if roll < 0.02 and first and self._withhold(request):
            return self._told("webhook lost for good", Plan(refuse=True))
        if roll < 0.06 and first:
            return self._told("webhook dropped", Plan(refuse=True))
        if roll < 0.10 and first:
            return self._told("webhook reply lost", Plan(cut=True))
        if roll < 0.25:
            return self._told("webhook duplicated", Plan(copies=2))
        if roll < 0.50:
            return self._told("webhook delayed and overtaken", Plan(wait=wait))
        return Plan()

    def _withhold(self, request: Request) -> bool:
        """Lose this webhook for good. Only a payment's: a card's own list is not compared with PortOne's."""
        body = json.loads(request.body)
        if not str(body.get("type", "")).startswith("Transaction."):
            return False
        self._ledger.withhold(request.headers["webhook-id"], body["type"], body["data"]["paymentId"])
        return True

    def heard(self, request: Request, status: int) -> None:
        """Count what was acknowledged."""
        if request.path == WEBHOOKS and status == 200:
            digest = hashlib.sha256(request.body).hexdigest()
            self._ledger.acknowledge(request.headers["webhook-id"], digest)

    def api(self, request: Request) -> Plan:
        """Between worker and database: lose a few replies after the commit, everything while it is down."""
        if self.api_down:
            return Plan(refuse=True)
        if not self.bad:
            return Plan()
        with self._lock:
            roll = self._dice.random()
        if roll < 0.02:
            return self._told(f"reply of {request.path.rpartition('/')[2]} lost", Plan(cut=True))
        return Plan()

    def _told(self, what: str, plan: Plan) -> Plan:
        self._ledger.note(what)
        return plan
