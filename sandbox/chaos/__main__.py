"""Decides the command `python -m sandbox.chaos`: break everything, compare the books, write `build/chaos.json`."""

from __future__ import annotations

import argparse
import io
import sys
import time
from typing import TYPE_CHECKING

from rich.console import Console

from sandbox.chaos.matrix import points
from sandbox.chaos.report import show, write
from sandbox.chaos.run import Plan, Run
from sandbox.setup.paths import BUILD_DIR

if TYPE_CHECKING:
    from collections.abc import Sequence

# Where nothing can be overwritten, not every step is worth a line.
_SAY_SECONDS = 10.0
CHAOS_FILE = BUILD_DIR / "chaos.json"
REMAINS_DIR = BUILD_DIR / "chaos"


class _Tee(io.StringIO):
    """Keeps what goes to the terminal, because it is searched for secrets too."""

    def write(self, text: str) -> int:
        """Write to both."""
        sys.stdout.write(text)
        return super().write(text)

    def flush(self) -> None:
        """Flush the terminal."""
        sys.stdout.flush()

    def isatty(self) -> bool:
        """Say whether the terminal is one."""
        return sys.stdout.isatty()


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    options = argparse.ArgumentParser(prog="python -m sandbox.chaos", description=__doc__)
    options.add_argument("--seed", type=int, default=7, help="of every random choice")
    options.add_argument("--operations", type=int, default=2_000, help="under load; 0 leaves the load out")
    options.add_argument("--workers", type=int, default=3, help="worker processes under load")
    options.add_argument("--at-once", type=int, default=80, help="customers at the same time")
    options.add_argument("--kill-every", type=float, default=0.5, help="seconds between kills, on average")
    options.add_argument(
        "--matrix", default="*", help="crash points that contain this word; none leaves it out"
    )
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run; 0 when nothing was found."""
    given = parser().parse_args(argv)
    wanted = [
        (kind, step) for kind, step in points() if given.matrix == "*" or given.matrix in f"{kind}.{step}"
    ]
    tee = _Tee()
    console = Console(file=tee, highlight=False)
    plan = Plan(
        seed=given.seed, operations=given.operations, workers=given.workers, at_once=given.at_once,
        kill_every=given.kill_every, points=wanted,
    )  # fmt: skip
    console.print(f"[bold]portone-supabase[/] · chaos · seed {plan.seed}")
    with console.status("starting") as status:
        told = 0.0

        def tell(what: str) -> None:
            nonlocal told
            status.update(what)
            if not console.is_terminal and time.monotonic() - told > _SAY_SECONDS:
                console.print(what)
                told = time.monotonic()

        summary = Run(plan, tell, tee.getvalue, REMAINS_DIR)()
    write(summary, CHAOS_FILE)
    show(summary, console, CHAOS_FILE)
    return 0 if summary.good else 1


if __name__ == "__main__":
    raise SystemExit(main())
