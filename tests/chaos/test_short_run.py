"""`make chaos` in short: a few crash points, then customers shopping while workers are killed and the API restarts.

Nothing is lost, done twice, left different or left open, and no output holds a secret or anything private.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from sandbox.chaos import report
from sandbox.chaos.run import Plan, Run

if TYPE_CHECKING:
    from pathlib import Path

POINTS = (
    ("prepare_payment", "lost_settle_reply"),
    ("close_virtual_account", "after_send"),
    ("delete_billing_key", "after_reply"),
    ("webhook", "lost_record_reply"),
)
OPERATIONS = 40


@pytest.mark.timeout(600)
def test_killed_and_cut_off_everywhere_the_books_are_equal(tmp_path: Path) -> None:
    told: list[str] = []
    plan = Plan(
        seed=11, operations=OPERATIONS, workers=2, at_once=25, kill_every=0.6, outages=False, points=POINTS
    )
    summary = Run(plan, told.append, lambda: "\n".join(told))()
    assert summary.findings == []
    assert (summary.lost, summary.double_effects, summary.diverged, summary.stuck, summary.leaks) == (0,) * 5
    # It did break what it says it broke: a run in which nothing happened proves nothing.
    assert summary.runs == len(POINTS)
    assert summary.kills > len(POINTS)
    assert summary.operations == OPERATIONS + len(POINTS) - 1, "a webhook is no operation"
    assert summary.effects > len(POINTS)
    assert summary.webhooks_acknowledged > 0
    assert summary.mischief["API restarted"] == 1
    assert summary.mischief["fault of PortOne"] > 0
    assert summary.recovery_p50_ms is not None
    report.write(summary, tmp_path / "chaos.json")
    written = json.loads((tmp_path / "chaos.json").read_text())
    assert (written["seed"], written["lost"], written["operations"]) == (11, 0, summary.operations)
