"""Operators see jobs and webhooks page by page; customers see none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sql.operators import dead_sync
from tests.sql.shop import prepared_payment
from tests.sql.test_webhook_log import delivery

if TYPE_CHECKING:
    from tests.sql.shop import Caller, Shop


@pytest.fixture
def desk(shop: Shop) -> Caller:
    """Whoever operates, reading as the service role does."""
    return shop.service()


def test_jobs_and_webhooks_are_listed_page_by_page(shop: Shop, worker: Caller, desk: Caller) -> None:
    paid = prepared_payment(shop, worker)
    dead = dead_sync(worker, paid.payment_id)
    worker.call("record_webhooks", webhooks=[delivery("wh-2", paid.payment_id)])
    listed = desk.call("list_jobs")
    assert [(row["state"], row["kind"], row["payment_id"]) for row in listed] == [
        ("ready", "sync_payment", paid.payment_id), ("dead", "sync_payment", paid.payment_id),
    ]  # fmt: skip
    assert [row["id"] for row in desk.call("list_jobs", states="{dead}")] == [dead]
    assert [row["kind"] for row in desk.call("list_jobs", states="{done}", max=1)] == ["prepare_payment"]
    assert [
        row["id"] for row in desk.call("list_jobs", before_id=listed[0]["id"], payment_id=paid.payment_id)
    ] == [dead]
    assert desk.call("list_jobs", kind="cancel_payment") == []
    described = desk.row("select public.describe_job(%s) as job", dead)["job"]
    assert (described["state"], described["reason"], described["error"]["code"]) == (
        "dead",
        "portone_timeout",
        "PORTONE_TIMEOUT",
    )
    assert [entry["webhook_id"] for entry in described["webhooks"]] == ["wh-1"]
    youngest, oldest = desk.call("list_webhooks")
    assert (youngest["webhook_id"], oldest["webhook_id"], oldest["status"]) == ("wh-2", "wh-1", "failed")
    assert [row["id"] for row in desk.call("list_webhooks", after_id=oldest["id"] - 1)] == [
        oldest["id"],
        youngest["id"],
    ]
    assert [
        row["webhook_id"] for row in desk.call("list_webhooks", status="failed", payment_id=paid.payment_id)
    ] == ["wh-1"]
