"""Decides what is in the shop the access tests look at: something in every table, of an owner and of a third person."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.sql.shop import claim, paid_payment, prepared_payment, settle, snapshot, sync
from tests.sql.test_default_card import new_card
from tests.sql.test_identity import verified
from tests.sql.test_webhook_log import delivery

if TYPE_CHECKING:
    from tests.sql.shop import Caller, Row, Shop

NEXT_YEAR = (datetime.now(UTC) + timedelta(days=365)).isoformat()
ACCOUNT = {
    "refund_bank": "SHINHAN",
    "refund_account_number": "110123456789",
    "refund_account_holder": "Hong Gildong",
}


@dataclass(frozen=True, slots=True)
class World:
    """Who is who, and the ids the calls name; all of them the owner's."""

    owner: str
    other: str
    admin: str
    payment_id: str
    order_id: str
    operation_id: str
    webhook_id: int
    billing_key_id: str
    issue_id: str
    schedule_id: str
    identity_id: str
    dead_job_id: int
    ready_job_id: int
    finding_id: int
    open_refund_id: str
    next_year: str

    def fill(self, arguments: dict[str, object]) -> dict[str, object]:
        """Arguments with `$name` replaced."""
        return {name: self._filled(value) for name, value in arguments.items()}

    def _filled(self, value: object) -> object:
        if isinstance(value, str) and value.startswith("{$"):
            return f"{{{getattr(self, value[2:-1])}}}"
        return getattr(self, value[1:]) if isinstance(value, str) and value.startswith("$") else value

    def claims(self, role: str) -> Row:
        """What a token of this role says."""
        if role == "admin":
            return {"sub": self.admin, "app_metadata": {"role": "admin"}}
        return {"sub": getattr(self, role)} if role in ("owner", "other") else {}


def build_world(shop: Shop, owner: str, other: str, admin: str) -> World:
    """Fills the shop: payments, refunds, webhooks, cards, findings, jobs in every table of the queue."""
    worker = shop.service()
    third = shop.new_user()
    webhook_id = 0
    for user_id in (owner, third):
        for virtual_account in (False, True):
            paid = prepared_payment(shop, worker, user_id=user_id)
            method = "VIRTUAL_ACCOUNT" if virtual_account else "CARD"
            # Today's, whatever the year: one view shows the last 92 days only.
            today = datetime.now(UTC).isoformat()
            sync(worker, paid.payment_id, snapshot(paid.payment_id, pay_method=method, paid_at=today))
            worker.one(
                "request_cancellation",
                payment_id=paid.payment_id,
                amount=100,
                reason="too big",
                **(ACCOUNT if virtual_account else {}),
            )
        (logged,) = worker.call(
            "record_webhooks", webhooks=[delivery(f"wh-{paid.payment_id}", paid.payment_id)]
        )
        webhook_id = webhook_id or logged["id"]
        customer = shop.user(user_id)
        customer.one("request_completion", payment_id=paid.payment_id)
        # one that is being prepared: nobody may know its id yet
        customer.one("request_payment", order_id=shop.new_order(user_id), pay_method="CARD")
    open_order = shop.new_order(owner)
    operation = shop.user(owner).one("request_payment", order_id=open_order, pay_method="CARD")
    begin_one(shop, worker)
    console = f"console{uuid.uuid4().hex}"
    worker.call("record_webhooks", webhooks=[delivery(f"wh-{console}", console)])
    (stray,) = [job for job in claim(worker) if job["payload"].get("payment_id") == console]
    settle(worker, stray, snapshots=[snapshot(console)])
    dead_ids = [dead_job(worker), dead_job(worker)]
    worker.call("discard_jobs", ids=f"{{{dead_ids[1]}}}", reason="seen to", actor="world")
    (ready,) = worker.call(
        "enqueue_jobs", jobs=[{"job_kind": "noop", "idempotency_key": str(uuid.uuid4()), "priority": 9}]
    )
    worker.call("schedule_reconciliation", stores="{store-1}")
    shop.setup.run(
        "insert into private.polls (payment_id, next_at) select payment_id, now() from public.payments limit 1"
    )
    finding = shop.setup.row("select min(id) as id from public.drift_findings where closed_at is null")
    cards = [new_card(shop, user_id, default=True) for user_id in (owner, third)]
    last = shop.setup.row(
        "select payment_id from public.payments where user_id = %s and paid_amount > 0 order by created_at limit 1",
        owner,
    )
    refund = shop.setup.row(
        "select id::text as id from public.payment_cancellations where payment_id = %s", last["payment_id"]
    )
    issue_id, schedule_id, identity_id = cards_and_identity(shop, worker, owner, cards[0])
    cards_and_identity(shop, worker, third, cards[1])
    return World(
        owner, other, admin, last["payment_id"], open_order, str(operation["id"]), webhook_id, cards[0],
        issue_id, schedule_id, identity_id, dead_ids[0], ready["job_id"], finding["id"], refund["id"], NEXT_YEAR,
    )  # fmt: skip


