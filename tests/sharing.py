"""Decides which of several pytest processes runs which file, and in what order.

Files that share a running stack stay together, so that each stack is started once. What takes long comes first: a
process that ends early then finds small files to go on with, instead of waiting for the other's long last one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xdist.scheduler import LoadFileScheduling

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

# The tests of such a folder share one stack (see its conftest.py).
ONE_STACK = ("tests/chaos/", "tests/flow/")
# Everything else comes between these two, most tests first.
EARLY = (*ONE_STACK, "tests/adoption/", "tests/sql/test_legacy_", "tests/sandbox/")
LATE = ("tests/contract/", "tests/unit/", "tests/docs/", "tests/bench/")


def unit_of(nodeid: str) -> str:
    """Return what a test is kept together with: the folder with its stack, else its file."""
    folder = next((folder for folder in ONE_STACK if nodeid.startswith(folder)), None)
    return folder or nodeid.partition("::")[0]


def rank(unit: str, tests: int) -> tuple[int, int]:
    """Return the place of a unit with so many tests: the lowest starts first."""
    for place, prefix in enumerate(EARLY, -len(EARLY)):
        if unit.startswith(prefix):
            return place, -tests
    return int(unit.startswith(LATE)), -tests


class Sharing(LoadFileScheduling):
    """`--dist loadfile` with these units in this order."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)

    def _assign_work_unit(self, node: WorkerController) -> None:
        first = min(self.workqueue, key=lambda unit: rank(unit, len(self.workqueue[unit])))
        self.workqueue.move_to_end(first, last=False)
        super()._assign_work_unit(node)
