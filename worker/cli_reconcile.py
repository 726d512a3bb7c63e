"""The command ``portone-worker reconcile``: compare PortOne's lists with our books now, and say where they differ."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli_asking import progress
from worker.cli_desk import JsonOption, moment, with_deps
from worker.cli_output import EXIT_ATTENTION, EXIT_OK, say, show_rows
from worker.language import Words, said
from worker.operations.compare_window import compare_window

if TYPE_CHECKING:
    from worker.deps import Deps

_NO_TIME = Words("--since must be before --until", "--since는 --until보다 앞서야 합니다")
_UNKNOWN_STORE = Words(
    "no such store is configured; there is {stores}", "설정에 없는 상점입니다. 설정된 상점: {stores}"
)
_COMPARING = Words("comparing {store} with PortOne's lists", "{store}: PortOne의 목록과 비교하는 중")
_EQUAL = Words("Nothing differs.", "다른 것이 없습니다.")
_BEING_READ = Words(
    "What differs is being read back: look again when the workers are done.",
    "다른 것을 PortOne에서 다시 읽고 있습니다. 작업자가 끝낸 뒤 다시 확인하세요.",
)
_NOT_READ = Words(
    "Nothing was read back; say --repair to have it done.",
    "아직 다시 읽지 않았습니다. --repair를 붙이면 다시 읽습니다.",
)


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
        raise typer.BadParameter(said(_NO_TIME))

    async def use(deps: Deps) -> int:
        if store is not None and store not in deps.stores.ids:
            known = ", ".join(sorted(deps.stores.ids))
            raise typer.BadParameter(said(_UNKNOWN_STORE, stores=known), param_hint="--store")
        reports = []
        for store_id in sorted(deps.stores.ids) if store is None else [store]:
            with progress(said(_COMPARING, store=store_id), as_json=as_json):
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
        columns = ("store_id", "seen", "different", "verdicts", "unlisted", "source")
        show_rows(reports, columns, as_json=as_json)
        wrong = any(entry["different"] for entry in reports)
        if not as_json:
            say(said(_EQUAL if not wrong else _BEING_READ if repair else _NOT_READ))
        return EXIT_ATTENTION if wrong else EXIT_OK

    with_deps(use, as_json=as_json)
