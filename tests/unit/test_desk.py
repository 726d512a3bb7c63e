"""The desk's calls: batches are split, pages followed to the end, moments written as people write them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import typer

from tests.unit.support import FakeDatabase
from worker.cli_desk import because, moment, report
from worker.db.desk import Because, Desk

WHO = Because("kim@desk", "PortOne is back")


def done(params: Any) -> list[dict[str, Any]]:
    """Everything was done."""
    return [{"id": one, "done": True, "why_not": None} for one in params["ids"]]


async def test_more_than_a_hundred_ids_are_several_calls_that_say_who_and_why() -> None:
    database = FakeDatabase(requeue_jobs=done)
    answers = await Desk(database).requeue(range(1, 251), WHO)  # type: ignore[arg-type]
    assert len(answers) == 250
    calls = database.named("requeue_jobs")
    assert [len(call["ids"]) for call in calls] == [100, 100, 50]
    assert {(call["actor"], call["reason"]) for call in calls} == {("kim@desk", "PortOne is back")}


async def test_replaying_since_a_moment_follows_the_pages() -> None:
    def page(params: Any) -> list[dict[str, Any]]:
        first = params["after_id"] + 1
        return [{"id": number, "done": True} for number in range(first, min(first + 100, 251))]

    database = FakeDatabase(replay_webhooks=page)
    answers = await Desk(database).replay_all(
        since="2026-11-01T00:00:00+00:00", failed_only=True, because=WHO
    )  # type: ignore[arg-type]
    assert [answer["id"] for answer in answers] == list(range(1, 251))
    assert [call["after_id"] for call in database.named("replay_webhooks")] == [0, 100, 200]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2026-11-01", "2026-11-01T00:00:00+00:00"),
        ("2026-11-01T10:00+09:00", "2026-11-01T10:00:00+09:00"),
        ("6h", "2026-11-01T06:00:00+00:00"),
        ("30d", "2026-10-02T12:00:00+00:00"),
    ],
)
def test_moments_as_people_write_them(said: str, meant: str) -> None:
    assert moment(said, now=datetime(2026, 11, 1, 12, tzinfo=UTC)) == meant


@pytest.mark.parametrize("said", ["soon", "6 hours", "-1h", ""])
def test_what_is_no_moment_is_refused(said: str) -> None:
    with pytest.raises(typer.BadParameter):
        moment(said)


def test_what_was_not_done_is_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert report([{"id": 1, "done": True}], as_json=True, empty="") == 0
    assert (
        report(
            [{"id": 1, "done": True}, {"id": 2, "done": False, "why_not": "not_found"}],
            as_json=False,
            empty="",
        )
        == 1
    )
    assert "not_found" in capsys.readouterr().out
    assert because("r", None).actor
    assert because("r", "kim").actor == "kim"