def cards_and_identity(shop: Shop, worker: Caller, user_id: str, card_id: str) -> tuple[str, str, str]:
    """A card being saved, a schedule, a verified and an open identity: ids of the first, the second and the last."""
    customer = shop.user(user_id)
    issue = customer.row("select public.request_billing_key_issue(true) as made")["made"]["issueId"]
    shop.setup.run("update public.billing_keys set issued_at = now() where id = %s", card_id)
    customer.one(
        "request_schedule",
        order_id=shop.new_order(user_id),
        billing_key_id=card_id,
        time_to_pay=datetime.fromisoformat(NEXT_YEAR),
    )
    schedule = shop.setup.row(
        "select id::text as id from public.payment_schedules where user_id = %s", user_id
    )["id"]
    identities = [
        customer.row("select public.request_identity_verification('signup', true) as made")["made"]
        for _ in range(2)
    ]
    customer.one("complete_identity_verification", id=identities[0]["id"])
    for job in claim(worker):
        if job["payload"].get("identity") == identities[0]["id"]:
            settle(worker, job, identity=verified(identities[0]))
        else:
            worker.call("release_jobs", jobs=[{"job_id": job["id"], "claim": job["claim"]}])
    shop.setup.run(
        "insert into private.attempts (operation_id, number, payment_id, job_id, claim, idempotency_key, body, sent_at, last_sent_at)"
        " select operations.id, 1, schedules.payment_id, operations.job_id, 1, 'create-schedule-' || operations.id, 'AAAA', now(), now()"
        " from public.payment_operations as operations join public.payment_schedules as schedules using (order_id)"
        " where operations.kind = 'create_schedule' and operations.requested_by = %s",
        user_id,
    )
    shop.setup.run(
        "insert into private.payment_tokens (operation_id, payment_token) select id, 'token' from public.payment_operations where kind = 'create_schedule' and requested_by = %s",
        user_id,
    )
    shop.setup.run(
        "insert into public.payment_channels (store_id, channel_key, channel_kind) values ('store-1', %s, 'TEST')",
        f"channel-{user_id}",
    )
    return issue, schedule, identities[1]["id"]


def begin_one(shop: Shop, worker: Caller) -> None:
    """One refund has been sent; everything else claimed goes back."""
    paid = paid_payment(shop, worker)
    worker.one("request_cancellation", payment_id=paid.payment_id, amount=1, reason="r")
    for job in claim(worker):
        named = {"job_id": job["id"], "claim": job["claim"]}
        if job["payload"].get("payment_id") == paid.payment_id:
            worker.call(
                "begin_attempts",
                attempts=[named | {"body": "AAAA", "snapshots": [snapshot(paid.payment_id)]}],
            )
        else:
            worker.call("release_jobs", jobs=[named])


def dead_job(worker: Caller) -> int:
    """A job that needs a person."""
    (added,) = worker.call(
        "enqueue_jobs", jobs=[{"job_kind": "noop", "idempotency_key": str(uuid.uuid4()), "priority": -9}]
    )
    for job in claim(worker):
        if job["id"] == added["job_id"]:
            settle(worker, job, "dead", error={"code": "X", "message": "x"})
        else:
            worker.call("release_jobs", jobs=[{"job_id": job["id"], "claim": job["claim"]}])
    return int(added["job_id"])
