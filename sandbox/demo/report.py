"""Decides how the journey looks on a terminal and in `build/demo.json`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sandbox.demo.story import Line

_WIDEST = 118
_WIDEST_TEXT = 52


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step went; `detail` has what held, or why it failed."""

    name: str
    ok: bool
    detail: str
    seconds: float


class Report:
    """Prints each step as it happens."""

    def __init__(self, console: Console | None = None, *, recorded: bool = False) -> None:
        """`recorded` keeps everything printed, for `picture`."""
        self._console = console or _console(recorded=recorded)
        self._failed_line = False

    def picture(self, file: Path, title: str) -> None:
        """Write what was printed so far to an SVG file that looks like a terminal; needs `recorded`."""
        drawn = self._console.export_svg(title=title, clear=False)
        # A picture in a README fetches nothing: whatever monospace font is there will do.
        file.write_text(re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL))

    def opening(self, text: str) -> None:
        """Say what is happening before the first step."""
        self._console.print(f"\n[bold]portone-supabase[/] · {escape(text)}")

    def started(self, seconds: float, parts: str) -> None:
        """Say that everything runs."""
        self._console.print(f"[dim]{escape(parts)} · ready in {seconds:.1f} s[/]")

    def begin(self, number: int, name: str) -> None:
        """Print a step's heading."""
        self._failed_line = False
        self._console.print(f"\n[bold cyan]{number:>2}[/]  [bold]{escape(name)}[/]")

    def line(self, line: Line) -> None:
        """Print one line of a story."""
        if line.kind == "told":
            self._console.print(Padding(f"[italic]{escape(line.text)}[/]", (0, 0, 0, 4), expand=False))
            return
        row = Table.grid(padding=(0, 1))
        row.add_column(width=5, justify="right")
        row.add_column(width=min(_WIDEST_TEXT, self._console.width * 45 // 100))
        row.add_column()
        if line.kind == "held":
            row.add_row("[green]✓[/]", escape(line.text), f"[green]{escape(line.happened)}[/]")
        else:
            self._failed_line = True
            row.add_row("[bold red]✗[/]", escape(line.text), f"[red]{escape(line.happened)}[/]")
            row.add_row("", "", f"[dim]expected {escape(line.expected)}[/]")
        self._console.print(row)

    def end(self, outcome: Outcome) -> None:
        """Print why a step failed, where no line has said it."""
        if not outcome.ok and not self._failed_line:
            self._console.print(
                Padding(f"[bold red]✗[/] {escape(outcome.detail)}", (0, 0, 0, 4), expand=False)
            )

    def stopped_short(self, reason: str) -> None:
        """Say why the sandbox did not start, or did not stop."""
        self._console.print(f"\n[bold red]✗[/] {escape(reason)}")

    def closing(self, outcomes: Sequence[Outcome], seconds: float, file: str) -> None:
        """Print the sum of it all."""
        failed = [str(number) for number, outcome in enumerate(outcomes, start=1) if not outcome.ok]
        if failed:
            verdict = f"[bold red]{len(failed)} of {len(outcomes)} steps failed:[/] {', '.join(failed)}."
        else:
            verdict = f"[bold green]All {len(outcomes)} steps hold.[/]"
        self._console.print(f"\n{verdict} [dim]{seconds:.1f} s · {escape(file)}[/]\n")


def write_json(file: Path, outcomes: Sequence[Outcome], seconds: float) -> None:
    """Write `{"steps": [{"name", "ok", "detail"}], "seconds"}`."""
    steps = [{"name": step.name, "ok": step.ok, "detail": step.detail} for step in outcomes]
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"steps": steps, "seconds": round(seconds, 1)}, indent=2, ensure_ascii=False)
    file.write_text(text + "\n")


def _console(*, recorded: bool = False) -> Console:
    console = Console(highlight=False, record=recorded)
    console.width = min(console.width, _WIDEST) if console.is_terminal else _WIDEST
    return console
