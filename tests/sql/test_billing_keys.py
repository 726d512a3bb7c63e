"""Saved cards: only the server's issue id proves whose a key is, the key is seen by nobody, deleting is what PortOne confirms."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import TYPE_CHECKING

import pytest

from tests.sql.cards import begun_card, key_snapshot, saved_card
from tests.sql.shop import claim, settle
from tests.sql.test_bad_input import refusal
from tests.sql.test_webhook_log import delivery

if TYPE_CHECKING:
    from tests.sql.shop import Caller, Row, Shop


def card_row(owner: Caller, card_id: str) -> Row:
    """The card as the database has it."""
    return owner.row("select * from public.billing_keys where id = %s::uuid", card_id)


def test_a_card_is_registered_after_portone_confirmed_it_and_the_first_is_the_default(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    user_id = shop.new_user()
    first, second = saved_card(shop, worker, user_id, "key-1"), saved_card(shop, worker, user_id, "key-2")
    row = card_row(owner, first)
    assert (row["billing_key"], row["is_active"], row["is_default"], row["card_number_masked"]) == (
        "key-1",
        True,
        True,
        "433012******1234",
    )
    assert card_row(owner, second)["is_default"] is False
    seen = shop.user(user_id).rows(
        "select id, card_number_masked, is_default from public.billing_keys order by created_at"
    )
    assert len(seen) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"issue_id": "iss-of-somebody-else"},
        {"issue_id": None},
        {"customer_id": "another-customer"},
        {"status": "DELETED"},
        {"status": "PENDING"},
    ],
)
def test_a_key_that_portone_does_not_confirm_as_ours_is_not_kept(
    shop: Shop, worker: Caller, owner: Caller, change: Row
) -> None:
    user_id = shop.new_user()
    card = begun_card(shop, user_id)
    user = shop.user(user_id)
    operation = user.one("register_billing_key", billing_key="stolen-key", issue_id=card["issueId"])
    (job,) = claim(worker)
    settle(worker, job, billing_key=key_snapshot(card, "stolen-key", **change))
    assert user.one("get_operation", id=operation["id"])["status"] == "failed"
    row = card_row(owner, card["billingKeyId"])
    assert (row["billing_key"], row["is_active"], row["is_default"]) == (None, False, False)


def test_a_key_of_another_channel_kind_or_store_is_refused_where_a_channel_is_configured(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    worker.run(
        "insert into public.payment_channels (store_id, channel_key, channel_kind, purpose) values ('store-1', 'channel-key-billing', 'LIVE', 'billing')"
    )
    user_id = shop.new_user()
    card = begun_card(shop, user_id)
    assert (card["storeId"], card["channelKey"]) == ("store-1", "channel-key-billing")
    shop.user(user_id).one("register_billing_key", billing_key="key-1", issue_id=card["issueId"])
    (job,) = claim(worker)
    settle(worker, job, billing_key=key_snapshot(card, "key-1"))
    assert card_row(owner, card["billingKeyId"])["issued_at"] is None


def test_a_customer_has_one_name_at_portone_that_every_pg_takes(shop: Shop) -> None:
    user_id, other = shop.new_user(), shop.new_user()
    first, again, theirs = begun_card(shop, user_id), begun_card(shop, user_id), begun_card(shop, other)
    assert first["customerId"] == again["customerId"] != theirs["customerId"]
    # Smartro: 20 letters and digits, and an issue id without special characters.
    assert re.fullmatch(r"[A-Za-z0-9]{20}", first["customerId"])
    assert re.fullmatch(r"[A-Za-z0-9]{1,40}", first["issueId"])
    assert first["issueId"] != again["issueId"]


def test_a_key_belongs_to_one_registration(shop: Shop, worker: Caller) -> None:
    victim, thief = shop.new_user(), shop.new_user()
    saved_card(shop, worker, victim, "key-1")
    card = begun_card(shop, thief)
    user = shop.user(thief)
    assert refusal(user, "register_billing_key", billing_key="key-1", issue_id=card["issueId"]) == (
        409,
        "BILLING_KEY_NOT_YOURS",
        "billing_key",
    )
    victims = begun_card(shop, victim)
    assert refusal(user, "register_billing_key", billing_key="key-9", issue_id=victims["issueId"]) == (
        404,
        "ISSUE_NOT_FOUND",
        "issue_id",
    )
    assert refusal(user, "register_billing_key", billing_key="", issue_id=card["issueId"]) == (
        422,
        "BILLING_KEY_REQUIRED",
        "billing_key",
    )


def test_saving_a_card_needs_consent_and_is_throttled(shop: Shop) -> None:
    user = shop.user(shop.new_user())
    assert refusal(user, "request_billing_key_issue", consent=False) == (422, "CONSENT_REQUIRED", "consent")
    for _ in range(20):
        user.call("request_billing_key_issue", consent=True)
    assert refusal(user, "request_billing_key_issue", consent=True)[:2] == (429, "TOO_MANY_REQUESTS")
    shop.advance(3601)
    user.call("request_billing_key_issue", consent=True)


def test_a_registered_card_is_not_registered_twice(shop: Shop, worker: Caller, owner: Caller) -> None:
    user_id = shop.new_user()
    saved_card(shop, worker, user_id)
    issue = owner.row("select issue_id from public.billing_keys")["issue_id"]
    assert (
        refusal(shop.user(user_id), "register_billing_key", billing_key="other", issue_id=issue)[1]
        == "BILLING_KEY_ALREADY_REGISTERED"
    )


def test_the_key_is_in_nothing_a_client_can_read(shop: Shop, worker: Caller, owner: Caller) -> None:
    user_id = shop.new_user()
    saved_card(shop, worker, user_id, "very-secret-key")
    worker.call(
        "record_webhooks",
        webhooks=[
            delivery("wh-1", "very-secret-key", webhook_type="BillingKey.Updated", subject_kind="billing_key")
        ],
    )
    for table in ("payment_operations", "payments", "payment_events", "drift_findings"):
        shown = owner.rows(
            f"select to_jsonb(t)::text as row from public.{table} as t union all select to_jsonb(q)::text from queue.finished as q union all select to_jsonb(j)::text from queue.jobs as j"
        )
        assert not [row for row in shown if "very-secret-key" in row["row"]], table
    log = owner.row("select subject_id, payment_id from public.webhook_logs")
    assert log["subject_id"] != "very-secret-key"


def test_a_lost_browser_answer_is_made_up_for_by_the_webhook(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    card = begun_card(shop, shop.new_user())
    body = "eyJ0eXBlIjoiQmlsbGluZ0tleS5Jc3N1ZWQiLCJkYXRhIjp7ImJpbGxpbmdLZXkiOiJrZXktMSJ9fQ=="
    worker.call(
        "record_webhooks",
        webhooks=[
            delivery("wh-1", "key-1", webhook_type="BillingKey.Issued", subject_kind="billing_key", body=body)
        ],
    )
    (job,) = claim(worker)
    assert (job["kind"], job["context"]["billing_key"]) == ("sync_billing_key", {"billing_key": "key-1"})
    settle(worker, job, billing_key=key_snapshot(card, "key-1"))
    row = card_row(owner, card["billingKeyId"])
    assert (row["billing_key"], row["is_active"], row["is_default"]) == ("key-1", True, True)
    assert owner.row("select status::text from public.webhook_logs")["status"] == "processed"


def test_a_webhook_about_a_key_nobody_knows_is_settled_and_visible(worker: Caller, owner: Caller) -> None:
    body = "eyJ0eXBlIjoiQmlsbGluZ0tleS5Jc3N1ZWQiLCJkYXRhIjp7ImJpbGxpbmdLZXkiOiJrZXktMSJ9fQ=="
    worker.call(
        "record_webhooks", webhooks=[delivery("wh-1", "key-1", subject_kind="billing_key", body=body)]
    )
    (job,) = claim(worker)
    settle(worker, job, deleted=True)
    assert owner.row("select status::text, skip_reason from public.webhook_logs") == {
        "status": "skipped",
        "skip_reason": "billing_key_not_found",
    }


def test_deleting_turns_the_card_off_at_once_and_ends_when_portone_confirms(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    user_id = shop.new_user()
    card_id = saved_card(shop, worker, user_id)
    user = shop.user(user_id)
    operation = user.one("delete_billing_key", id=card_id)
    assert card_row(owner, card_id)["is_active"] is False
    (job,) = claim(worker)
    assert job["context"]["billing_key"]["billing_key"] == "billing-key-1"
    settle(worker, job, retry_in_seconds=0)
    assert user.one("get_operation", id=operation["id"])["status"] == "pending", (
        "done without PortOne's word is not done"
    )
    (job,) = claim(worker)
    settle(worker, job, deleted=True)
    assert user.one("get_operation", id=operation["id"])["status"] == "succeeded"
    assert card_row(owner, card_id)["deleted_at"] is not None
    assert refusal(user, "delete_billing_key", id=card_id)[1] == "BILLING_KEY_ALREADY_DELETED"
    assert refusal(shop.user(shop.new_user()), "delete_billing_key", id=card_id)[:2] == (
        404,
        "BILLING_KEY_NOT_FOUND",
    )


@pytest.mark.parametrize("by", ["owner", "webhook"])
def test_when_the_default_card_goes_the_newest_other_takes_its_place(
    shop: Shop, worker: Caller, owner: Caller, by: str
) -> None:
    user_id = shop.new_user()
    first, second, third = (saved_card(shop, worker, user_id, f"key-{n}") for n in range(3))
    if by == "owner":
        shop.user(user_id).one("delete_billing_key", id=first)
    else:
        body = "eyJkYXRhIjp7ImJpbGxpbmdLZXkiOiJrZXktMCJ9fQ=="
        worker.call(
            "record_webhooks", webhooks=[delivery("wh-1", "key-0", subject_kind="billing_key", body=body)]
        )
        (job,) = claim(worker)
        settle(worker, job, deleted=True)
    defaults = owner.rows("select id::text from public.billing_keys where is_default")
    assert defaults == [{"id": third}]
    assert second != third


def test_a_webhook_whose_body_postgresql_cannot_hold_keeps_nobody_from_claiming(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    body = b64encode(b'{"type": "BillingKey.Issued", "data": {"billingKey": "key\\u0000"}}').decode()
    told = {"webhook_type": "BillingKey.Issued", "subject_kind": "billing_key", "body": body}
    worker.call("record_webhooks", webhooks=[delivery("wh-nul", "key-with-nul", **told)])
    user_id = shop.new_user()
    shop.user(user_id).one("request_payment", order_id=shop.new_order(user_id), pay_method="CARD")
    jobs = {job["kind"]: job for job in claim(worker)}
    assert set(jobs) == {"sync_billing_key", "prepare_payment"}
    assert jobs["sync_billing_key"]["context"] == {"billing_key": {}}
