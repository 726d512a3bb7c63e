"""How long a call that moves money is tried: its time counts from the moment it was first sent, not from being asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sql.cards import begin
from tests.sql.shop import claim, settle
from tests.sql.window_walk import BUDGET, KINDS, UNREACHABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.sql.shop import Caller, Shop
    from tests.sql.window_walk import Walk


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_first_sent_hours_after_it_was_asked_for_has_its_whole_time_from_then_on(
    window_shop: Shop, window_callers: tuple[Caller, Caller], walk: Callable[[str], Walk], kind: str
) -> None:
    """The worker was away for almost the budget; a lost answer a moment later is no reason to give up."""
    worker, owner = window_callers
    asked = walk(kind).asked
    window_shop.advance(BUDGET - 600)
    (job,) = claim(worker)
    assert begin(worker, job)["decision"] == "send"
    unknown = {"number": 1, "outcome": "unknown"}
    settle(worker, job, "retry", retry_in_seconds=0, attempt=unknown, error=UNREACHABLE)
    window_shop.advance(900)
    (job,) = claim(worker)
    assert begin(worker, job)["decision"] == "resend"
    settle(worker, job, "retry", retry_in_seconds=0, attempt=unknown, error=UNREACHABLE)
    left = owner.row(
        "select (select state from queue.jobs where operation_id = %s::uuid) as state, "
        "(select count(*) from queue.dead where operation_id = %s::uuid) as dead",
        asked["id"],
        asked["id"],
    )
    assert left == {"state": "backoff", "dead": 0}
    (job,) = claim(worker)
    assert job["operation_id"] == asked["id"]
