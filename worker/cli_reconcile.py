"""The command ``portone-worker reconcile``: compare PortOne's lists with our books now, and say where they differ."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli_desk import JsonOption, moment, with_deps
from worker.cli_output import EXIT_ATTENTION, EXIT_OK, say, show_rows
from worker.operations.compare_window import compare_window

if TYPE_CHECKING:
    from worker.deps import Deps


def reconcile_command(
    since: Annotated[
        str, typer.Option(help="From when: 2026-11-01, 2026-11-01T10:00+09:00, or 30d for thirty days ago.")
    ] = "1d",
    until: Annotated[str | None, typer.Option(help="Up to when; now if not said.")] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Have what differs read back by the workers; else only look.")
    ] = False,
    store: Annotated[str | None, typer.Option(help="Only this store; else all that are configured.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare what PortOne lists as changed with our books; differences become findings.

    Ends with 1 while anything differs. With --repair a running worker reads back what differs; look again afterwards.
    """
    begin, end = moment(since), moment(until) or moment("0s")
    if begin is None or end is None or begin >= end:
        raise typer.BadParameter("--since must be before --until")

    async def use(deps: Deps) -> int:
        reports = []
        for store_id in sorted(deps.stores.ids) if store is None else [store]:
            found = await compare_window(
                deps,
                deps.stores.of(store_id),
                datetime.fromisoformat(begin),
                datetime.fromisoformat(end),
                repair=repair,
                whole=True,
            )
            different = found.different + len(found.unlisted)
            await deps.reconciliation.finish(
                store_id, begin, end, source=found.source, seen=found.seen, different=different
            )
            reports.append(
                {
                    "store_id": store_id, "since": begin, "until": end, "source": found.source, "seen": found.seen,
                    "different": different, "verdicts": found.verdicts, "unlisted": found.unlisted,
                }
            )  # fmt: skip
        show_rows(
            reports, ["store_id", "seen", "different", "verdicts", "unlisted", "source"], as_json=as_json
        )
        wrong = any(entry["different"] for entry in reports)
        if wrong and not as_json:
            say(
                "What differs is being read back: look again when the workers are done."
                if repair
                else "Nothing was read back; say --repair to have it done."
            )
        return EXIT_ATTENTION if wrong else EXIT_OK

    with_deps(use, as_json=as_json)
