"""Commands answer people with tables and scripts with JSON lines; what strangers wrote steers no terminal."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from worker.cli_output import complain, exit_code_of, readable, show_record, show_rows
from worker.cli_run import run
from worker.errors import Conflict, DatabaseFault, DatabaseUnavailable, Misconfigured, Rejected, WorkerError

ROWS = [
    {"id": 7, "kind": "sync_payment", "payload": {"payment_id": "pay1"}, "error": None},
    {"id": 12, "kind": "cancel_payment", "payload": {}, "error": "[red]no markup[/red]\x1b[31m"},
]


def test_people_get_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows(ROWS, ["id", "kind", "payload", "error"], as_json=False)
    printed = capsys.readouterr().out
    header, _rule, first, second = printed.rstrip().splitlines()
    assert header.split() == ["id", "kind", "payload", "error"]
    assert first.split() == ["7", "sync_payment", '{"payment_id":', '"pay1"}']
    assert "[red]no markup[/red]�[31m" in second
    assert "\x1b" not in printed


def test_a_long_value_is_not_cut_off(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows([{"id": 1, "error": "x" * 150}], ["id", "error"], as_json=False)
    assert "x" * 150 in capsys.readouterr().out


def test_nothing_is_a_sentence_for_people_and_silence_for_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows([], ["id"], as_json=False, empty="No dead jobs.")
    assert capsys.readouterr().out == "No dead jobs.\n"
    show_rows([], ["id"], as_json=True, empty="No dead jobs.")
    assert capsys.readouterr().out == ""


def test_scripts_get_every_field_of_every_row_on_a_line_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_rows(ROWS, ["id"], as_json=True)
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == ROWS
    show_record({"name": "결제", "at": None}, as_json=True)
    assert capsys.readouterr().out == '{"name": "결제", "at": null}\n'


def test_one_thing_is_a_list_of_names(capsys: pytest.CaptureFixture[str]) -> None:
    show_record({"id": 7, "equal": True}, as_json=False)
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [["id", "7"], ["equal", "yes"]]


@pytest.mark.parametrize(("value", "text"), [(None, ""), (False, "no"), ([1], "[1]"), ("a\x00b", "a�b")])
def test_values_as_people_read_them(value: object, text: str) -> None:
    assert readable(value) == text


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Misconfigured("X", "A setting."), 3),
        (Rejected("JOB_NOT_FOUND", "No such job."), 4),
        (Conflict("X", "Changed."), 4),
        (DatabaseUnavailable("X", "Not reachable."), 5),
        (DatabaseFault("X", "Failed."), 5),
    ],
)
def test_every_error_has_its_exit_code(error: WorkerError, code: int) -> None:
    assert exit_code_of(error) == code


def test_an_error_says_what_to_do_and_names_its_code_to_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    error = Rejected("JOB_NOT_FOUND", "There is no such job.", extra={"hint": "Look at `jobs list`."})
    assert complain(error) == 4
    assert capsys.readouterr().err == "There is no such job. Look at `jobs list`.\n"
    assert complain(error, as_json=True) == 4
    said = json.loads(capsys.readouterr().err)
    assert (said["error"]["code"], said["error"]["hint"]) == ("JOB_NOT_FOUND", "Look at `jobs list`.")


def test_a_command_that_is_refused_ends_with_the_errors_code(monkeypatch: pytest.MonkeyPatch) -> None:
    app = typer.Typer()

    @app.command()
    def refused() -> None:
        async def start(_settings: object) -> int:
            raise DatabaseUnavailable("DATABASE_NOT_REACHABLE", "database not reachable")

        run(start)

    from tests.unit.support import ENVIRONMENT

    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(app, [])
    assert (result.exit_code, result.stderr) == (5, "database not reachable\n")
