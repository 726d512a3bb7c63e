"""One order is paid once: no window, charge or schedule beside one that is under way, however it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.sql.cards import begin, begun_card, key_snapshot, saved_card
from tests.sql.shop import claim, payment_row, prepared_payment, settle, snapshot
from tests.sql.test_bad_input import refusal
from tests.sql.test_schedules import in_days, schedule_snapshot, scheduled

if TYPE_CHECKING:
    from tests.sql.shop import Caller, Row, Shop


def buyer(shop: Shop, worker: Caller) -> tuple[Caller, str, str]:
    """A customer with a card and an order."""
    user_id = shop.new_user()
    card_id = saved_card(shop, worker, user_id, f"key-{user_id}")
    return shop.user(user_id), shop.new_order(user_id), card_id


def live(owner: Caller) -> list[Row]:
    """Payments that keep their order."""
    return owner.rows("select payment_id, status::text, amount from public.payments where is_live")


def test_another_spelling_of_the_order_is_the_same_order(shop: Shop, worker: Caller, owner: Caller) -> None:
    user, order_id, card_id = buyer(shop, worker)
    user.one("request_billing_payment", order_id=order_id.upper(), billing_key_id=card_id)
    for spelling in (order_id, order_id.upper()):
        ask: dict[str, Any] = {"order_id": spelling, "billing_key_id": card_id}
        assert refusal(user, "request_billing_payment", **ask)[1] == "ORDER_HAS_OPEN_PAYMENT"
        assert refusal(user, "request_schedule", **ask, time_to_pay=in_days(1))[1] == "ORDER_HAS_OPEN_PAYMENT"
    (job,) = claim(worker)
    begin(worker, job)
    payment_id = job["payload"]["payment_id"]
    settle(
        worker,
        job,
        attempt={"number": 1, "outcome": "succeeded"},
        snapshots=[snapshot(payment_id, channel_key="channel-key-billing")],
    )
    assert payment_row(owner, payment_id)["order_id"] == order_id
    assert owner.row("select status from public.orders")["status"] == "paid"
    assert (
        refusal(user, "request_billing_payment", order_id=order_id, billing_key_id=card_id)[1]
        == "ORDER_ALREADY_PAID"
    )


@pytest.mark.parametrize("sent", [False, True], ids=["not sent yet", "sent"])
def test_no_window_is_opened_beside_a_charge_and_a_new_price_frees_nothing(
    shop: Shop, worker: Caller, owner: Caller, sent: bool
) -> None:
    user, order_id, card_id = buyer(shop, worker)
    user.one("request_billing_payment", order_id=order_id, billing_key_id=card_id)
    if sent:
        (job,) = claim(worker)
        begin(worker, job)
    before = live(owner)
    ask = {"order_id": order_id, "pay_method": "CARD"}
    assert refusal(user, "request_payment", **ask)[:2] == (409, "ORDER_HAS_OPEN_PAYMENT")
    owner.run("update public.orders set total_amount = 2000")
    assert refusal(user, "request_payment", **ask)[:2] == (409, "ORDER_HAS_OPEN_PAYMENT")
    assert live(owner) == before, "its price stays what was sent"


def test_no_window_is_opened_beside_a_charge_nobody_could_decide(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    user, order_id, card_id = buyer(shop, worker)
    user.one("request_billing_payment", order_id=order_id, billing_key_id=card_id)
    (job,) = claim(worker)
    begin(worker, job)
    error = {"code": "BUG", "message": "x"}
    settle(worker, job, "dead", attempt={"number": 1, "outcome": "unknown"}, error=error)
    ask = {"order_id": order_id, "pay_method": "CARD"}
    assert refusal(user, "request_payment", **ask)[1] == "ORDER_HAS_OPEN_PAYMENT"
    shop.advance(3 * 3600 + 61)
    for _ in range(2):
        (read,) = claim(worker)
        settle(worker, read, not_found=True)
        shop.advance(62)
    assert user.one("request_payment", **ask)["status"] == "pending", "it never happened: the order is free"


def test_no_window_is_opened_beside_a_schedule_until_it_is_revoked(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    user_id, schedule_id, job = scheduled(shop, worker)
    user = shop.user(user_id)
    ask = {"order_id": payment_row(owner, job["payload"]["payment_id"])["order_id"], "pay_method": "CARD"}
    assert refusal(user, "request_payment", **ask)[1] == "ORDER_HAS_OPEN_PAYMENT"
    owner.run("update public.orders set total_amount = 2000")
    assert refusal(user, "request_payment", **ask)[1] == "ORDER_HAS_OPEN_PAYMENT"
    user.one("revoke_schedule", id=schedule_id)
    (revocation,) = claim(worker)
    settle(worker, revocation, schedules=[schedule_snapshot(revocation, "REVOKED")])
    assert user.one("request_payment", **ask)["status"] == "pending"


def test_a_confirmation_under_way_keeps_its_order(shop: Shop, worker: Caller, owner: Caller) -> None:
    paid = prepared_payment(shop, worker)
    user = shop.user(paid.user_id)
    user.one("request_confirmation", payment_id=paid.payment_id, payment_token="token")
    (job,) = claim(worker)
    begin(worker, job)
    error = {"code": "BUG", "message": "x"}
    settle(worker, job, "dead", attempt={"number": 1, "outcome": "unknown"}, error=error)
    owner.run("update public.orders set total_amount = 2000")
    ask = {"order_id": paid.order_id, "pay_method": "CARD"}
    assert refusal(user, "request_payment", **ask)[1] == "ORDER_HAS_OPEN_PAYMENT"
    shop.advance(2 * 86_400)
    worker.call("run_maintenance")
    assert [row["payment_id"] for row in live(owner)] == [paid.payment_id], "not expired either"


def test_a_card_deleted_meanwhile_is_not_charged(shop: Shop, worker: Caller, owner: Caller) -> None:
    user, order_id, card_id = buyer(shop, worker)
    with owner.connection.transaction():
        # somebody is deleting it: its lane is held, the row is off, nothing is committed yet
        owner.run("select pg_advisory_xact_lock(private.lane_key(%s))", f"billing_key:{card_id}")
        owner.run("update public.billing_keys set is_active = false, is_default = false")
        user.run("set lock_timeout = '300ms'")
        ask = {"order_id": order_id, "billing_key_id": card_id}
        with pytest.raises(Exception, match="lock timeout"):
            user.one("request_billing_payment", **ask)
    assert refusal(user, "request_billing_payment", **ask)[1] == "BILLING_KEY_INACTIVE"


def test_two_cards_registered_at_the_same_moment_make_one_default(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    user_id = shop.new_user()
    cards = [begun_card(shop, user_id) for _ in range(2)]
    for number, card in enumerate(cards):
        shop.user(user_id).one("register_billing_key", billing_key=f"key-{number}", issue_id=card["issueId"])
    jobs = {job["payload"]["billing_key_id"]: job for job in claim(worker)}
    other = shop.service()
    first, second = (jobs[card["billingKeyId"]] for card in cards)
    with worker.connection.transaction():
        settle(worker, first, billing_key=key_snapshot(cards[0], "key-0"))
        settle(other, second, billing_key=key_snapshot(cards[1], "key-1"))  # does not wait, does not fail
    shop.advance(2)
    (again,) = claim(other)
    settle(other, again, billing_key=key_snapshot(cards[1], "key-1"))
    rows = owner.rows(
        "select billing_key, is_default, is_active from public.billing_keys order by billing_key"
    )
    assert rows == [
        {"billing_key": "key-0", "is_default": True, "is_active": True},
        {"billing_key": "key-1", "is_default": False, "is_active": True},
    ]


def test_a_deleted_cards_schedules_wait_for_nobody_and_are_read_back(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    user_id, _, made = scheduled(shop, worker)
    payment_id = made["payload"]["payment_id"]
    shop.user(user_id).one("delete_billing_key", id=made["payload"]["billing_key_id"])
    (job,) = claim(worker)
    with owner.connection.transaction():
        # somebody settles a job of the payment in this moment: its lane first, then its rows
        owner.run("select pg_advisory_xact_lock(private.lane_key(%s))", f"payment:{payment_id}")
        owner.run("select 1 from public.payments where payment_id = %s for no key update", payment_id)
        worker.run("set lock_timeout = '300ms'")
        settle(worker, job, deleted=True, schedules=[schedule_snapshot(made, "REVOKED")])
        worker.run("reset lock_timeout")
    status = "select status::text from public.payment_schedules"
    assert owner.row(status)["status"] == "scheduled"
    (read,) = claim(worker)
    assert (read["kind"], read["payload"]["payment_id"]) == ("sync_payment", payment_id)
    settle(worker, read, not_found=True, schedules=[schedule_snapshot(made, "REVOKED")])
    assert owner.row(status)["status"] == "revoked"
    assert payment_row(owner, payment_id)["is_live"] is False


def test_a_card_job_speaks_only_of_its_own_schedules(shop: Shop, worker: Caller) -> None:
    _, _, others = scheduled(shop, worker)
    user_id = shop.new_user()
    card_id = saved_card(shop, worker, user_id, "key-of-mine")
    shop.user(user_id).one("delete_billing_key", id=card_id)
    (job,) = claim(worker)
    outcome = {
        "job_id": job["id"],
        "claim": job["claim"],
        "verdict": "done",
        "deleted": True,
        "schedules": [schedule_snapshot(others, "REVOKED")],
    }
    assert refusal(worker, "settle_jobs", outcomes=[outcome])[1] == "SNAPSHOT_FOR_ANOTHER_PAYMENT"


@pytest.mark.parametrize(
    "kind",
    ["charge_billing_key", "confirm_payment", "create_schedule", "revoke_schedule", "stop_cancellation",
     "register_billing_key", "delete_billing_key", "read_identity", "cancel_payment", "sync_billing_key"],
)  # fmt: skip
def test_what_an_operation_asks_for_is_not_enqueued_beside_it(worker: Caller, kind: str) -> None:
    job = {"job_kind": kind, "idempotency_key": f"beside-{kind}", "payload": {"payment_id": "p"}}
    assert refusal(worker, "enqueue_jobs", jobs=[job])[1] == "JOB_INVALID"
