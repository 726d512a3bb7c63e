"""Nothing is lost for good: what no webhook told us is found in PortOne's lists, read back, and the books agree again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.flow.command_line import CommandLine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.demo.shopper import Shopper
    from sandbox.demo.world import World

STORE = "PORTONE_STORE_ID"


@pytest.fixture
def silent(world: World) -> Iterator[World]:
    """PortOne's webhooks do not arrive."""
    world.portone.hold_webhooks()
    yield world
    world.portone.release_webhooks(drop=1_000)


@pytest.fixture
def portone_worker(world: World) -> CommandLine:
    """The command line of this stack's worker."""
    return CommandLine(world)


def tick(world: World) -> dict[str, Any]:
    """What every worker asks each half minute; here it is asked when a test wants it."""
    reply = world.server.rpc("schedule_reconciliation", stores=[world.stack.worker_settings()[STORE]])
    assert reply.status == 200, reply.body
    due: dict[str, Any] = reply.body
    return due


def window(world: World, hours: float = 1) -> list[str]:
    """`--since` and `--until` on PortOne's clock."""
    now = datetime.fromisoformat(world.portone.now())
    return [
        "--since",
        (now - timedelta(hours=hours)).isoformat(),
        "--until",
        (now + timedelta(seconds=5)).isoformat(),
    ]


def findings(world: World, payment_id: str) -> list[tuple[str, str | None]]:
    """Kind of every finding about a payment, and how it was closed."""
    rows = world.books.rows(
        "select kind, closed_how from public.drift_findings where subject = %s order by id", payment_id
    )
    return [(row["kind"], row["closed_how"]) for row in rows]


def dead_jobs(world: World, payment_id: str) -> list[dict[str, Any]]:
    """Jobs about a payment that need a person."""
    return world.admin.select("dead_jobs", payment_id=f"eq.{payment_id}")


def test_a_payment_whose_webhooks_were_lost_is_found_by_hand_and_read_back(
    silent: World, mina: Shopper, portone_worker: CommandLine
) -> None:
    purchase = silent.prepared(mina, 21_000)
    silent.open_window(purchase)
    silent.portone.approve(purchase.payment_id)
    silent.advance(300)
    assert silent.books.payment(purchase.payment_id)["status"] == "ready"
    looked = portone_worker.json("reconcile", *window(silent), exit_code=1)
    assert looked["verdicts"]["late"] >= 1
    assert silent.books.payment(purchase.payment_id)["status"] == "ready"
    repaired = portone_worker("reconcile", *window(silent), "--repair")
    assert repaired.exit_code == 1
    assert "look again" in repaired.output
    silent.wait(lambda: silent.books.payment(purchase.payment_id)["status"] == "paid")
    assert silent.books.events(purchase.payment_id, "order_settled") == 1
    assert silent.books.differences(purchase.payment_id) == []
    assert findings(silent, purchase.payment_id) == [("late", "read back")]


def test_the_scheduled_sweep_finds_console_cancels_and_strangers_and_says_as_of_when(
    silent: World, mina: Shopper, portone_worker: CommandLine
) -> None:
    tick(silent)
    purchase = silent.prepared(mina, 30_000)
    silent.open_window(purchase)
    silent.portone.approve(purchase.payment_id)
    mina.post(f"/payments/{purchase.payment_id}/complete")
    silent.portone.console_cancel(purchase.payment_id, amount=4_000, reason="desk")
    stranger = f"console{purchase.payment_id[-12:]}"
    silent.portone.open_window(**{**purchase.window, "paymentId": stranger})
    silent.portone.approve(stranger)
    silent.advance(601)
    for _ in range(3):
        tick(silent)
        silent.books.wait_idle()
    assert silent.books.payment(purchase.payment_id)["cancelled_amount"] == 4_000
    row = silent.books.payment(stranger)
    assert (row["origin"], row["status"], row["user_id"], row["order_id"]) == ("portone", "paid", None, None)
    assert ("missing_here", None) in findings(silent, stranger)
    (ledger,) = silent.admin.select("is_ledger_equal")
    assert ledger["equal"] is False
    assert ledger["by_kind"]["missing_here"] >= 1
    assert ledger["as_of"] is not None
    (finding,) = silent.admin.select("drift_findings", kind="eq.missing_here", subject=f"eq.{stranger}")
    shown = portone_worker.rows("findings", "list")
    assert finding["id"] in [one["id"] for one in shown]
    closed = portone_worker.json("findings", "close", str(finding["id"]), "-m", "made in the console")
    assert closed["closed_at"] is not None
    assert findings(silent, stranger)[0] == ("missing_here", "made in the console")


def test_events_are_a_second_look_that_may_be_gone(
    silent: World, mina: Shopper, portone_worker: CommandLine
) -> None:
    purchase = silent.prepared(mina, 5_000)
    silent.open_window(purchase)
    silent.portone.approve(purchase.payment_id)
    silent.advance(300)
    silent.portone.add_fault("status", "/payment-events-by-cursor", method="GET", times=50, status=500)
    found = portone_worker.json("reconcile", *window(silent), "--repair", exit_code=1)
    silent.portone.clear_faults()
    assert found["source"] == "payments"
    silent.wait(lambda: silent.books.payment(purchase.payment_id)["status"] == "paid")
    again = portone_worker.json("reconcile", *window(silent))
    assert (again["source"], again["different"]) == ("payments+events", 0)


