"""The commands about saved cards: list, look at one, take one out of use. The key itself is never shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from worker.cli_asking import KeyOption, asked_for, confirmed, finished, operation_exit
from worker.cli_output import EXIT_ATTENTION, EXIT_OK, JsonOption, print_json, show_record, show_rows
from worker.cli_run import run
from worker.db.operator import CARD_COLUMNS
from worker.deps import open_deps
from worker.errors import Rejected
from worker.language import Words, said

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.deps import Deps
    from worker.settings import Settings

billing_keys_app = typer.Typer(help="Saved cards: list, show, take out of use.", no_args_is_help=True)

_SHOWN = (
    "id",
    "user_id",
    "card_issuer",
    "card_number_masked",
    "is_default",
    "is_active",
    "deleted_at",
    "created_at",
)
_SCHEDULES = ("id", "payment_id", "order_id", "time_to_pay", "status")
_DEACTIVATE = Words(
    "The card {card} of user {user} is switched off at once, its scheduled payments are revoked and its key is deleted at "
    "PortOne. This cannot be undone: the customer would have to register it again.",
    "사용자 {user}의 카드 {card}를 즉시 중지하고, 예약 결제를 취소하고, PortOne에서 빌링키를 삭제합니다. 되돌릴 수 없으며 고객이 다시 등록해야 합니다.",
)
_NONE = Words("No saved cards.", "등록된 카드가 없습니다.")

CardArgument = Annotated[
    UUID, typer.Argument(help="The card's id, as `billing-keys list` shows it.", show_default=False)
]


@billing_keys_app.command("list")
def list_command(
    user: Annotated[UUID | None, typer.Option(help="Only cards of this user.")] = None,
    active: Annotated[bool, typer.Option("--active", help="Only cards that can be charged.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many, youngest first.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """List saved cards, youngest first."""
    filters = {"order": "created_at.desc", "limit": str(limit)}
    filters |= {"user_id": f"eq.{user}"} if user is not None else {}
    filters |= {"is_active": "is.true"} if active else {}

    async def start(settings: Settings) -> int:
        async with open_deps(settings) as deps:
            found = await deps.operator.read("billing_keys", CARD_COLUMNS, filters)
        show_rows(found, _SHOWN, as_json=as_json, empty=said(_NONE))
        return EXIT_OK

    run(start, as_json=as_json)


@billing_keys_app.command("show")
def show_command(card_id: CardArgument, as_json: JsonOption = False) -> None:
    """Show a saved card and the payments scheduled with it."""

    async def start(settings: Settings) -> int:
        async with open_deps(settings) as deps:
            card = await _card(deps, card_id)
            schedules = await deps.operator.read(
                "payment_schedules",
                _SCHEDULES,
                {"billing_key_id": f"eq.{card_id}", "order": "time_to_pay.desc"},
            )
        if as_json:
            print_json({**card, "schedules": list(schedules)})
            return EXIT_OK
        show_record(card, as_json=False)
        if schedules:
            show_rows(schedules, _SCHEDULES, as_json=False)
        return EXIT_OK

    run(start, as_json=as_json)


@billing_keys_app.command("deactivate")
def deactivate_command(
    card_id: CardArgument,
    idempotency_key: KeyOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    wait: Annotated[int, typer.Option(min=0, max=600, help="Seconds to wait for the result.")] = 30,
    as_json: JsonOption = False,
) -> None:
    """Take a saved card out of use for good: off at once, schedules revoked, key deleted at PortOne."""

    async def start(settings: Settings) -> int:
        async with open_deps(settings) as deps:
            card = await _card(deps, card_id)
            question = said(
                _DEACTIVATE, card=card.get("card_number_masked") or card_id, user=card.get("user_id")
            )
            if not confirmed(question, yes=yes, as_json=as_json):
                return EXIT_ATTENTION
            arguments = {"id": str(card_id), "idempotency_key": idempotency_key}
            operation = await asked_for(deps, "delete_billing_key", arguments, as_json=as_json)
            operation = await finished(deps, operation, seconds=wait, as_json=as_json)
        return operation_exit(operation, as_json=as_json, look=f"portone-worker billing-keys show {card_id}")

    run(start, as_json=as_json)


async def _card(deps: Deps, card_id: UUID) -> Mapping[str, object]:
    found = await deps.operator.read("billing_keys", CARD_COLUMNS, {"id": f"eq.{card_id}"})
    if not found:
        raise Rejected("BILLING_KEY_NOT_FOUND", "There is no such saved card.", status=404)
    return found[0]
