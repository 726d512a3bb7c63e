"""Our books against PortOne's lists: what is found, what is read back because of it, when it is over, as of when."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.sql.shop import (
    STORE,
    Refused,
    cancellation,
    claim,
    paid_payment,
    payment_row,
    prepared_payment,
    settle,
    snapshot,
    sync,
)

if TYPE_CHECKING:
    from tests.sql.shop import Caller, Row, Shop


def listed(payment_id: str, status: str = "PAID", **changes: Any) -> Row:
    """A payment as PortOne's list shows it."""
    given = {
        "store_id": STORE, "payment_id": payment_id, "status": status, "total": 1000, "cancelled": 0, "currency": "KRW",
        "status_changed_at": "2026-11-01T00:00:10Z", "updated_at": "2026-11-01T00:00:10.5Z", "known_store": True,
        "source": "payments",
    }  # fmt: skip
    return given | changes


def verdict(worker: Caller, **sighting: Any) -> str:
    """What one sighting comes to."""
    (answer,) = worker.call("record_drift", sightings=[listed(**sighting)])
    return str(answer["verdict"])


def findings(owner: Caller) -> list[tuple[str, str | None]]:
    """Kind of every finding, and how it was closed."""
    rows = owner.rows("select kind, closed_how from public.drift_findings order by id")
    return [(row["kind"], row["closed_how"]) for row in rows]


def test_what_agrees_is_left_alone(shop: Shop, worker: Caller, owner: Caller) -> None:
    paid = paid_payment(shop, worker)
    assert verdict(worker, payment_id=paid.payment_id) == "equal"
    # the list lags behind what was read by id
    old = {
        "status": "READY",
        "status_changed_at": "2026-10-31T23:59:00Z",
        "updated_at": "2026-10-31T23:59:00Z",
    }
    assert verdict(worker, payment_id=paid.payment_id, **old) == "stale"
    assert claim(worker) == []
    assert findings(owner) == []


