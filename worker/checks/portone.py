"""Decides whether each PortOne store can be used: reachable, and its API secret accepted for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from worker.checks.result import CheckResult, error, ok
from worker.errors import Misconfigured, Rejected, Transient, WorkerError

if TYPE_CHECKING:
    from worker.portone.stores import Store

# A payment id nobody has: asking for it changes nothing and is answered 404 by a store that knows us.
PROBE_PAYMENT: Final = "portone0supabase0doctor0probe"
_PATIENCE_SECONDS: Final = 10.0


async def check_store(store: Store) -> CheckResult:
    """Ask the store for a payment that does not exist.

    Any answer of PortOne that is no refusal counts: a busy PortOne is still the one we were told to talk to.
    """
    name = f"portone {store.store_id}"
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await store.payments.get(PROBE_PAYMENT)
    except TimeoutError:
        return _silent(name)
    except Misconfigured as refusal:
        return error(name, "PortOne refused the API secret", refusal.message)
    except Rejected as refusal:
        return error(
            name, f"PortOne answered {refusal.code}",
            "check that the store id and the API secret belong together",
        )  # fmt: skip
    except Transient as failure:
        if failure.status is None:
            return _silent(name)
        return ok(name, f"reachable, answers {failure.code} at the moment")
    except WorkerError as failure:
        return error(name, f"PortOne answered {failure.code}", "try again", may_pass=True)
    return ok(name, "reachable, the API secret is accepted")


def _silent(name: str) -> CheckResult:
    fix = "check PORTONE_API_URL and that outgoing HTTPS is allowed"
    return error(name, "PortOne cannot be reached", fix, may_pass=True)
