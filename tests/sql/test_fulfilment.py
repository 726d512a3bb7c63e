"""Laws 4, 8 and 9: no fulfilment without proof, one payment per order, no payment id before pre-registration."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.sql.shop import (
    PREPARED,
    Caller,
    Refused,
    Row,
    Shop,
    amounts,
    claim,
    paid_payment,
    payment_row,
    prepared_payment,
    settle,
    snapshot,
    sync,
)


def order_status(owner: Caller, order_id: str) -> str:
    """How the shop sees the order."""
    return str(owner.row("select status from public.orders where id = %s::uuid", order_id)["status"])


def test_who_reads_a_payment_is_no_part_of_what_portone_says(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    """The kind of shop travels with a snapshot: the right one changes nothing, also not which snapshot is later."""
    paid = prepared_payment(shop, worker)
    said = snapshot(paid.payment_id)
    sync(worker, paid.payment_id, said | {"shop_kind": "TEST"})
    assert order_status(owner, paid.order_id) == "paid"
    digest = payment_row(owner, paid.payment_id)["snapshot_digest"]
    sync(worker, paid.payment_id, said, said | {"shop_kind": "LIVE"})
    row = payment_row(owner, paid.payment_id)
    assert (row["snapshot_digest"], row["discrepancies"]) == (digest, [])


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"total": 100, "paid": 100}, "amount"),
        ({"tax_free": 500}, "amount"),
        ({"currency": "USD"}, "currency"),
        ({"store_id": "store-2"}, "store"),
        ({"store_id": None}, "store"),
        ({"channel_kind": "LIVE"}, "channel_kind"),
        ({"channel_kind": None}, "channel_kind"),
        # Prepared while the shop was tested, paid with no money after it went live.
        ({"shop_kind": "LIVE"}, "channel_kind"),
    ],
)
def test_a_discrepancy_is_visible_never_fulfils_and_can_be_refunded(
    shop: Shop, worker: Caller, owner: Caller, change: Row, found: str
) -> None:
    paid = prepared_payment(shop, worker)
    sync(worker, paid.payment_id, snapshot(paid.payment_id) | change)
    row = payment_row(owner, paid.payment_id)
    assert (row["status"], row["discrepancies"]) == ("paid", [found])
    assert order_status(owner, paid.order_id) == "pending"
    assert (
        owner.row(
            "select detail -> 'discrepancies' ->> 0 as found from public.drift_findings where kind = 'discrepancy'"
        )["found"]
        == found
    )
    assert (
        worker.one("request_cancellation", payment_id=paid.payment_id, reason="wrong")["status"] == "pending"
    )
    assert amounts(owner, paid.payment_id)[2] == row["paid_amount"]


def test_an_order_is_fulfilled_once_however_often_the_payment_is_read(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    paid = paid_payment(shop, worker)
    assert order_status(owner, paid.order_id) == "paid"
    owner.run("update public.orders set status = 'shipped' where id = %s::uuid", paid.order_id)
    sync(
        worker,
        paid.payment_id,
        snapshot(paid.payment_id),
        snapshot(paid.payment_id, updated_at="2026-11-09T00:00:00Z"),
    )
    assert order_status(owner, paid.order_id) == "shipped"
    events = [
        row["event_type"]
        for row in owner.rows(
            "select event_type from public.payment_events where payment_id = %s", paid.payment_id
        )
    ]
    assert events.count("order_settled") == 1


def test_two_tabs_get_the_same_payment(shop: Shop, worker: Caller, owner: Caller) -> None:
    user_id = shop.new_user()
    order_id = shop.new_order(user_id)
    tabs = [shop.user(user_id) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        asked = list(
            pool.map(lambda tab: tab.one("request_payment", order_id=order_id, pay_method="CARD")["id"], tabs)
        )
    assert len(set(asked)) == 1
    assert owner.row("select count(*) as n from public.payments")["n"] == 1
    (job,) = claim(worker)
    settle(worker, job, prepared=PREPARED)
    assert (
        tabs[0].one("request_payment", order_id=order_id, pay_method="CARD")["result"]["paymentId"]
        == job["payload"]["payment_id"]
    )


def test_another_method_keeps_the_payment_and_registers_it_again(shop: Shop, worker: Caller) -> None:
    paid = prepared_payment(shop, worker)
    operation = shop.user(paid.user_id).one(
        "request_payment", order_id=paid.order_id, pay_method="VIRTUAL_ACCOUNT"
    )
    (job,) = claim(worker)
    settle(worker, job, prepared=PREPARED | {"channel_key": "channel-key-vbank"})
    result = worker.one("get_operation", id=operation["id"])["result"]
    assert (result["paymentId"], result["payMethod"], result["channelKey"]) == (
        paid.payment_id,
        "VIRTUAL_ACCOUNT",
        "channel-key-vbank",
    )


def test_a_new_payment_may_start_after_the_first_failed_and_only_one_fulfils(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    first = prepared_payment(shop, worker)
    sync(worker, first.payment_id, snapshot(first.payment_id, "FAILED"))
    operation = shop.user(first.user_id).one("request_payment", order_id=first.order_id, pay_method="CARD")
    (job,) = claim(worker)
    settle(worker, job, prepared=PREPARED)
    second = worker.one("get_operation", id=operation["id"])["result"]["paymentId"]
    assert second != first.payment_id
    sync(worker, first.payment_id, snapshot(first.payment_id, "PAID"))
    sync(worker, second, snapshot(second, "PAID"))
    assert payment_row(owner, first.payment_id)["discrepancies"] == []
    row = payment_row(owner, second)
    assert (row["status"], row["discrepancies"], row["cancellable_amount"]) == (
        "paid",
        ["order_already_paid"],
        1000,
    )
    sync(worker, second, snapshot(second, "PAID", updated_at="2026-11-09T00:00:00Z"))
    assert payment_row(owner, second)["discrepancies"] == ["order_already_paid"]


def test_two_payments_of_one_order_found_paid_at_once_settle_it_once(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    pairs = []
    for _ in range(8):
        first = prepared_payment(shop, worker)
        sync(worker, first.payment_id, snapshot(first.payment_id, "FAILED"))
        shop.user(first.user_id).one("request_payment", order_id=first.order_id, pay_method="CARD")
        (job,) = claim(worker)
        settle(worker, job, prepared=PREPARED)
        pairs.append((first.payment_id, job["payload"]["payment_id"]))
    for pair in pairs:
        for payment_id in pair:
            worker.one("request_completion", payment_id=payment_id)
    jobs = {job["payload"]["payment_id"]: job for job in claim(worker)}
    # each batch holds one payment of every order, in opposite sequences
    batches = [[jobs[pair[0]] for pair in pairs], [jobs[pair[1]] for pair in reversed(pairs)]]
    callers = [shop.service(), shop.service()]

    def settle_all(side: int) -> list[Row]:
        return callers[side].call(
            "settle_jobs",
            outcomes=[
                {
                    "job_id": job["id"],
                    "claim": job["claim"],
                    "verdict": "done",
                    "snapshots": [snapshot(job["payload"]["payment_id"])],
                }
                for job in batches[side]
            ],
        )

    with ThreadPoolExecutor(2) as pool:
        answers = [row for rows in pool.map(settle_all, range(2)) for row in rows]
    assert all(row["accepted"] for row in answers)
    for pair in pairs:
        found = [payment_row(owner, payment_id)["discrepancies"] for payment_id in pair]
        assert sorted(found) == [[], ["order_already_paid"]]


def test_the_table_itself_refuses_two_live_payments_of_an_order(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    paid = prepared_payment(shop, worker)
    with pytest.raises(psycopg.errors.UniqueViolation):
        owner.run(
            "insert into public.payments (payment_id, order_id, amount, currency, status, origin, is_live, total_cancel_amount) values ('payother', %s, 1, 'KRW', 'ready', 'app', true, 0)",
            paid.order_id,
        )


def test_a_paid_order_cannot_be_paid_again(shop: Shop, worker: Caller) -> None:
    paid = paid_payment(shop, worker)
    with pytest.raises(Refused) as refused:
        shop.user(paid.user_id).one("request_payment", order_id=paid.order_id, pay_method="CARD")
    assert (refused.value.status, refused.value.code) == (409, "ORDER_ALREADY_PAID")


def test_a_changed_price_makes_a_new_payment_and_retires_the_old_one(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    paid = prepared_payment(shop, worker)
    owner.run("update public.orders set total_amount = 2000 where id = %s::uuid", paid.order_id)
    shop.user(paid.user_id).one("request_payment", order_id=paid.order_id, pay_method="CARD")
    (job,) = claim(worker)
    assert job["payload"]["payment_id"] != paid.payment_id
    assert job["context"]["payment"]["amount"] == 2000
    assert payment_row(owner, paid.payment_id)["status"] == "expired"
    worker.call("release_jobs", jobs=[{"job_id": job["id"], "claim": job["claim"]}])
    worker.one("request_completion", payment_id=paid.payment_id)
    (late,) = [job for job in claim(worker) if job["payload"]["payment_id"] == paid.payment_id]
    settle(worker, late, snapshots=[snapshot(paid.payment_id)])
    row = payment_row(owner, paid.payment_id)
    assert (row["status"], row["discrepancies"]) == ("paid", ["amount"]), (
        "the old window was paid all the same"
    )
    assert order_status(owner, paid.order_id) == "pending"


def test_the_shops_server_and_the_customer_share_the_payment_and_each_may_wait_for_their_own_request(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    user_id = shop.new_user()
    order_id = shop.new_order(user_id)
    worker.one("request_payment", order_id=order_id, pay_method="CARD")
    user = shop.user(user_id)
    mine = user.one("request_payment", order_id=order_id, pay_method="CARD")
    for _ in range(2):
        settle(worker, claim(worker), prepared=PREPARED)
    assert user.one("get_operation", id=mine["id"])["status"] == "succeeded"
    assert owner.row("select count(*) as n from public.payments")["n"] == 1


def test_the_payment_id_is_seen_by_nobody_before_it_is_registered(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    user_id = shop.new_user()
    user = shop.user(user_id)
    operation = user.one("request_payment", order_id=shop.new_order(user_id), pay_method="CARD")
    payment_id = owner.row("select payment_id from public.payments")["payment_id"]
    for table in ("payments", "payment_operations", "payment_events", "payment_cancellations"):
        shown = user.rows(f"select to_jsonb(t)::text as row from public.{table} as t")
        assert not [row for row in shown if payment_id in row["row"]]
    assert payment_id not in str(user.one("get_operation", id=operation["id"]))
    with pytest.raises(Refused) as refused:
        user.one("request_completion", payment_id=payment_id)
    assert refused.value.code == "PAYMENT_NOT_FOUND"
    (job,) = claim(worker)
    settle(worker, job, prepared=PREPARED)
    assert user.row("select payment_id from public.payments")["payment_id"] == payment_id


def test_payment_ids_fit_every_pg_and_cannot_be_guessed(shop: Shop, worker: Caller) -> None:
    ids = {prepared_payment(shop, worker).payment_id for _ in range(5)}
    assert len(ids) == 5
    assert all(len(found) == 35 and found.isalnum() and found.isascii() for found in ids)


@pytest.mark.parametrize("verdict", ["failed", "dead"])
def test_a_payment_that_could_not_be_registered_frees_its_order(
    shop: Shop, worker: Caller, owner: Caller, verdict: str
) -> None:
    user_id = shop.new_user()
    order_id = shop.new_order(user_id)
    user = shop.user(user_id)
    operation = user.one("request_payment", order_id=order_id, pay_method="CARD")
    (job,) = claim(worker)
    settle(worker, job, verdict, error={"code": "INVALID_REQUEST", "message": "no"})
    ended = user.one("get_operation", id=operation["id"])
    assert (ended["status"], ended["error"]["code"]) == ("failed", "INVALID_REQUEST")
    assert owner.row("select status::text from public.payments")["status"] == "failed"
    assert user.one("request_payment", order_id=order_id, pay_method="CARD")["id"] != operation["id"]
