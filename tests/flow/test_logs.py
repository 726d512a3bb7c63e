"""Log watching: each grep of the manual shows its activity, and no line has a secret in it."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.flow.test_virtual_account import ACCOUNT

if TYPE_CHECKING:
    from sandbox.demo.shopper import Shopper
    from sandbox.demo.world import World


GREP = shutil.which("grep") or "grep"


@pytest.fixture
def log_of_a_refund(world: World, mina: Shopper) -> tuple[str, str, str]:
    """Lines the worker wrote while a virtual account was paid and refunded; the payment's id and account."""
    start = len(world.log_file.read_bytes())
    purchase = world.prepared(mina, 3_000, "VIRTUAL_ACCOUNT")
    world.open_window(purchase)
    number = world.portone.issue_virtual_account(purchase.payment_id)["method"]["accountNumber"]
    world.portone.deposit(purchase.payment_id)
    world.quiet(purchase)
    assert (
        world.admin.cancel(purchase.payment_id, 1_000, refund_account=ACCOUNT).body["status"] == "succeeded"
    )
    world.admin.cancel(purchase.payment_id, 1_000, refund_account={**ACCOUNT, "number": "not-a-number-9876"})
    world.quiet(purchase)
    return world.log_file.read_bytes()[start:].decode(), purchase.payment_id, number


@pytest.mark.parametrize(
    ("pattern", "about"),
    [
        (r"portone\|webhook\|payment", "payment job settled"),
        (r"prepare\|pre-register", "pre-register"),
        ("webhook", "webhook recorded"),
    ],
)
def test_each_grep_of_the_manual_shows_its_activity(
    log_of_a_refund: tuple[str, str, str], pattern: str, about: str
) -> None:
    found = subprocess.run(
        [GREP, "-i", pattern], input=log_of_a_refund[0], capture_output=True, text=True, check=True
    ).stdout  # fmt: skip
    assert about in found


def test_each_payment_can_be_followed_in_the_log(log_of_a_refund: tuple[str, str, str]) -> None:
    log, payment_id, _ = log_of_a_refund
    lines = [line for line in log.splitlines() if payment_id in line]
    assert any("pre-register" in line for line in lines)
    assert any("cancel" in line for line in lines)


def test_no_secret_account_number_name_or_token_is_in_the_log(
    world: World, mina: Shopper, log_of_a_refund: tuple[str, str, str]
) -> None:
    number = log_of_a_refund[2]
    log = world.log_file.read_text() + world.stack.worker_log()
    endpoint, stack = world.stack.endpoint, world.stack
    secrets = [
        endpoint.secret_key, endpoint.publishable_key, endpoint.jwt_secret, stack.portone_api_secret,
        stack.webhook_secret, stack.webhook_secret.removeprefix("whsec_"), str(mina.token), str(world.admin.token),
        ACCOUNT["number"], ACCOUNT["holder_name"], number, "not-a-number-9876",
    ]  # fmt: skip
    assert [secret for secret in secrets if secret in log] == []
    assert "eyJ" not in log


def test_one_id_follows_a_request(world: World, mina: Shopper) -> None:
    """From the header through route, database, job and call to PortOne; the same in the answer."""
    request_id = f"shop-{mina.user_id}"
    start = len(world.log_file.read_bytes())
    order_id = world.order(mina, 3_000)
    reply = mina.post(
        "/payments", {"order_id": order_id, "pay_method": "CARD"}, headers={"x-request-id": request_id}
    )
    assert reply.headers["x-request-id"] == request_id
    expected = {
        "payment request answered",
        "portone answered",
        "payment prepared: pre-register accepted by portone",
    }

    def told() -> set[str]:
        lines = world.log_file.read_bytes()[start:].decode().splitlines(keepends=True)
        whole = [json.loads(line) for line in lines if line.endswith("\n")]
        return {line["event"] for line in whole if line.get("request_id") == request_id}

    # The last of them is written after the answer has gone out.
    world.wait(lambda: expected <= told())
    operation = reply.body["id"]
    (job,) = world.books.rows("select payload from queue.finished where operation_id = %s", operation)
    assert job["payload"]["request_id"] == request_id