def test_a_paid_payment_nobody_told_us_of_is_found_read_and_closed(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    paid = prepared_payment(shop, worker)
    assert verdict(worker, payment_id=paid.payment_id) == "late"
    assert verdict(worker, payment_id=paid.payment_id) == "late"
    (finding,) = owner.rows("select * from public.drift_findings")
    assert (finding["subject"], finding["seen"]) == (paid.payment_id, 2)
    assert finding["detail"]["portone"]["status"] == "PAID"
    assert finding["detail"]["here"]["status"] == "ready"
    (job,) = claim(worker)
    assert (job["kind"], job["lane"]) == ("sync_payment", f"payment:{paid.payment_id}")
    settle(worker, job, snapshots=[snapshot(paid.payment_id)])
    assert findings(owner) == [("late", "read back")]
    order = owner.row("select status from public.orders where id::text = %s", paid.order_id)
    assert order["status"] == "paid"


def test_what_may_still_be_announced_is_read_but_is_no_difference(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    paid = prepared_payment(shop, worker)
    just = owner.row("select private.iso(private.now() - interval '1 minute') as at")["at"]
    assert verdict(worker, payment_id=paid.payment_id, status_changed_at=just, updated_at=just) == "newer"
    assert verdict(worker, payment_id=paid.payment_id, status="READY") == "newer"
    (job,) = claim(worker)
    settle(worker, job, snapshots=[snapshot(paid.payment_id)])
    # only details moved on: a receipt, a payout
    assert verdict(worker, payment_id=paid.payment_id, updated_at="2026-11-05T00:00:00Z") == "newer"
    assert findings(owner) == []


def test_a_cancellation_made_elsewhere_is_found_by_its_amount(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    paid = paid_payment(shop, worker)
    later = {"status_changed_at": "2026-11-02T00:00:00Z", "updated_at": "2026-11-02T00:00:00Z"}
    assert (
        verdict(worker, payment_id=paid.payment_id, status="PARTIAL_CANCELLED", cancelled=300, **later)
        == "late"
    )
    (job,) = claim(worker)
    settle(
        worker, job,
        snapshots=[snapshot(paid.payment_id, "PARTIAL_CANCELLED", cancelled=300, cancellations=[cancellation("c-1", 300)], **later)],
    )  # fmt: skip
    assert payment_row(owner, paid.payment_id)["cancelled_amount"] == 300
    assert findings(owner) == [("late", "read back")]


def test_contradictions_of_the_same_moment_stay_open_until_both_agree(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    paid = paid_payment(shop, worker)
    assert verdict(worker, payment_id=paid.payment_id, status="FAILED") == "status_differs"
    assert verdict(worker, payment_id=paid.payment_id, total=1200) == "amount_differs"
    (job,) = claim(worker)
    settle(worker, job, snapshots=[snapshot(paid.payment_id)])
    assert shop.admin().row("select equal, by_kind from public.is_ledger_equal") == {
        "equal": False,
        "by_kind": {"amount_differs": 1, "status_differs": 1},
    }
    assert verdict(worker, payment_id=paid.payment_id) == "equal"
    assert {how for _kind, how in findings(owner)} == {"PortOne's list and our row agree"}


def test_a_payment_known_only_to_portone_is_recorded_shown_and_fulfils_nothing(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    assert verdict(worker, payment_id="console-1", store_id="store-2") == "missing_here"
    (job,) = claim(worker)
    assert job["payload"] == {"payment_id": "console-1", "store_id": "store-2"}
    settle(worker, job, snapshots=[snapshot("console-1", store_id="store-2")])
    row = payment_row(owner, "console-1")
    assert (row["origin"], row["status"], row["paid_amount"], row["store_id"], row["discrepancies"]) == (
        "portone", "paid", 1000, "store-2", [],
    )  # fmt: skip
    assert findings(owner) == [("missing_here", None)]
    assert verdict(worker, payment_id="console-1", store_id="store-2") == "equal"
    admin = shop.admin()
    finding = owner.row("select id from public.drift_findings")["id"]
    admin.one("close_finding", id=finding, how="made in the console by Kim")
    assert verdict(worker, payment_id="console-1", store_id="store-2") == "equal"
    assert findings(owner) == [("missing_here", "made in the console by Kim")]


def test_a_store_nobody_configured_is_named_and_not_asked(shop: Shop, worker: Caller, owner: Caller) -> None:
    assert verdict(worker, payment_id="stranger-1", store_id="store-9", known_store=False) == "unknown_store"
    assert claim(worker) == []
    assert findings(owner) == [("unknown_store", None)]


def test_what_portone_does_not_list_is_missing_there_only_when_it_does_not_know_it(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    gone, there = paid_payment(shop, worker), paid_payment(shop, worker)
    window = {"store_id": STORE, "from_at": "2026-11-01T00:00:00Z", "until_at": "2026-11-02T00:00:00Z"}
    both = "{" + f"{gone.payment_id},{there.payment_id}" + "}"
    assert worker.call("check_unlisted", **window, listed=both) == []
    unlisted = worker.call("check_unlisted", **window, listed="{}")
    assert {row["check_unlisted"] for row in unlisted} == {gone.payment_id, there.payment_id}
    for job in claim(worker):
        if job["payload"]["payment_id"] == gone.payment_id:
            settle(worker, job, not_found=True)
        else:
            settle(worker, job, snapshots=[snapshot(there.payment_id)])
    (finding,) = owner.rows("select kind, subject from public.drift_findings")
    assert finding == {"kind": "missing_there", "subject": gone.payment_id}
    # paid all the same: what PortOne once said stands until a person decides
    assert payment_row(owner, gone.payment_id)["status"] == "paid"
    sync(worker, gone.payment_id, snapshot(gone.payment_id))
    assert findings(owner) == [("missing_there", "read back")]
    assert worker.call("check_unlisted", **(window | {"store_id": "store-2"}), listed="{}") == []


def test_only_a_look_repairs_nothing(shop: Shop, worker: Caller, owner: Caller) -> None:
    paid = prepared_payment(shop, worker)
    assert verdict(worker, payment_id=paid.payment_id, repair=False) == "late"
    paid_payment(shop, worker)
    worker.call(
        "check_unlisted", store_id=STORE, from_at="2026-11-01T00:00:00Z", until_at="2026-11-02T00:00:00Z", listed="{}", repair=False
    )  # fmt: skip
    assert claim(worker) == []
    assert findings(owner) == [("late", None)]


def test_a_hundred_are_looked_into_a_call_and_the_rest_asked_for_again(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    many = [listed(f"console-{number:03}") for number in range(130)]
    answers = worker.call("record_drift", sightings=many)
    assert [answer["verdict"] for answer in answers] == ["missing_here"] * 100 + ["again"] * 30
    rest = worker.call("record_drift", sightings=many[100:])
    assert {answer["verdict"] for answer in rest} == {"missing_here"}
    assert len(findings(owner)) == 130


@pytest.mark.parametrize(
    "changes",
    [
        {"payment_id": ""},
        {"total": None},
        {"status": None},
        {"status_changed_at": "yesterday"},
        {"total": "many"},
    ],
)
def test_a_sighting_that_cannot_be_read_is_refused_by_its_index(worker: Caller, changes: Row) -> None:
    with pytest.raises(Refused) as refused:
        worker.call("record_drift", sightings=[listed("p-1"), listed("p-2") | changes])
    assert (refused.value.code, refused.value.detail["field"]) == ("SIGHTING_INVALID", "sightings[2]")


def tick(worker: Caller, stores: str = "{store-1}") -> Row:
    """What a worker asks every half minute."""
    return worker.one("schedule_reconciliation", stores=stores)


def jobs_of(worker: Caller, kind: str) -> list[Row]:
    """Claims what is ready and gives back the rest."""
    taken = []
    for job in claim(worker):
        if job["kind"] == kind:
            taken.append(job)
        else:
            worker.call("release_jobs", jobs=[{"job_id": job["id"], "claim": job["claim"]}])
    return taken


def test_windows_follow_each_other_with_overlap_and_only_one_is_under_way(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    assert tick(worker)["sweeps"] == 0
    began = owner.row("select until_at as at from public.reconciliations")["at"]
    assert shop.admin().row("select as_of from public.is_ledger_equal")["as_of"] is None
    shop.advance(8 * 3600)
    assert [tick(worker)["sweeps"], tick(worker)["sweeps"]] == [1, 0]
    (job,) = jobs_of(worker, "sweep_payments")
    first = job["payload"]
    assert datetime.fromisoformat(first["from"]) == began
    assert tick(worker)["sweeps"] == 0
    settle(worker, job, "retry", retry_in_seconds=0, error={"code": "PORTONE_TIMEOUT", "message": "m"})
    assert tick(worker)["sweeps"] == 0
    (job,) = jobs_of(worker, "sweep_payments")
    settle(worker, job, result={"source": "payments+events", "seen": 7, "different": 1})
    assert tick(worker)["sweeps"] == 0
    mark = datetime.fromisoformat(first["until"])
    assert shop.admin().row("select as_of from public.is_ledger_equal")["as_of"] == mark
    shop.advance(601)
    assert tick(worker)["sweeps"] == 1
    (job,) = jobs_of(worker, "sweep_payments")
    assert datetime.fromisoformat(job["payload"]["from"]) == mark - timedelta(hours=6)
    settle(worker, job, result={"source": "payments", "seen": 0, "different": 0})
    row = owner.row("select kind, source, seen, different from public.reconciliations where seen > 0")
    assert tuple(row.values()) == ("sweep", "payments+events", 7, 1)
    shop.advance(16 * 3600)
    assert tick(worker)["sweeps"] == 1
    (job,) = jobs_of(worker, "compare_payments")
    assert datetime.fromisoformat(job["payload"]["from"]) == began


def test_a_look_by_hand_leaves_no_gap_behind_it_closed(shop: Shop, worker: Caller, owner: Caller) -> None:
    tick(worker)
    began = owner.row("select until_at as at from public.reconciliations")["at"]
    shop.advance(8 * 3600)
    for until in (began + timedelta(hours=8), began + timedelta(days=1000)):
        worker.call(
            "finish_reconciliation", store_id="store-1", from_at=(began + timedelta(hours=7)).isoformat(),
            until_at=until.isoformat(), source="payments", seen=1, different=0,
        )  # fmt: skip
    assert shop.admin().row("select as_of from public.is_ledger_equal")["as_of"] is None
    assert tick(worker)["sweeps"] == 1
    (job,) = jobs_of(worker, "sweep_payments")
    assert datetime.fromisoformat(job["payload"]["from"]) == began


def test_a_sweep_that_failed_leaves_the_mark_where_it_was(shop: Shop, worker: Caller) -> None:
    tick(worker)
    shop.advance(3600)
    tick(worker)
    (job,) = jobs_of(worker, "sweep_payments")
    settle(worker, job, "dead", error={"code": "PORTONE_TIMEOUT", "message": "m"})
    assert shop.admin().row("select as_of from public.is_ledger_equal")["as_of"] is None
    assert tick(worker)["sweeps"] == 1
    (again,) = jobs_of(worker, "sweep_payments")
    assert again["payload"]["from"] == job["payload"]["from"]


def test_open_payments_are_polled_ever_more_rarely_until_they_are_open_no_longer(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    paid = prepared_payment(shop, worker)
    account = snapshot(paid.payment_id, "VIRTUAL_ACCOUNT_ISSUED", pay_method="VIRTUAL_ACCOUNT")
    sync(worker, paid.payment_id, account)
    waits = []
    for _ in range(8):
        waited = 0
        while not tick(worker, "{}")["polls"]:
            shop.advance(300)
            waited += 300
        waits.append(waited)
        for job in jobs_of(worker, "sync_payment"):
            settle(worker, job, snapshots=[account])
    assert waits[0] <= 900
    assert waits == sorted(waits)
    assert waits[-1] == 12 * 3600
    sync(worker, paid.payment_id, snapshot(paid.payment_id, pay_method="VIRTUAL_ACCOUNT"))
    shop.advance(86400)
    assert tick(worker, "{}")["polls"] == 0
    assert owner.rows("select * from private.polls") == []


def test_a_cancellation_portone_has_accepted_is_polled(shop: Shop, worker: Caller) -> None:
    paid = paid_payment(shop, worker)
    accepted = cancellation("c-1", 300, "REQUESTED")
    sync(
        worker,
        paid.payment_id,
        snapshot(paid.payment_id, cancellations=[accepted], updated_at="2026-11-02T00:00:00Z"),
    )
    assert tick(worker)["polls"] == 0
    shop.advance(901)
    assert tick(worker)["polls"] == 1
    (job,) = jobs_of(worker, "sync_payment")
    assert job["payload"]["payment_id"] == paid.payment_id
