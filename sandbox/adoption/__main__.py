"""Decides what `make adopt` does: a foreign shop takes the project in and passes the journey; the exit code is the verdict."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.adoption.existing_shop import ExistingShop, copy_of_sample
from sandbox.adoption.steps import (
    Adopted,
    an_order_dropped_too_late_is_not_lost,
    nothing_of_theirs_was_changed,
    their_order_is_paid_under_its_own_id,
    their_refunds_are_guarded,
)
from sandbox.demo.journey import Step, travel
from sandbox.demo.report import Report, write_json
from sandbox.demo.world import World
from sandbox.setup.paths import BUILD_DIR, PROJECT_ROOT
from sandbox.stack.stack import Stack
from sandbox.supabase.open import make_supabase

if TYPE_CHECKING:
    from collections.abc import Iterator

ADOPTION_FILE = BUILD_DIR / "adoption.json"
ADOPTION_LOGS = BUILD_DIR / "adoption"


@contextmanager
def adopted_world(logs: Path) -> Iterator[tuple[Adopted, World]]:
    """Yield the sample shop after it has adopted the project, and the running system around it; stop all at the end."""
    with tempfile.TemporaryDirectory(prefix="existing-shop-") as temporary:
        folder = copy_of_sample(Path(temporary) / "shop")
        supabase = make_supabase(workdir=logs, project=folder)
        try:
            supabase.start_database()
            adopted = _adopt(ExistingShop.open(folder, supabase))
            supabase.start_api()
            stack = Stack(logs, supabase=supabase)
            try:
                stack.start()
                world = World(stack, [])
                try:
                    yield adopted, world
                finally:
                    world.close()
            finally:
                stack.stop()
        finally:
            supabase.stop()


def steps_of(adopted: Adopted) -> tuple[Step, ...]:
    """Return what is shown, in order."""
    return (
        Step(
            "A shop with tables of its own adopts the project; nothing of its own changes",
            lambda _world, story: nothing_of_theirs_was_changed(adopted, story),
        ),
        Step(
            "Its own order is paid, at its own price, under its own id",
            partial(their_order_is_paid_under_its_own_id, adopted),
        ),
        Step(
            "An order dropped while its window was open is not lost",
            partial(an_order_dropped_too_late_is_not_lost, adopted),
        ),
        Step("Its refunds are guarded", partial(their_refunds_are_guarded, adopted)),
    )


def _adopt(shop: ExistingShop) -> Adopted:
    old_customer = shop.supabase.create_user("old-customer@existing-shop.example")
    shop.order(old_customer, cup_03=1)
    files = {path.name: path.read_text() for path in shop.migrations.iterdir()}
    before = shop.inventory()
    copied = shop.adopt()
    return Adopted(shop, before, shop.inventory(), copied, files, shop.supabase.push())


def main(file: Path = ADOPTION_FILE, logs: Path = ADOPTION_LOGS) -> int:
    """Run the steps, write `build/adoption.json` in the shape of `build/demo.json`, return 0 only when all hold."""
    started = time.monotonic()
    shutil.rmtree(logs, ignore_errors=True)
    report = Report()
    report.opening("a shop that existed before takes the project in (examples/existing-shop)")
    with adopted_world(logs) as (adopted, world):
        outcomes = travel(world, report, steps_of(adopted))
    seconds = time.monotonic() - started
    write_json(file, outcomes, seconds)
    report.closing(
        outcomes, seconds, str(file.relative_to(PROJECT_ROOT) if file.is_relative_to(PROJECT_ROOT) else file)
    )
    return 0 if all(outcome.ok for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