def test_a_webhook_that_never_came_is_asked_for_and_comes(world: World, mina: Shopper) -> None:
    tick(world)
    purchase = world.prepared(mina, 9_000)
    world.portone.hold_webhooks()
    world.open_window(purchase)
    world.portone.approve(purchase.payment_id)
    assert mina.post(f"/payments/{purchase.payment_id}/complete").result["status"] == "paid"
    world.portone.release_webhooks(drop=1_000)
    world.portone.deliver_webhooks()
    world.advance(31 * 60)
    tick(world)
    world.wait(
        lambda: len(world.portone.requests(path=f"/payments/{purchase.payment_id}/resend-webhook")) == 1
    )
    world.portone.settle()
    world.books.wait_idle()
    assert world.books.rows(
        "select webhook_type from public.webhook_logs where payment_id = %s and webhook_type = 'Transaction.Paid'",
        purchase.payment_id,
    )
    tick(world)
    assert findings(world, purchase.payment_id) == [("webhook_overdue", "it has come")]


def test_dead_jobs_and_failed_webhooks_from_the_command_line(
    world: World, mina: Shopper, portone_worker: CommandLine
) -> None:
    purchase = world.prepared(mina, 7_000)
    # PortOne refuses the read for good: the job dies, its webhook has failed
    world.portone.add_fault(
        "status",
        f"/payments/{purchase.payment_id}",
        method="GET",
        times=1,
        status=403,
        body={"type": "FORBIDDEN"},
    )
    world.open_window(purchase)
    world.wait(lambda: dead_jobs(world, purchase.payment_id) != [])
    (dead,) = [one for one in portone_worker.rows("jobs", "dead") if one["payment_id"] == purchase.payment_id]
    assert dead["error"]["code"] == "FORBIDDEN"
    assert portone_worker("jobs", "dead", "--check").exit_code == 1
    assert str(dead["id"]) in portone_worker("jobs", "list", "--payment", purchase.payment_id).output
    shown = portone_worker.json("jobs", "show", str(dead["id"]))
    assert (shown["state"], shown["webhooks"][0]["status"]) == ("dead", "failed")
    (failed,) = [
        one
        for one in portone_worker.rows("webhooks", "list", "--failed")
        if one["payment_id"] == purchase.payment_id
    ]
    body = portone_worker.json("webhooks", "show", str(failed["id"]), "--body")["body"]
    assert purchase.payment_id in body
    done = portone_worker.rows("jobs", "retry", str(dead["id"]), "-m", "the fault is gone", "--actor", "kim")
    assert [one["done"] for one in done] == [True]
    world.quiet(purchase)
    assert portone_worker.json("jobs", "show", str(dead["id"]))["state"] == "done"
    (action,) = world.admin.select("operator_actions", payment_id=f"eq.{purchase.payment_id}")
    assert (action["action"], action["actor"], action["reason"]) == (
        "requeue_job", "service_role:kim", "the fault is gone",
    )  # fmt: skip
    replayed = portone_worker.rows("webhooks", "replay", str(failed["id"]), "-m", "once more")
    assert replayed[0]["done"] is True
    world.quiet(purchase)
    tail = portone_worker.rows("webhooks", "tail", "--once", "--since", "1h")
    assert failed["webhook_id"] in [one["webhook_id"] for one in tail]
    assert portone_worker("jobs", "discard", "999999999", "-m", "r").exit_code == 1
    assert portone_worker("jobs", "show", "999999999").exit_code == 4
    assert portone_worker("webhooks", "show", "999999999").exit_code == 4
    assert portone_worker("webhooks", "replay", "-m", "r").exit_code == 2
    assert portone_worker("webhooks", "list", "--since", "soon").exit_code == 2


def test_an_admin_requeues_and_replays_by_supabase_js(world: World, mina: Shopper) -> None:
    purchase = world.prepared(mina, 7_000)
    world.portone.add_fault(
        "status",
        f"/payments/{purchase.payment_id}",
        method="GET",
        times=1,
        status=403,
        body={"type": "FORBIDDEN"},
    )
    world.open_window(purchase)
    world.wait(lambda: dead_jobs(world, purchase.payment_id) != [])
    (dead,) = world.admin.select("dead_jobs", payment_id=f"eq.{purchase.payment_id}")
    assert (
        mina.rpc("requeue_jobs", ids=[dead["id"]], reason="mine").body["details"].count("ADMIN_REQUIRED") == 1
    )
    answer = world.admin.rpc("requeue_jobs", ids=[dead["id"]], reason="the fault is gone")
    assert (answer.status, answer.body[0]["done"]) == (200, True)
    world.quiet(purchase)
    (webhook,) = world.admin.select("webhook_logs", "id,status", payment_id=f"eq.{purchase.payment_id}")
    assert webhook["status"] == "processed"
    assert world.admin.rpc("replay_webhooks", ids=[webhook["id"]], reason="again").body[0]["done"] is True
    world.quiet(purchase)
    (action, _second) = world.admin.select(
        "operator_actions", payment_id=f"eq.{purchase.payment_id}", order="id"
    )
    assert action["actor"] == world.admin.user_id
