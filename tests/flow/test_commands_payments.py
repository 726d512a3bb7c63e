"""The command line about payments and cards, against the running stack: a person and a script can use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.flow.command_line import CommandLine
from tests.flow.saved_cards import saved

if TYPE_CHECKING:
    from sandbox.demo.shopper import Shopper
    from sandbox.demo.world import World


@pytest.fixture
def cli(world: World) -> CommandLine:
    """The command line of the running stack."""
    return CommandLine(world)


def test_payments_of_an_order_are_listed(world: World, mina: Shopper, cli: CommandLine) -> None:
    purchase = world.paid(mina, 12_000)
    (row,) = cli.rows("payments", "list", "--order", purchase.order_id)
    assert (row["payment_id"], row["status"], row["amount"]) == (purchase.payment_id, "paid", 12_000)
    people = cli("payments", "list", "--user", mina.user_id).output
    assert purchase.payment_id in people
    assert "12000" in people
    assert cli("payments", "list", "--order", "no-such-order").output.strip() == "No payments."


def test_a_paid_payments_story(world: World, mina: Shopper, cli: CommandLine) -> None:
    purchase = world.paid(mina, 12_000)
    shown = cli("payments", "show", purchase.payment_id)
    assert shown.exit_code == 0
    for said in (
        f"payment asked for by user {mina.user_id}", "PortOne: paid (was: waiting for the customer)",
        "webhook Transaction.Paid came, done after", "order fulfilled", "Nothing is open",
        "12,000 KRW, paid 12,000 KRW, refunded 0 KRW, held for refunds 0 KRW, can be refunded 12,000 KRW",
    ):  # fmt: skip
        assert said in shown.output
    korean = cli("--lang", "ko", "payments", "show", purchase.payment_id).output
    assert "결제 완료" in korean
    assert "대기 중인 환불, 작업, 확인 사항이 없습니다." in korean
    assert "Nothing" not in korean


def test_why_a_refund_hangs_is_told(world: World, mina: Shopper, cli: CommandLine) -> None:
    purchase = world.paid(mina, 12_000)
    path = f"/payments/{purchase.payment_id}/cancel"
    world.portone.add_fault("reset_before", path, method="POST", times=10_000)
    result = cli(
        "payments",
        "cancel",
        purchase.payment_id,
        "--amount",
        "5000",
        "--reason",
        "broken",
        "--yes",
        "--wait",
        "0",
    )
    assert result.exit_code == 1
    assert "Refund 5,000 KRW of" in result.output
    assert "left 12,000 KRW" in result.output
    assert f"portone-worker payments show {purchase.payment_id}" in result.output
    world.wait(lambda: cli.json("payments", "show", purchase.payment_id)["refunds"][0]["status"] == "unknown")
    world.wait(lambda: "runs again in" in cli("payments", "show", purchase.payment_id).output)
    shown = cli("payments", "show", purchase.payment_id).output
    for said in (
        "refund of 5,000 KRW sent, the answer was lost", "reason: broken", "The same request is repeated with the same key until",
        "5,000 KRW stays held meanwhile", "last error:", "PORTONE_CONNECTION_LOST", "sent to PortOne: refund, try 1: no answer",
    ):  # fmt: skip
        assert said in shown
    world.portone.clear_faults()
    world.advance(700)
    world.wait(lambda: "Nothing is open" in cli("payments", "show", purchase.payment_id).output)
    assert len({call["idempotency_key"] for call in world.cancel_calls(purchase)}) == 1


def test_a_refund_from_the_command_line(world: World, mina: Shopper, cli: CommandLine) -> None:
    purchase = world.paid(mina, 12_000)
    operation = cli.json(
        "payments", "cancel", purchase.payment_id, "--amount", "5000", "--reason", "broken", "--yes"
    )
    assert (operation["status"], operation["kind"]) == ("succeeded", "cancel_payment")
    assert world.books.payment(purchase.payment_id)["cancelled_amount"] == 5_000


def test_a_refund_is_asked_about_and_refused_when_too_far(
    world: World, mina: Shopper, cli: CommandLine
) -> None:
    purchase = world.paid(mina, 12_000)
    command = ("payments", "cancel", purchase.payment_id, "--reason", "broken")
    nobody = cli(*command)
    assert nobody.exit_code == 2
    assert "--yes" in nobody.output
    too_far = cli(*command, "--amount", "12001", "--yes")
    assert too_far.exit_code == 4
    assert "12000" in too_far.output
    korean = cli("--lang", "ko", *command, "--amount", "12001", "--yes")
    assert (
        "취소 금액이 취소 가능 금액보다 큽니다. (CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT)" in korean.output
    )
    assert world.cancel_calls(purchase) == []


def test_an_unknown_payment_is_exit_4(cli: CommandLine) -> None:
    shown = cli("payments", "show", "never-heard-of", "--json")
    assert shown.exit_code == 4
    assert '"code": "PAYMENT_NOT_FOUND"' in shown.stderr
    assert shown.stdout == ""


def test_a_saved_card_is_shown_without_its_key_and_taken_out_of_use(
    world: World, mina: Shopper, cli: CommandLine
) -> None:
    card = saved(world, mina)
    (row,) = cli.rows("billing-keys", "list", "--user", mina.user_id)
    assert row["id"] == card.id
    shown = cli("billing-keys", "show", card.id).output
    assert row["card_number_masked"] in shown
    assert card.key not in shown + cli("billing-keys", "show", card.id, "--json").output
    result = cli("billing-keys", "deactivate", card.id, "--yes")
    assert result.exit_code == 0, result.output
    assert cli.json("billing-keys", "show", card.id)["is_active"] is False
    assert cli.rows("billing-keys", "list", "--user", mina.user_id, "--active") == []
    assert cli("billing-keys", "deactivate", card.id, "--yes").exit_code == 4
