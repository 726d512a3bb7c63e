"""The ten steps of `make demo`, each a test, and what the demo itself promises about them."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from sandbox.demo import __main__ as demo
from sandbox.demo.journey import STEPS, Step, travel
from sandbox.demo.report import Outcome, Report, write_json
from sandbox.demo.story import Story

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.demo.world import World


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.show.__name__)
def test_the_journey(world: World, step: Step) -> None:
    step.show(world, Story())


def test_the_journey_has_ten_steps_with_names_of_their_own() -> None:
    assert len({step.name for step in STEPS}) == len({step.show for step in STEPS}) == 10


class _CalmWorld:
    def calm(self) -> None:
        """Nothing to undo."""


def _silent() -> tuple[Report, io.StringIO]:
    printed = io.StringIO()
    return Report(Console(file=printed, width=118, highlight=False)), printed


def test_a_failing_step_does_not_hide_the_next_one() -> None:
    def breaks(_world: World, story: Story) -> None:
        story.expect("one is two", 1, 2)

    def crashes(_world: World, _story: Story) -> None:
        raise RuntimeError("no such thing")

    def holds(_world: World, story: Story) -> None:
        story.tell("one is compared")
        story.expect("one is one", 1, 1)

    report, printed = _silent()
    steps = [Step("breaks", breaks), Step("crashes", crashes), Step("holds", holds)]
    outcomes = travel(_CalmWorld(), report, steps)  # type: ignore[arg-type]
    assert [outcome.ok for outcome in outcomes] == [False, False, True]
    assert outcomes[0].detail == "CheckFailed: one is two: expected 2, but it was 1"
    assert outcomes[1].detail == "RuntimeError: no such thing"
    assert outcomes[2].detail == "one is compared. one is one: 1"
    assert printed.getvalue().count("✗") == 2
    assert "expected 2" in printed.getvalue()
    assert "no such thing" in printed.getvalue()


def test_the_json_says_name_ok_and_detail_of_each_step_and_the_seconds(tmp_path: Path) -> None:
    file = tmp_path / "build" / "demo.json"
    write_json(file, [Outcome("one", ok=True, detail="it held", seconds=1)], 2.34)
    said = json.loads(file.read_text())
    assert said == {"steps": [{"name": "one", "ok": True, "detail": "it held"}], "seconds": 2.3}


def test_a_sandbox_that_does_not_start_is_a_failure_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SANDBOX_API", "carrier-pigeon")
    file = tmp_path / "demo.json"
    assert demo.main(file, tmp_path / "logs") == 1
    said = json.loads(file.read_text())
    assert [step["ok"] for step in said["steps"]] == [False]
    assert "carrier-pigeon" in said["steps"][0]["detail"]
    assert "carrier-pigeon" in capsys.readouterr().out
