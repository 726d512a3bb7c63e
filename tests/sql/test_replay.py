"""Webhooks are read again from our own log, whatever became of them; who and why is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sql.operators import actions, dead_sync, ids
from tests.sql.shop import Refused, claim, prepared_payment, settle, snapshot
from tests.sql.test_webhook_log import delivery, logs

if TYPE_CHECKING:
    from tests.sql.shop import Caller, Shop


@pytest.fixture
def desk(shop: Shop) -> Caller:
    """Whoever operates, reading as the service role does."""
    return shop.service()


def test_a_webhook_is_replayed_whatever_became_of_it(
    shop: Shop, worker: Caller, owner: Caller, desk: Caller
) -> None:
    paid = prepared_payment(shop, worker)
    worker.call(
        "record_webhooks", webhooks=[delivery("wh-1", paid.payment_id), delivery("wh-1", paid.payment_id)]
    )
    (job,) = claim(worker)
    settle(worker, job)  # PortOne's answer went missing: nothing was learned
    first, repeat = logs(owner)
    answers = shop.admin().call(
        "replay_webhooks", ids=ids(repeat["id"], first["id"], 4711), reason="learned nothing"
    )
    assert [(answer["done"], answer["why_not"]) for answer in answers] == [
        (True, None), (False, "waiting"), (False, "not_found"),
    ]  # fmt: skip
    (job,) = claim(worker)
    assert job["id"] == answers[0]["job_id"]
    settle(worker, job, snapshots=[snapshot(paid.payment_id)])
    first, repeat = logs(owner)
    assert (first["word"], first["attempts"], repeat["skip_reason"]) == ("processed", 2, "duplicate")
    assert (
        owner.row("select status::text as s from public.payments where payment_id = %s", paid.payment_id)["s"]
        == "paid"
    )
    (done,) = actions(owner)
    assert (done["action"], done["subject"], done["payment_id"]) == (
        "replay_webhook",
        str(first["id"]),
        paid.payment_id,
    )
    timeline = shop.admin().rows(
        "select what from public.payment_timeline where payment_id = %s and source = 'operator'",
        paid.payment_id,
    )
    assert [row["what"] for row in timeline] == ["replay_webhook"]


def test_webhooks_are_replayed_since_a_moment_or_when_they_failed_page_by_page(
    shop: Shop, worker: Caller, owner: Caller, desk: Caller
) -> None:
    old = prepared_payment(shop, worker)
    dead_sync(worker, old.payment_id, "wh-old")
    shop.advance(3600)
    since = owner.row("select private.now() as now")["now"]
    unknown = "portone-only-1"
    worker.call(
        "record_webhooks",
        webhooks=[
            delivery("wh-new", unknown),
            delivery("wh-legacy", None, skip_reason="legacy_version"),
            delivery(
                "wh-type", old.payment_id, webhook_type="Transaction.Future", skip_reason="unknown_type"
            ),
        ],
    )
    (job,) = claim(worker)
    settle(worker, job, not_found=True)
    assert {row["webhook_id"]: row["skip_reason"] for row in logs(owner)} == {
        "wh-old": None,
        "wh-new": "payment_not_found",
        "wh-legacy": "legacy_version",
        "wh-type": "unknown_type",
    }
    replayed = desk.call("replay_webhooks", since=since, reason="a store was missing")
    assert [answer["done"] for answer in replayed] == [True, True]
    assert desk.call("replay_webhooks", since=since, after_id=replayed[-1]["id"], reason="r") == []
    failed = desk.call("replay_webhooks", failed_only=True, reason="half a day of PortOne")
    assert [answer["done"] for answer in failed] == [True]
    legacy = next(row["id"] for row in logs(owner) if row["skip_reason"] == "legacy_version")
    (nothing,) = desk.call("replay_webhooks", ids=ids(legacy), reason="r")
    assert nothing["why_not"] == "names_nothing"
    with pytest.raises(Refused) as what:
        desk.call("replay_webhooks", reason="r")
    assert what.value.code == "REPLAY_WHAT"
    jobs = claim(worker)
    assert sorted(job["payload"]["payment_id"] for job in jobs) == sorted([unknown, old.payment_id])
    settle(
        worker,
        [job for job in jobs if job["payload"]["payment_id"] == unknown],
        snapshots=[snapshot(unknown)],
    )
    settle(worker, [job for job in jobs if job["payload"]["payment_id"] == old.payment_id])
    assert {row["webhook_id"]: row["word"] for row in logs(owner)} == {
        "wh-old": "processed",
        "wh-new": "processed",
        "wh-legacy": "skipped",
        "wh-type": "processed",
    }


def test_a_webhook_of_a_card_is_replayed_too(shop: Shop, worker: Caller, owner: Caller) -> None:
    card = delivery(
        "wh-card",
        None,
        webhook_type="BillingKey.Issued",
        subject_kind="billing_key",
        subject_id="billing-key-1",
    )
    worker.call("record_webhooks", webhooks=[card])
    (job,) = claim(worker)
    settle(worker, job, deleted=True)
    (row,) = logs(owner)
    assert row["skip_reason"] == "billing_key_not_found"
    (answer,) = shop.admin().call("replay_webhooks", ids=ids(row["id"]), reason="r")
    (job,) = claim(worker)
    assert (job["id"], job["kind"], job["lane"]) == (
        answer["job_id"],
        "sync_billing_key",
        f"billing_key:{row['subject_id']}",
    )
