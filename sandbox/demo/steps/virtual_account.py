"""Step 6: a virtual account is issued, deposited and refunded to a bank account that nobody can read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.demo.story import Story
    from sandbox.demo.world import Purchase, World

ACCOUNT = {"bank": "KOOKMIN", "number": "94310201234567", "holder_name": "Mina Kim"}
MASKED = "**********4567"


def virtual_account_is_paid_and_refunded(world: World, story: Story) -> None:
    """Issue, deposit, refuse without bank details, refund with them."""
    mina = world.customer()
    purchase = world.prepared(mina, 20_000, "VIRTUAL_ACCOUNT")
    story.tell("Mina chooses a bank transfer; PortOne issues an account for her")
    world.open_window(purchase)
    issued = world.portone.issue_virtual_account(purchase.payment_id)
    number = issued["method"]["accountNumber"]
    world.quiet(purchase)
    columns = "status,virtual_account_bank,virtual_account_number,paid_amount"
    (row,) = mina.select("payments", columns, payment_id=f"eq.{purchase.payment_id}")
    story.expect(
        "Mina reads where to pay",
        (row["status"], row["virtual_account_number"]),
        ("virtual_account_issued", number),
    )
    story.tell("She transfers the money")
    world.portone.deposit(purchase.payment_id)
    world.quiet(purchase)
    (row,) = mina.select("payments", columns, payment_id=f"eq.{purchase.payment_id}")
    story.expect("paid", (row["status"], row["paid_amount"]), ("paid", 20_000))
    story.expect_true(
        "its number is hidden from now on", number not in str(row), row["virtual_account_number"]
    )
    _refund(world, story, purchase)
    (seen,) = mina.select("payment_cancellations", "refund_bank,refund_account_masked,status", payment_id=f"eq.{purchase.payment_id}")  # fmt: skip
    story.expect(
        "what Mina reads of the refund", seen,
        {"refund_bank": "KOOKMIN", "refund_account_masked": MASKED, "status": "succeeded"},
    )  # fmt: skip
    logged = world.log_file.read_text() + world.stack.worker_log()
    found = [secret for secret in (ACCOUNT["number"], ACCOUNT["holder_name"], number) if secret in logged]
    story.expect("bank details in the log files", found, [])
    kept = world.books.rows("select count(*) as n from private.refund_accounts")[0]["n"]
    story.expect("bank details kept in the database", kept, 0)


def _refund(world: World, story: Story, purchase: Purchase) -> None:
    story.tell("A refund without saying where to")
    refused = world.admin.cancel(purchase.payment_id, 20_000)
    story.expect("refused", (refused.status, refused.code), (422, "REFUND_ACCOUNT_REQUIRED"))
    story.expect(
        "missing",
        refused.error["fields"],
        ["refund_account.bank", "refund_account.number", "refund_account.holder_name"],
    )
    story.expect("cancel calls PortOne got", len(world.cancel_calls(purchase)), 0)
    story.tell("The same with her bank account")
    refund = world.admin.cancel(purchase.payment_id, 20_000, refund_account=ACCOUNT)
    story.expect("accepted", refund.body["status"], "succeeded")
    sent = world.cancel_calls(purchase)
    story.expect_true(
        "PortOne was told the account", ACCOUNT["number"] in sent[0]["body"], f"{len(sent)} call"
    )
    world.quiet(purchase)
    summary = world.books.summary(purchase.payment_id)
    story.expect("the books agree", world.books.differences(purchase.payment_id), [], shown=summary)
