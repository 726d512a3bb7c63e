"""Decides how commands answer: a table for people or JSON lines for scripts, an error, an exit code.

Exit codes are a contract: 0 well, 1 the answer is not good (something is open, dead or was not done), 2 the command was
called wrongly, 3 a setting is wrong, 4 refused or not there, 5 a service could not be reached: try again.
"""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from worker.errors import Misconfigured, Transient, WorkerError
from worker.language import Words, said
from worker.serve import EXIT_MISCONFIGURED
from worker.story.figures import clock

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

EXIT_OK: Final = 0
EXIT_ATTENTION: Final = 1
EXIT_USAGE: Final = 2
EXIT_REFUSED: Final = 4
EXIT_UNAVAILABLE: Final = 5

JsonOption = Annotated[bool, typer.Option("--json", help="For scripts: one JSON object a line.")]

_PIPE_WIDTH: Final = 240
# A time with its zone, as PostgREST (RFC 3339) and PostgreSQL's own text write it.
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d(:?\d\d)?)")
_YES = Words("yes", "예")
_NO = Words("no", "아니요")


def show_rows(
    rows: Iterable[Mapping[str, object]],
    columns: Sequence[str],
    *,
    as_json: bool,
    empty: str = "",
) -> None:
    """Print one row a line: a table of ``columns``, or with ``as_json`` each row whole as a JSON object.

    Without rows a person reads ``empty``, in the language in use; a script reads nothing.
    """
    listed = list(rows)
    if as_json:
        for row in listed:
            print_json(row)
        return
    if not listed:
        if empty:
            say(empty)
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        numeric = all(is_number(row.get(column)) for row in listed)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in listed:
        table.add_row(*(Text(readable(row.get(column))) for column in columns))
    console().print(table)


def show_record(record: Mapping[str, object], *, as_json: bool) -> None:
    """Print one thing: name and value a line, or with ``as_json`` one JSON object."""
    if as_json:
        print_json(record)
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in record.items():
        table.add_row(Text(name), Text(readable(value)))
    console().print(table)


def say(sentence: str) -> None:
    """Print a sentence for a person; scripts that asked for JSON are not given any."""
    typer.echo(printable(sentence))


def complain(error: WorkerError, *, as_json: bool = False) -> int:
    """Print an error on stderr and return its exit code: with ``as_json`` as ``{"error": {code, message, …}}``."""
    if as_json:
        typer.echo(json.dumps({"error": error.as_error()}, ensure_ascii=False, default=str), err=True)
    else:
        typer.echo(printable(error.told()), err=True)
    return exit_code_of(error)


def exit_code_of(error: WorkerError) -> int:
    """Return the exit code an error ends a command with."""
    if isinstance(error, Misconfigured):
        return EXIT_MISCONFIGURED
    return EXIT_UNAVAILABLE if isinstance(error, Transient) else EXIT_REFUSED


def print_json(value: object) -> None:
    """Print one value as JSON on one line."""
    typer.echo(json.dumps(value, ensure_ascii=False, default=str))


def console() -> Console:
    """Return a console on stdout: as wide as the terminal, wide enough not to fold lines in a pipe."""
    return Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH, highlight=False)


def readable(value: object) -> str:
    """Return a value as a person reads it: nothing for null, JSON for objects, times of their own clock, no control characters."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return said(_YES if value else _NO)
    if isinstance(value, dict | list):
        return printable(json.dumps(value, ensure_ascii=False, default=str))
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        return clock(value)
    return printable(str(value))


def is_number(value: object) -> bool:
    """Whether a column may be aligned to the right because of this value."""
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def printable(text: str) -> str:
    """Return text without what could steer a terminal: some of it was written by strangers."""
    return "".join(
        character if character in "\n\t" or unicodedata.category(character)[0] != "C" else "�"
        for character in text
    )
