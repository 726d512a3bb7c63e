"""Law 3: the same snapshots in any order, repeated or at once, end in the same rows."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sql.shop import (
    Caller,
    Row,
    Shop,
    cancellation,
    claim,
    payment_row,
    prepared_payment,
    settle,
    snapshot,
    sync,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

STATUSES = [
    "READY",
    "PAY_PENDING",
    "VIRTUAL_ACCOUNT_ISSUED",
    "FAILED",
    "PAID",
    "PARTIAL_CANCELLED",
    "CANCELLED",
    "SOMETHING_NEW",
]
TIMES = [
    None,
    "2026-11-01T00:00:10Z",
    "2026-11-01T00:00:10.000000001Z",
    "2026-11-01T00:00:11Z",
    "2026-11-01T09:00:12+09:00",
]


def an_entry(number: int, status: str, at: str | None) -> Row:
    """One of three cancellations, at some point of its life."""
    return cancellation(f"c-{number}", 100 * number, status, cancelled_at=at, trigger="CONSOLE")


entries = st.builds(
    an_entry,
    st.integers(1, 3),
    st.sampled_from(["REQUESTED", "FAILED", "SUCCEEDED", "NEW_WORD"]),
    st.sampled_from(TIMES),
)


def consistent(made: Row) -> Row:
    """PortOne says of a cancelled payment how much was cancelled."""
    made["cancelled"] = {
        "CANCELLED": 1000,
        "PARTIAL_CANCELLED": max(
            1, sum(c["amount"] for c in made["cancellations"] if c["status"] == "SUCCEEDED")
        ),
    }.get(made["status"], 0)
    return made


def a_snapshot(
    status: str,
    changed: str | None,
    updated: str | None,
    listed: list[Row],
    receipt: str | None,
    account: str | None,
    method: str | None,
) -> Row:
    """A payment at some point of its life, with times that tie and fields that are missing."""
    return consistent(
        snapshot(
            "replaced",
            status,
            status_changed_at=changed or "2026-11-01T00:00:09Z",
            updated_at=updated,
            cancellations=listed,
            receipt_url=receipt,
            virtual_account={
                "bank": "SHINHAN",
                "account_number": account,
                "refund_status": receipt,
                "expired_at": updated,
            }
            if account
            else None,
            pay_method=method,
            transaction_id=f"tx-{status}",
            failure={"pg_code": "X"} if status == "FAILED" else None,
        )
    )


snapshots = st.builds(
    a_snapshot,
    st.sampled_from(STATUSES),
    st.sampled_from(TIMES),
    st.sampled_from(TIMES),
    st.lists(entries, max_size=3, unique_by=lambda c: c["id"]),
    st.sampled_from([None, "a", "b"]),
    st.sampled_from([None, "11112222333344", "99998888"]),
    st.sampled_from([None, "CARD", "VIRTUAL_ACCOUNT"]),
)

IGNORED = {
    "id",
    "payment_id",
    "order_id",
    "user_id",
    "created_at",
    "updated_at",
    "snapshot_digest",
    "detail_digest",
}
IGNORED_OF_REFUNDS = {"id", "number", "payment_id", "operation_id", "created_at", "updated_at"}


def end_state(owner: Caller, payment_id: str) -> tuple[Row, list[Row], Row]:
    """The payment, its refunds and the state its events tell, without what names this copy of it."""
    payment = {key: value for key, value in payment_row(owner, payment_id).items() if key not in IGNORED}
    refunds = [
        {key: value for key, value in row.items() if key not in IGNORED_OF_REFUNDS}
        for row in owner.rows(
            "select * from public.payment_cancellations where payment_id = %s order by cancellation_id, number",
            payment_id,
        )
    ]
    told = owner.row(
        "select to_status::text, sequence = count(*) over () as gap_free from public.payment_events where payment_id = %s order by sequence desc limit 1",
        payment_id,
    )
    return payment, refunds, told


def apply_in_order(shop: Shop, worker: Caller, order: Iterable[Row], refund: int | None) -> str:
    shop.setup.run("delete from queue.jobs")  # what an earlier, failed example left behind
    paid = prepared_payment(shop, worker)
    sync(
        worker,
        paid.payment_id,
        snapshot(paid.payment_id, "PAID", status_changed_at="2026-11-01T00:00:00Z", updated_at=None),
    )
    if refund:
        worker.one("request_cancellation", payment_id=paid.payment_id, amount=refund, reason="r")
        (job,) = claim(worker)  # the refund waits in its job while PortOne changes
        (answer,) = settle(
            worker,
            job,
            "retry",
            retry_in_seconds=0,
            snapshots=[made | {"payment_id": paid.payment_id} for made in order],
        )
        assert answer["accepted"]
    else:
        for made in order:
            sync(worker, paid.payment_id, made | {"payment_id": paid.payment_id})
    return paid.payment_id


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    made=st.lists(snapshots, min_size=2, max_size=5),
    refund=st.sampled_from([None, 300, 1000]),
    seed=st.integers(0, 10**6),
)
def test_any_order_and_repetition_ends_in_the_same_rows(
    shop: Shop, worker: Caller, owner: Caller, made: list[Row], refund: int | None, seed: int
) -> None:
    shuffle = random.Random(seed)
    other = [*made, *shuffle.choices(made, k=2)]
    shuffle.shuffle(other)
    first = end_state(owner, apply_in_order(shop, worker, made, refund))
    second = end_state(owner, apply_in_order(shop, worker, other, refund))
    assert {key: (value, second[0][key]) for key, value in first[0].items() if value != second[0][key]} == {}
    assert first[1:] == second[1:]
    assert first[2]["gap_free"]


def test_snapshots_applied_at_once_by_many_connections_converge(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    paid = [prepared_payment(shop, worker).payment_id for _ in range(6)]
    story = [
        snapshot("p", "READY", updated_at="2026-11-01T00:00:01Z", status_changed_at="2026-11-01T00:00:01Z"),
        snapshot("p", "FAILED", updated_at="2026-11-01T00:00:02Z", status_changed_at="2026-11-01T00:00:02Z"),
        snapshot("p", "PAID"),
        snapshot(
            "p",
            "PARTIAL_CANCELLED",
            cancelled=100,
            cancellations=[cancellation("c-1", 100)],
            updated_at="2026-11-02T00:00:00Z",
        ),
        snapshot(
            "p",
            "CANCELLED",
            cancelled=1000,
            cancellations=[cancellation("c-1", 100), cancellation("c-2", 900)],
            updated_at="2026-11-03T00:00:00Z",
        ),
    ]

    def play(seed: int) -> None:
        mine, order = shop.service(), random.Random(seed)
        for _ in range(40):
            mine.one("request_completion", payment_id=order.choice(paid))
            for job in claim(mine, most=3, name=f"w{seed}"):
                settle(
                    mine, job, snapshots=[order.choice(story) | {"payment_id": job["payload"]["payment_id"]}]
                )

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(play, range(6)))
    # What the last ones asked for and nobody has run yet.
    while left := claim(worker):
        for job in left:
            settle(worker, job, snapshots=[story[0] | {"payment_id": job["payload"]["payment_id"]}])
    for payment_id in paid:
        sync(worker, payment_id, *[made | {"payment_id": payment_id} for made in story])
    states = [end_state(owner, payment_id) for payment_id in paid]
    assert all(state == states[0] for state in states)
    assert states[0][0]["status"] == "cancelled"


def test_failed_may_become_paid_but_paid_never_becomes_failed(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    paid = prepared_payment(shop, worker)
    sync(worker, paid.payment_id, snapshot(paid.payment_id, "FAILED", failed_at="2026-11-01T00:00:10Z"))
    assert payment_row(owner, paid.payment_id)["status"] == "failed"
    sync(worker, paid.payment_id, snapshot(paid.payment_id, "PAID"))
    assert payment_row(owner, paid.payment_id)["status"] == "paid"
    sync(
        worker,
        paid.payment_id,
        snapshot(
            paid.payment_id,
            "FAILED",
            status_changed_at="2026-12-01T00:00:00Z",
            updated_at="2026-12-01T00:00:00Z",
        ),
    )
    assert payment_row(owner, paid.payment_id)["status"] == "paid"


def test_more_cancelled_than_paid_is_clamped_and_reported(shop: Shop, worker: Caller, owner: Caller) -> None:
    paid = prepared_payment(shop, worker)
    sync(worker, paid.payment_id, snapshot(paid.payment_id, "CANCELLED", cancelled=1200))
    row = payment_row(owner, paid.payment_id)
    assert (row["paid_amount"], row["cancelled_amount"], row["cancellable_amount"]) == (1000, 1000, 0)
    assert (
        owner.row("select kind from public.drift_findings where subject = %s", paid.payment_id)["kind"]
        == "cancelled_exceeds_total"
    )
