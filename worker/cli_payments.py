"""The commands about payments: list them, tell the story of one, refund one with its guard in view."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated
from uuid import UUID  # noqa: TC003  typer reads the annotations

import typer
from rich.text import Text

from worker.cli_asking import KeyOption, asked_for, confirmed, finished, operation_exit
from worker.cli_output import (
    EXIT_ATTENTION,
    EXIT_OK,
    JsonOption,
    console,
    print_json,
    printable,
    say,
    show_rows,
)
from worker.cli_run import run
from worker.db.operator import PAYMENT_COLUMNS
from worker.db.reading import mapping, text
from worker.db.schema import PublicPaymentStatus  # noqa: TC001  typer reads the annotations
from worker.deps import open_deps
from worker.language import Words, said
from worker.story import words
from worker.story.figures import clock, money
from worker.story.timeline import happened, status_of
from worker.story.waiting import still_open

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.settings import Settings

payments_app = typer.Typer(help="Payments: list, tell the story of one, refund.", no_args_is_help=True)

_SHOWN = (
    "payment_id",
    "status",
    "amount",
    "cancelled_amount",
    "cancellable_amount",
    "currency",
    "order_id",
    "created_at",
)
_FIGURES = Words(
    "{status}   {amount}, paid {paid}, refunded {cancelled}, held for refunds {reserved}, can be refunded {left}",
    "{status}   {amount}, 결제 {paid}, 환불 {cancelled}, 환불 대기 {reserved}, 환불 가능 {left}",
)
_ORDER = Words(
    "order {order} ({name}), {method}, {kind}, user {user}",
    "주문 {order} ({name}), {method}, {kind}, 사용자 {user}",
)
_GUARD = Words(
    "Refund {amount} of {payment} (paid {paid}, refunded so far {cancelled}, held {reserved}, left {left}). Reason: {reason}",
    "{payment}: {amount}을 환불합니다 (결제 {paid}, 환불 {cancelled}, 환불 대기 {reserved}, 환불 가능 {left}). 사유: {reason}",
)
_CLOSE = Words(
    "Nothing was deposited yet: the virtual account of {payment} will be closed. Reason: {reason}",
    "{payment}: 아직 입금되지 않아 가상계좌를 말소합니다. 사유: {reason}",
)
_ACCOUNT = Words("refund account number", "환불 계좌번호")
_NONE = Words("No payments.", "결제가 없습니다.")

PaymentArgument = Annotated[
    str,
    typer.Argument(
        help="The payment's id (pay…), as the console and `payments list` show it.", show_default=False
    ),
]


@payments_app.command("list")
def list_command(
    status: Annotated[PublicPaymentStatus | None, typer.Option(help="Only payments of this status.")] = None,
    order: Annotated[str | None, typer.Option(help="Only payments of this order.")] = None,
    user: Annotated[UUID | None, typer.Option(help="Only payments of this user.")] = None,
    wrong: Annotated[
        bool, typer.Option("--wrong", help="Only payments that are not what was expected.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many, youngest first.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """List payments, youngest first. Amounts are minor units (KRW: won)."""
    wanted = {"status": status, "order_id": order, "user_id": user}
    filters = {name: f"eq.{value}" for name, value in wanted.items() if value is not None}
    if wrong:
        filters["discrepancies"] = "neq.{}"

    async def start(settings: Settings) -> int:
        async with open_deps(settings) as deps:
            found = await deps.operator.read(
                "payments", PAYMENT_COLUMNS, {**filters, "order": "created_at.desc", "limit": str(limit)}
            )
        show_rows(found, _SHOWN, as_json=as_json, empty=said(_NONE))
        return EXIT_OK

    run(start, as_json=as_json)


@payments_app.command("show")
def show_command(payment_id: PaymentArgument, as_json: JsonOption = False) -> None:
    """Tell what happened to a payment, what is still open, what it waits for and what to do.

    Exit code 1 when something of it needs a person.
    """

    async def start(settings: Settings) -> int:
        async with open_deps(settings) as deps:
            story = await deps.operator.explain_payment(payment_id)
        trouble = any(one.level == "trouble" for one in still_open(story))
        if as_json:
            told = [asdict(line) for line in happened(story)]
            print_json({**story, "told": told, "open": [asdict(one) for one in still_open(story)]})
        else:
            _print_story(payment_id, story)
        return EXIT_ATTENTION if trouble else EXIT_OK

    run(start, as_json=as_json)


@payments_app.command("cancel")
def cancel_command(
    payment_id: PaymentArgument,
    reason: Annotated[str, typer.Option(help="PortOne and the customer may see it.", show_default=False)],
    amount: Annotated[
        int | None, typer.Option(min=1, help="In minor units; left out: everything left.")
    ] = None,
    tax_free: Annotated[int | None, typer.Option(min=0, help="How much of it is tax-free.")] = None,
    refund_bank: Annotated[str | None, typer.Option(help="A deposit is refunded to this bank …")] = None,
    refund_account_number: Annotated[
        str | None, typer.Option(help="… to this account; asked for when left out.")
    ] = None,
    refund_account_holder: Annotated[str | None, typer.Option(help="… of this holder.")] = None,
    refund_account_phone: Annotated[
        str | None, typer.Option(help="The holder's phone: Smartro wants it.")
    ] = None,
    idempotency_key: KeyOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    wait: Annotated[int, typer.Option(min=0, max=600, help="Seconds to wait for the result.")] = 30,
    as_json: JsonOption = False,
) -> None:
    """Refund a payment, or close an unpaid virtual account. The database checks the amount and holds it first."""
    if refund_bank is not None and refund_account_number is None:
        refund_account_number = typer.prompt(said(_ACCOUNT), hide_input=True)
    arguments = {
        "payment_id": payment_id, "amount": amount, "reason": reason, "tax_free_amount": tax_free,
        "refund_bank": refund_bank, "refund_account_number": refund_account_number,
        "refund_account_holder": refund_account_holder, "refund_account_phone": refund_account_phone,
        "idempotency_key": idempotency_key,
    }  # fmt: skip

    async def start(settings: Settings) -> int:
        async with open_deps(settings) as deps:
            story = await deps.operator.explain_payment(payment_id)
            if not confirmed(
                _guard(payment_id, mapping(story.get("payment")), amount, reason), yes=yes, as_json=as_json
            ):
                return EXIT_ATTENTION
            operation = await asked_for(deps, "request_cancellation", arguments, as_json=as_json)
            operation = await finished(deps, operation, seconds=wait, as_json=as_json)
        return operation_exit(operation, as_json=as_json, look=f"portone-worker payments show {payment_id}")

    run(start, as_json=as_json)


def _guard(payment_id: str, payment: Mapping[str, object], amount: int | None, reason: str) -> str:
    if payment.get("status") == "virtual_account_issued":
        return said(_CLOSE, payment=payment_id, reason=reason)
    asked = payment.get("cancellable_amount") if amount is None else amount
    return said(
        _GUARD,
        amount=money(asked, payment.get("currency")),
        payment=payment_id,
        reason=reason,
        **_amounts(payment),
    )


def _amounts(payment: Mapping[str, object]) -> dict[str, str]:
    names = {
        "paid": "paid_amount",
        "cancelled": "cancelled_amount",
        "reserved": "reserved_amount",
        "left": "cancellable_amount",
    }
    return {name: money(payment.get(column), payment.get("currency")) for name, column in names.items()}


def _print_story(payment_id: str, story: Mapping[str, object]) -> None:
    screen = console()
    payment = mapping(story.get("payment"))
    screen.print(Text(printable(payment_id), style="bold"))
    if payment:
        status = status_of(payment.get("status"))
        figures = said(
            _FIGURES,
            status=status,
            amount=money(payment.get("amount"), payment.get("currency")),
            **_amounts(payment),
        )
        order = said(
            _ORDER, order=text(payment.get("order_id")) or "-", name=text(payment.get("order_name")) or "-",
            method=text(payment.get("pay_method")) or "-", kind=text(payment.get("channel_kind")) or "-",
            user=text(payment.get("user_id")) or "-",
        )  # fmt: skip
        screen.print(Text(printable(figures)))
        screen.print(Text(printable(order), style="dim"))
    else:
        say(said(words.UNKNOWN_HERE))
    screen.print(Text(f"\n{said(words.HAPPENED)}", style="bold"))
    for line in happened(story):
        screen.print(
            Text(f"  {clock(line.at)}  {line.source:<12} {printable(line.sentence)}"), soft_wrap=True
        )
    screen.print(Text(f"\n{said(words.OPEN)}", style="bold"))
    open_things = still_open(story)
    if not open_things:
        screen.print(Text(f"  {said(words.CALM)}", style="green"))
    for one in open_things:
        trouble = one.level == "trouble"
        mark = "!" if trouble else "·"
        screen.print(
            Text(f"  {mark} {printable(one.sentence)}", style="bold red" if trouble else ""), soft_wrap=True
        )
        for note in one.notes:
            screen.print(Text(f"      {printable(note)}"), soft_wrap=True)
