"""Saved cards: the owner names them, switches them off and chooses the default, and nothing else."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.sql.shop import Caller, Refused, Shop

if TYPE_CHECKING:
    from collections.abc import Iterable


def new_card(shop: Shop, user_id: str, *, default: bool = False, **columns: Any) -> str:
    """A saved card as the worker will store it; its id."""
    values: dict[str, Any] = {
        "user_id": user_id,
        "is_default": default,
        "card_number_masked": "1234-****-****-5678",
        "issued_at": "2026-01-01T00:00:00Z",
    } | columns
    names = ", ".join(values)
    return str(
        shop.setup.row(
            f"insert into public.billing_keys ({names}, issue_id, billing_key, created_at, updated_at) values ({', '.join(['%s'] * len(values))}, gen_random_uuid()::text, gen_random_uuid()::text, now(), now()) returning id::text as id",
            *values.values(),
        )["id"]
    )


def defaults(caller: Caller, user_id: str) -> list[str]:
    """The ids of this user's default cards."""
    return [
        row["id"]
        for row in caller.rows(
            "select id::text as id from public.billing_keys where user_id = %s and is_default", user_id
        )
    ]


def test_the_default_is_switched_in_one_call(shop: Shop, owner: Caller) -> None:
    user_id = shop.new_user()
    first, second = new_card(shop, user_id, default=True), new_card(shop, user_id)
    customer = shop.user(user_id)
    changed = customer.one("set_default_billing_key", id=second)
    assert (str(changed["id"]), str(changed["previous_id"])) == (second, first)
    assert defaults(owner, user_id) == [second]
    again = customer.one("set_default_billing_key", id=second)
    assert again["previous_id"] is None
    assert defaults(customer, user_id) == [second]


def test_a_first_default_and_the_admin_and_the_server_may_choose_too(shop: Shop, owner: Caller) -> None:
    user_id = shop.new_user()
    cards = [new_card(shop, user_id) for _ in range(3)]
    for caller, card in zip((shop.user(user_id), shop.admin(), shop.service()), cards, strict=True):
        caller.one("set_default_billing_key", id=card)
        assert defaults(owner, user_id) == [card]


def test_somebody_elses_card_and_no_card_look_the_same(shop: Shop, owner: Caller) -> None:
    user_id = shop.new_user()
    theirs = new_card(shop, user_id, default=True)
    new_card(shop, user_id)
    stranger = shop.user(shop.new_user())
    for identifier in (theirs, "00000000-0000-4000-8000-000000000000", None):
        with pytest.raises(Refused) as refused:
            stranger.one("set_default_billing_key", id=identifier)
        assert (refused.value.status, refused.value.code) == (404, "BILLING_KEY_NOT_FOUND")
    assert defaults(owner, user_id) == [theirs]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        shop.anon().one("set_default_billing_key", id=theirs)


def test_a_card_that_cannot_be_charged_cannot_be_the_default(shop: Shop, owner: Caller) -> None:
    user_id = shop.new_user()
    good = new_card(shop, user_id, default=True)
    off = new_card(shop, user_id, is_active=False)
    expired = new_card(shop, user_id, card_expiry_month=12, card_expiry_year=2020)
    customer = shop.user(user_id)
    for card, code in ((off, "BILLING_KEY_INACTIVE"), (expired, "BILLING_KEY_EXPIRED")):
        with pytest.raises(Refused) as refused:
            customer.one("set_default_billing_key", id=card)
        assert (refused.value.status, refused.value.code) == (409, code)
    assert defaults(owner, user_id) == [good]


@pytest.mark.parametrize(
    ("at", "expired"),
    [
        ("2026-11-01T00:00:00Z", False),
        ("2026-11-30T14:59:59Z", False),
        ("2026-11-30T15:00:00Z", True),
        ("2027-01-01T00:00:00Z", True),
    ],
)
def test_a_card_is_good_through_its_month_in_seoul(owner: Caller, at: str, expired: bool) -> None:
    assert owner.row("select private.card_expired(11, 2026, %s::timestamptz) as expired", at) == {
        "expired": expired
    }
    assert owner.row("select private.card_expired(null, null, %s::timestamptz) as expired", at) == {
        "expired": False
    }


