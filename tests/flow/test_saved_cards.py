"""Saved cards: only the customer's own card, confirmed by PortOne, is kept, and deleting one leaves nothing behind."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

import pytest

from tests.flow import saved_cards as card_desk

if TYPE_CHECKING:
    from sandbox.demo.shopper import Shopper
    from sandbox.demo.world import World


def test_a_saved_card_is_masked_and_the_first_one_is_the_default(world: World, mina: Shopper) -> None:
    first = card_desk.saved(world, mina, number="4330123456781234", issuer="SHINHAN_CARD")
    second = card_desk.saved(world, mina, number="5409260000001111")
    shown = {row["id"]: row for row in card_desk.cards(mina)}
    assert (shown[first.id]["is_default"], shown[second.id]["is_default"]) == (True, False)
    assert {row["is_active"] for row in shown.values()} == {True}
    assert "*" in shown[first.id]["card_number_masked"]
    assert "4330123456781234" not in json.dumps(card_desk.cards(mina))
    assert mina.rest("GET", "billing_keys", select="billing_key").status in (401, 403)


def test_a_card_cannot_be_begun_without_consent(mina: Shopper) -> None:
    refused = mina.post("/billing-keys/issue", {"consent": False})
    assert (refused.status, refused.error["field"]) == (422, "consent")
    assert mina.rpc("request_billing_key_issue", consent=False).code == "PT422"


def test_a_stolen_key_is_refused_and_stays_its_owners(world: World, mina: Shopper) -> None:
    owner, thief = mina, world.customer("thief")
    issue = card_desk.begin(owner)
    # Held from the start: the webhook of the opened window would already lead to the owner's registration.
    world.portone.hold_webhooks()
    key = card_desk.open_window(world, issue)
    world.portone.issue_billing_key(key)
    stolen = card_desk.register(thief, key, card_desk.begin(thief))
    assert (stolen.status, stolen.body["status"], stolen.body["error"]["code"]) == (
        200,
        "failed",
        "BILLING_KEY_NOT_YOURS",
    )
    assert [row["is_active"] for row in card_desk.cards(thief)] == [False]
    assert card_desk.register(thief, key, issue).code == "ISSUE_NOT_FOUND"
    assert card_desk.register(owner, key, issue).result["isDefault"] is True


def test_a_key_portone_does_not_know_or_has_not_issued_is_not_kept(world: World, mina: Shopper) -> None:
    issue = card_desk.begin(mina)
    unknown = card_desk.register(mina, "billing-key-nobody-issued", issue)
    assert (unknown.body["status"], unknown.body["error"]["code"]) == ("failed", "BILLING_KEY_NOT_FOUND")
    key = card_desk.open_window(world, issue)
    world.portone.fail_billing_key(key)
    assert card_desk.register(mina, key, issue).body["error"]["code"] == "BILLING_KEY_NOT_FOUND"
    assert [row["is_active"] for row in card_desk.cards(mina)] == [False]


def test_the_webhook_registers_the_card_when_the_browser_lost_the_answer(world: World, mina: Shopper) -> None:
    issue = card_desk.begin(mina)
    key = card_desk.open_window(world, issue)
    world.portone.issue_billing_key(key)
    card_desk.quiet(world)
    (card,) = card_desk.cards(mina)
    assert (card["id"], card["is_active"], card["is_default"]) == (issue["billingKeyId"], True, True)


def test_a_browser_slower_than_the_webhook_sees_its_card_and_not_an_error(
    world: World, mina: Shopper
) -> None:
    issue = card_desk.begin(mina)
    key = card_desk.open_window(world, issue)
    world.portone.issue_billing_key(key)
    card_desk.quiet(world)
    late = card_desk.register(mina, key, issue).result
    assert (late["billingKeyId"], late["isActive"], late["isDefault"]) == (issue["billingKeyId"], True, True)
    other = card_desk.register(mina, "another-key", issue)
    assert (other.status, other.code) == (409, "BILLING_KEY_ALREADY_REGISTERED")
    assert len(card_desk.cards(mina)) == 1


def test_registering_twice_with_one_idempotency_key_is_one_registration(world: World, mina: Shopper) -> None:
    world.portone.hold_webhooks()
    issue = card_desk.begin(mina)
    key = card_desk.open_window(world, issue)
    world.portone.issue_billing_key(key)
    again = str(uuid.uuid4())
    first = card_desk.register(mina, key, issue, idempotency_key=again)
    assert card_desk.register(mina, key, issue, idempotency_key=again).body["id"] == first.body["id"]


def test_a_deleted_card_is_deleted_at_portone_and_its_schedules_are_revoked(
    world: World, mina: Shopper
) -> None:
    card, other = card_desk.saved(world, mina), card_desk.saved(world, mina)
    schedule = card_desk.schedule(world, mina, card, 3_000).result
    deleted = mina.delete(f"/billing-keys/{card.id}")
    assert deleted.result["deletedAt"] is not None
    assert world.portone.billing_key(card.key)["status"] == "DELETED"
    (theirs,) = [one for one in world.portone.schedules() if one["paymentId"] == schedule["paymentId"]]
    assert theirs["status"] == "REVOKED"
    (ours,) = mina.select("payment_schedules", "status", id=f"eq.{schedule['scheduleId']}")
    assert ours["status"] == "revoked"
    shown = {row["id"]: row for row in card_desk.cards(mina)}
    assert (shown[card.id]["is_active"], shown[card.id]["is_default"]) == (False, False)
    assert shown[other.id]["is_default"] is True, "the customer's other card is the default now"
    refused = card_desk.charge(mina, world.order(mina, 1_000), card)
    assert (refused.status, refused.code) == (409, "BILLING_KEY_INACTIVE")
    assert mina.delete(f"/billing-keys/{card.id}").code == "BILLING_KEY_ALREADY_DELETED"
    card_desk.quiet(world)


def test_a_deletion_whose_reply_is_lost_ends_all_the_same(world: World, mina: Shopper) -> None:
    card = card_desk.saved(world, mina)
    world.portone.add_fault("drop_reply_after_commit", f"/billing-keys/{card.key}", method="DELETE")
    assert mina.delete(f"/billing-keys/{card.id}", wait=30).result["isActive"] is False
    assert world.portone.billing_key(card.key)["status"] == "DELETED"


def test_nobody_deletes_or_charges_the_card_of_another_customer(world: World, mina: Shopper) -> None:
    card, stranger = card_desk.saved(world, mina), world.customer("stranger")
    assert stranger.delete(f"/billing-keys/{card.id}").code == "BILLING_KEY_NOT_FOUND"
    refused = card_desk.charge(stranger, world.order(stranger, 1_000), card)
    assert (refused.status, refused.code) == (404, "BILLING_KEY_NOT_FOUND")
    assert card_desk.cards(stranger) == []


def test_a_card_deleted_in_the_console_is_off_here(world: World, mina: Shopper) -> None:
    card = card_desk.saved(world, mina)
    world.portone.console_delete_billing_key(card.key)
    card_desk.quiet(world)
    (shown,) = card_desk.cards(mina)
    assert (shown["is_active"], shown["is_default"]) == (False, False)
    assert shown["deleted_at"] is not None


def test_another_card_behind_the_same_key_is_shown(world: World, mina: Shopper) -> None:
    card = card_desk.saved(world, mina, number="4330123456781234")
    (before,) = card_desk.cards(mina)
    world.portone.update_billing_key(card.key, number="5409260000009876")
    card_desk.quiet(world)
    (after,) = card_desk.cards(mina)
    assert after["card_number_masked"] != before["card_number_masked"]
    assert (after["is_active"], after["is_default"]) == (True, True)


@pytest.mark.parametrize("kind", ["Issued", "Deleted", "Updated", "Ready", "Failed"])
def test_a_webhook_about_a_key_nobody_began_is_kept_and_changes_nothing(world: World, kind: str) -> None:
    before = world.books.rows("select count(*) as n from public.billing_keys")
    sent = world.portone.send_webhook(
        type=f"BillingKey.{kind}", data={"billingKey": f"billing-key-{uuid.uuid4()}", "storeId": "store-x"}
    )
    assert sent["status"] == 200
    world.books.wait_idle()
    (row,) = world.books.webhooks(sent["id"])
    assert row["status"] == "skipped"
    assert world.books.rows("select count(*) as n from public.billing_keys") == before


def test_the_key_itself_is_in_no_log_and_no_readable_row(world: World, mina: Shopper) -> None:
    card = card_desk.saved(world, mina)
    order_id = world.order(mina, 1_000)
    assert card_desk.charge(mina, order_id, card).result["status"] == "paid"
    card_desk.quiet(world)
    assert card.key not in world.log_file.read_text() + world.stack.worker_log()
    readable = [
        mina.select(table)
        for table in ("payments", "payment_operations", "payment_events", "payment_schedules")
    ]
    logs = world.admin.select("webhook_logs", "webhook_id,webhook_type,subject_id,payment_id,skip_reason")
    assert card.key not in json.dumps([readable, logs, card_desk.cards(mina)])
