"""Decides what `build/chaos.json` says, how a run looks on a terminal, and whether it was good."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from sandbox.chaos.judge import Verdict
    from sandbox.chaos.ledger import Kill, Ledger

_SHOWN = 20


@dataclass
class Summary:
    """One run in numbers; `findings` has a sentence for each number that should be 0."""

    seed: int
    runs: int = 0
    kills: int = 0
    operations: int = 0
    effects: int = 0
    webhooks_acknowledged: int = 0
    lost: int = 0
    double_effects: int = 0
    diverged: int = 0
    stuck: int = 0
    leaks: int = 0
    recovery_p50_ms: int | None = None
    recovery_p99_ms: int | None = None
    seconds: float = 0.0
    mischief: dict[str, int] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Say whether nothing at all was found."""
        return not self.findings

    def add(self, ledger: Ledger, verdict: Verdict, leaked: Sequence[str], errors: Sequence[str]) -> None:
        """Add one part of the run. `errors` are the harness's own: a run that could not look is not good."""
        self.runs += ledger.runs
        self.kills += len(ledger.kills) + ledger.runs
        self.operations += len(ledger.asks)
        self.effects += verdict.effects
        self.webhooks_acknowledged += sum(ledger.acknowledged.values())
        self.lost += len(verdict.lost)
        self.double_effects += len(verdict.double_effects)
        self.diverged += len(verdict.diverged)
        self.stuck += len(verdict.stuck)
        self.leaks += len(leaked)
        for name, count in ledger.mischief.items():
            self.mischief[name] = self.mischief.get(name, 0) + count
        for label, found in (
            ("lost", verdict.lost), ("double effect", verdict.double_effects), ("diverged", verdict.diverged),
            ("stuck", verdict.stuck), ("leak", leaked), ("run", errors),
        ):  # fmt: skip
            self.findings += [f"{label}: {sentence}" for sentence in found]


def recovery(kills: Sequence[Kill], share: float) -> int | None:
    """Return the nearest-rank percentile of the recovery times in ms, None without any."""
    times = sorted(kill.recovered_at - kill.at for kill in kills if kill.recovered_at is not None)
    if not times:
        return None
    return round(times[max(0, math.ceil(share * len(times)) - 1)] * 1000)


def write(summary: Summary, path: Path) -> None:
    """Write the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(summary), indent=2, ensure_ascii=False) + "\n")


def show(summary: Summary, console: Console, path: Path) -> None:
    """Print the numbers and what was found."""
    table = Table(show_header=False, box=None, padding=(0, 2))
    numbers: dict[str, Any] = {
        "runs killed at a named step": summary.runs,
        "workers killed in all": summary.kills,
        "operations": summary.operations,
        "effects at PortOne": summary.effects,
        "webhooks acknowledged": summary.webhooks_acknowledged,
        "recovery p50 / p99": f"{summary.recovery_p50_ms} / {summary.recovery_p99_ms} ms",
    }
    for name, value in numbers.items():
        table.add_row(name, f"{value:,}" if isinstance(value, int) else str(value))
    for name in ("lost", "double_effects", "diverged", "stuck", "leaks"):
        count = getattr(summary, name)
        table.add_row(name.replace("_", " "), f"[bold {'red' if count else 'green'}]{count}[/]")
    console.print(table)
    if summary.mischief:
        told = ", ".join(f"{name} {count}" for name, count in sorted(summary.mischief.items()))
        console.print(f"[dim]what broke: {escape(told)}[/]", soft_wrap=True)
    for sentence in summary.findings[:_SHOWN]:
        console.print(f"[red]✗[/] {escape(sentence)}", soft_wrap=True)
    if len(summary.findings) > _SHOWN:
        console.print(f"[red]… and {len(summary.findings) - _SHOWN} more in {path}[/]")
    verdict = "[bold green]good[/]" if summary.good else "[bold red]not good[/]"
    console.print(f"{verdict} · seed {summary.seed} · {summary.seconds:.0f} s · {escape(str(path))}")