def test_a_card_that_was_never_registered_cannot_be_switched_on(shop: Shop) -> None:
    user_id = shop.new_user()
    card = new_card(shop, user_id, issued_at=None, is_active=False)
    customer = shop.user(user_id)
    with pytest.raises(Refused) as refused:
        customer.rows("update public.billing_keys set is_active = true where id = %s returning id", card)
    assert refused.value.code == "BILLING_KEY_INACTIVE"
    assert customer.row("select is_active from public.billing_keys where id = %s", card) == {
        "is_active": False
    }


def test_owners_write_the_nickname_and_the_active_flag_and_nothing_else(shop: Shop) -> None:
    user_id = shop.new_user()
    card = new_card(shop, user_id)
    customer = shop.user(user_id)
    before = customer.row("select updated_at from public.billing_keys where id = %s", card)
    assert (
        customer.run(
            "update public.billing_keys set nickname = 'groceries', is_active = false where id = %s", card
        )
        == 1
    )
    row = customer.row("select nickname, is_active, updated_at from public.billing_keys where id = %s", card)
    assert (row["nickname"], row["is_active"]) == ("groceries", False)
    assert row["updated_at"] > before["updated_at"]
    for column in (
        "is_default",
        "card_number_masked",
        "card_expiry_year",
        "billing_key",
        "user_id",
        "updated_at",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            customer.run(f"update public.billing_keys set {column} = {column} where id = %s", card)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        customer.run(
            "insert into public.billing_keys (user_id, issue_id, created_at, updated_at) values (%s, 'x', now(), now())",
            user_id,
        )
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        customer.run("delete from public.billing_keys where id = %s", card)
    assert (
        shop.user(shop.new_user()).run("update public.billing_keys set nickname = 'mine' where id = %s", card)
        == 0
    )


def test_the_default_is_switched_off_only_when_it_is_the_last(shop: Shop, owner: Caller) -> None:
    user_id = shop.new_user()
    first, second = new_card(shop, user_id, default=True), new_card(shop, user_id)
    customer = shop.user(user_id)
    off = "update public.billing_keys set is_active = false where id = %s"
    with pytest.raises(Refused) as refused:
        customer.rows(off + " returning id", first)
    assert (refused.value.status, refused.value.code) == (409, "BILLING_KEY_IS_DEFAULT")
    assert defaults(owner, user_id) == [first]
    assert customer.run(off, second) == 1
    assert customer.run(off, first) == 1
    assert defaults(owner, user_id) == []


def test_switches_at_once_never_leave_two_defaults_or_none(shop: Shop, owner: Caller) -> None:
    user_id = shop.new_user()
    cards = [new_card(shop, user_id, default=number == 0) for number in range(4)]
    watcher, seen, stop = shop.owner(), set[int](), threading.Event()

    def watch() -> None:
        while not stop.is_set():
            seen.add(len(defaults(watcher, user_id)))

    def switch(caller: Caller, order: Iterable[int]) -> None:
        for number in order:
            caller.one("set_default_billing_key", id=cards[number])

    errors: list[BaseException] = []

    def run(caller: Caller, order: list[int]) -> None:
        try:
            switch(caller, order)
        except BaseException as error:
            errors.append(error)

    orders = [[(start + step) % 4 for step in range(40)] for start in range(4)]
    callers = [shop.user(user_id) for _ in orders]
    threads = [threading.Thread(target=run, args=pair) for pair in zip(callers, orders, strict=True)]
    watching = threading.Thread(target=watch)
    watching.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    watching.join()
    assert errors == []
    assert seen == {1}
    assert len(defaults(owner, user_id)) == 1
