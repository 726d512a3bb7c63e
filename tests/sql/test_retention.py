"""What is forgotten without anybody asking, and what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.sql.cards import begun_card, key_snapshot, saved_card
from tests.sql.shop import claim, settle
from tests.sql.test_identity import begun, complete, row_of, verified

if TYPE_CHECKING:
    from tests.sql.shop import Caller, Row, Shop

DAY = 86_400


def maintain(worker: Caller) -> Row:
    """One call of run_maintenance."""
    result: Row = worker.row("select public.run_maintenance() as done")["done"]
    return result


def cards(owner: Caller) -> set[str]:
    """The ids of all saved cards."""
    return {row["id"] for row in owner.rows("select id::text from public.billing_keys")}


def test_a_card_that_was_never_registered_is_forgotten_after_a_week(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    user_id = shop.new_user()
    kept, abandoned = saved_card(shop, worker, user_id), begun_card(shop, user_id)["billingKeyId"]
    assert cards(owner) == {kept, abandoned}
    shop.advance(7 * DAY - 60)
    assert (maintain(worker)["cards"], cards(owner)) == (0, {kept, abandoned})
    shop.advance(120)
    assert (maintain(worker)["cards"], cards(owner)) == (1, {kept})


def test_a_registration_that_is_still_under_way_keeps_its_card(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    user_id = shop.new_user()
    card = begun_card(shop, user_id)
    shop.advance(8 * DAY)
    shop.user(user_id).one("register_billing_key", billing_key="late-key", issue_id=card["issueId"])
    assert maintain(worker)["cards"] == 0
    (job,) = claim(worker)
    assert maintain(worker)["cards"] == 0
    settle(worker, job, billing_key=key_snapshot(card, "late-key"))
    assert maintain(worker)["cards"] == 0
    assert cards(owner) == {card["billingKeyId"]}


def test_registrations_under_way_do_not_keep_younger_cards_from_being_forgotten(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    user_id = shop.new_user()
    stuck = begun_card(shop, user_id)
    shop.advance(60)
    abandoned = begun_card(shop, user_id)["billingKeyId"]
    shop.advance(8 * DAY)
    shop.user(user_id).one("register_billing_key", billing_key="late-key", issue_id=stuck["issueId"])
    one_at_a_time = "select private.forget_unregistered_cards(1, private.now()) as n"
    assert owner.row(one_at_a_time)["n"] == 1
    assert (cards(owner), abandoned in cards(owner)) == ({stuck["billingKeyId"]}, False)


def test_a_verification_that_never_succeeded_is_forgotten_after_a_month_and_a_person_after_five_years(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    user_id = shop.new_user()
    done, left_open = begun(shop, user_id), begun(shop, user_id)
    complete(shop, worker, user_id, done, verified(done))
    shop.advance(30 * DAY - 60)
    assert maintain(worker)["identities"] == 0
    shop.advance(120)
    assert maintain(worker)["identities"] == 1
    known = {row["id"] for row in owner.rows("select id::text from public.identity_verifications")}
    assert known == {done["id"]}, f"{left_open['id']} is gone"
    shop.advance(4 * 365 * DAY)
    assert (maintain(worker)["identities"], row_of(owner, done)["name"]) == (0, "Hong")
    shop.advance(366 * DAY)
    assert maintain(worker)["identities"] == 1
    forgotten = row_of(owner, done)
    assert (forgotten["name"], forgotten["birth_date"], forgotten["status"]) == (None, None, "verified")
    assert owner.row("select count(*) as n from private.identity_secrets")["n"] == 0


def test_the_shop_may_keep_persons_as_long_as_it_must(shop: Shop, worker: Caller, owner: Caller) -> None:
    user_id = shop.new_user()
    done = begun(shop, user_id)
    complete(shop, worker, user_id, done, verified(done))
    shop.advance(400 * DAY)
    owner.run(
        "create or replace function private.identity_retention() returns interval language sql immutable set search_path = '' return null::interval"
    )
    shop.advance(5 * 365 * DAY)
    assert (maintain(worker)["identities"], row_of(owner, done)["name"]) == (0, "Hong")
    owner.run(
        "create or replace function private.identity_retention() returns interval language sql immutable set search_path = '' return interval '1 year'"
    )
    assert maintain(worker)["identities"] == 1


def test_maintenance_says_whether_more_is_left(shop: Shop, worker: Caller, owner: Caller) -> None:
    user_id = shop.new_user()
    owner.run(
        "insert into public.billing_keys (user_id, issue_id, is_active, created_at, updated_at)"
        " select %s, 'old-' || n, false, now() - interval '1 year', now() from generate_series(1, 150) as n",
        user_id,
    )
    first, second = maintain(worker), maintain(worker)
    assert (first["cards"], first["more"]) == (100, True)
    assert (second["cards"], second["more"]) == (50, False)


def test_two_accounts_of_one_person_at_the_same_moment_see_each_other(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    owner.run(
        "create or replace function private.same_person_policy(p_user_id uuid, p_purpose text, p_other_users uuid[]) returns boolean"
        " language sql stable set search_path = '' return false"
    )
    users = [shop.new_user(), shop.new_user()]
    checks = [begun(shop, user_id) for user_id in users]
    operations = [
        shop.user(user_id).one("complete_identity_verification", id=check["id"])
        for user_id, check in zip(users, checks, strict=True)
    ]
    jobs = {job["payload"]["identity"]: job for job in claim(worker)}
    first, second = (jobs[check["id"]] for check in checks)
    other = shop.service()
    with worker.connection.transaction():
        settle(worker, first, identity=verified(checks[0]))
        settle(other, second, identity=verified(checks[1]))  # does not wait, does not pass
        assert other.one("get_operation", id=operations[1]["id"])["status"] == "pending"
    shop.advance(2)
    (again,) = claim(other)
    settle(other, again, identity=verified(checks[1]))
    ended = [other.one("get_operation", id=operation["id"]) for operation in operations]
    assert [row["status"] for row in ended] == ["succeeded", "failed"]
    assert ended[1]["error"]["code"] == "SAME_PERSON"
