"""Decides what the tests of saved cards and schedules start from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.sql.shop import STORE, claim, settle

if TYPE_CHECKING:
    from tests.sql.shop import Caller, Row, Shop


def key_snapshot(card: Row, key: str = "billing-key-1", **changes: Any) -> Row:
    """PortOne's billing key as the worker hands it over."""
    made: Row = {
        "billing_key": key, "status": "ISSUED", "store_id": STORE, "issue_id": card["issueId"], "customer_id": card["customerId"],
        "issued_at": "2026-11-01T00:00:00Z", "deleted_at": None, "pay_method": "CARD",
        "channels": [{"kind": "TEST", "key": "channel-key-billing", "pg_provider": "TOSSPAYMENTS"}],
        "card": {"issuer": "SHINHAN", "brand": "VISA", "card_type": "CREDIT", "number_masked": "433012******1234", "expiry_year": 2030, "expiry_month": 12},
    }  # fmt: skip
    return made | changes


def begun_card(shop: Shop, user_id: str) -> Row:
    """A card whose window is open."""
    customer = shop.user(user_id)
    made: Row = customer.row("select public.request_billing_key_issue(true) as made")["made"]
    customer.connection.close()
    return made


def saved_card(shop: Shop, worker: Caller, user_id: str, key: str = "billing-key-1", **changes: Any) -> str:
    """A registered card; its id."""
    card = begun_card(shop, user_id)
    customer = shop.user(user_id)
    customer.one("register_billing_key", billing_key=key, issue_id=card["issueId"])
    customer.connection.close()
    (job,) = claim(worker)
    (answer,) = settle(worker, job, billing_key=key_snapshot(card, key, **changes))
    assert answer["operation_status"] == "succeeded", answer
    return str(card["billingKeyId"])


def begin(worker: Caller, job: Row, body: str | None = "c2VhbGVk") -> Row:
    """begin_attempts for one job."""
    element = {"job_id": job["id"], "claim": job["claim"], **({"body": body} if body else {})}
    (begun,) = worker.call("begin_attempts", attempts=[element])
    return begun
