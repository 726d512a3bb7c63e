"""A foreign shop adopts the project, as docs/adopt.md tells it to, and passes the journey (what `make adopt` shows)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.adoption.__main__ import adopted_world, steps_of
from sandbox.demo.story import Story

if TYPE_CHECKING:
    from pathlib import Path


def test_a_shop_with_tables_of_its_own_adopts_the_project_and_passes_the_journey(tmp_path: Path) -> None:
    with adopted_world(tmp_path / "logs") as (adopted, world):
        stories = [Story() for _ in steps_of(adopted)]
        for step, story in zip(steps_of(adopted), stories, strict=True):
            step.show(world, story)
            world.calm()
    assert [len(story.lines) > 3 for story in stories] == [True, True, True, True]
