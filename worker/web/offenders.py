"""Decides when an address has sent too many webhooks nobody signed: it is told to slow down, and is no longer logged.

A genuine webhook passes whatever its address did before: behind a proxy that is not declared everybody has one
address, and PortOne must never be locked out by somebody else. What an unsigned webhook costs us is bounded anyway
(256 KiB, a few seconds, some hashes). Memory is bounded: the addresses heard of longest ago are forgotten.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

BURST: Final = 20
PER_SECOND: Final = 1.0
_MOST_ADDRESSES: Final = 4096


class Offenders:
    """A token bucket for each address: ``BURST`` at once, then ``PER_SECOND``."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock`` gives seconds that never go back."""
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        """How many addresses are remembered."""
        return len(self._buckets)

    def is_over(self, address: str) -> bool:
        """Count one bad webhook of an address; say whether it has sent too many."""
        now = self._clock()
        left, since = self._buckets.pop(address, (float(BURST), now))
        left = min(float(BURST), left + (now - since) * PER_SECOND)
        over = left < 1
        self._buckets[address] = (left if over else left - 1, now)
        if len(self._buckets) > _MOST_ADDRESSES:
            self._buckets.popitem(last=False)
        return over
