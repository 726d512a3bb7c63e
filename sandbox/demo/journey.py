"""Decides the order of the journey's steps and that one failing step does not hide the next."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.demo.report import Outcome
from sandbox.demo.steps.accidents import killed_worker_cancels_once, lost_reply_cancels_once
from sandbox.demo.steps.ordering import order_is_prepared_before_it_is_visible
from sandbox.demo.steps.paying import (
    browser_races_webhook,
    tampered_amount_is_refused_and_webhooks_count_once,
)
from sandbox.demo.steps.privacy import everybody_sees_only_their_own
from sandbox.demo.steps.refunding import refunds_never_exceed_what_was_paid
from sandbox.demo.steps.strange_webhooks import strange_webhooks_are_handled
from sandbox.demo.steps.upgrade import legacy_shop_is_upgraded
from sandbox.demo.steps.virtual_account import virtual_account_is_paid_and_refunded
from sandbox.demo.story import Story

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sandbox.demo.report import Report
    from sandbox.demo.world import World


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its promise as its name, and the function that shows it.

    Every step buys what it needs itself, so none depends on another.
    """

    name: str
    show: Callable[[World, Story], None]


STEPS = (
    Step("A legacy shop is upgraded and every amount is right", legacy_shop_is_upgraded),
    Step("An order is registered at PortOne before its payment id is visible", order_is_prepared_before_it_is_visible),
    Step("A tampered amount is refused; webhooks twice and out of order pay once", tampered_amount_is_refused_and_webhooks_count_once),
    Step("The browser races the webhook: one payment, one event", browser_races_webhook),
    Step("Refunds never exceed what was paid", refunds_never_exceed_what_was_paid),
    Step("A virtual account is issued, deposited and refunded", virtual_account_is_paid_and_refunded),
    Step("Forged, replayed, unknown and orphaned webhooks", strange_webhooks_are_handled),
    Step("Everybody sees their own, an admin sees all", everybody_sees_only_their_own),
    Step("PortOne's reply is lost: still one cancellation", lost_reply_cancels_once),
    Step("The worker is killed in the middle: still one cancellation", killed_worker_cancels_once),
)  # fmt: skip


def travel(world: World, report: Report, steps: Sequence[Step] = STEPS) -> list[Outcome]:
    """Run all steps and return their outcomes, in order."""
    return [_take(world, report, number, step) for number, step in enumerate(steps, start=1)]


def _take(world: World, report: Report, number: int, step: Step) -> Outcome:
    started = time.monotonic()
    report.begin(number, step.name)
    story = Story(report.line)
    problem = None
    try:
        step.show(world, story)
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
    try:
        world.calm()
    except Exception as error:
        problem = problem or f"afterwards: {type(error).__name__}: {error}"
    seconds = time.monotonic() - started
    outcome = Outcome(step.name, problem is None, problem or story.detail(), round(seconds, 2))
    report.end(outcome)
    return outcome
