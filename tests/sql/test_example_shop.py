"""The checkout example's own SQL: an order's price is the product's, whoever asks and whatever they send."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from sandbox.setup.paths import PROJECT_ROOT
from tests.sql.shop import Refused

if TYPE_CHECKING:
    from tests.sql.shop import Caller, Shop

SQL = PROJECT_ROOT / "examples" / "checkout" / "shop.sql"


@pytest.fixture
def customer(shop: Shop, owner: Caller) -> Caller:
    """Somebody signed in at a shop that has the example's SQL, applied as role postgres like a migration."""
    owner.run(SQL.read_text())
    return shop.user(shop.new_user())


def test_the_price_is_the_products(customer: Caller, shop: Shop) -> None:
    order = customer.one("place_order", product_id="dripper", quantity=3)
    assert (order["total_amount"], order["tax_free_amount"], order["currency"]) == (54000, 0, "KRW")
    assert order["order_name"].endswith(" \u00d7 3")
    book = customer.one("place_order", product_id="book", quantity=1)
    assert (book["total_amount"], book["tax_free_amount"]) == (14000, 14000)
    # It can be paid, at that price, and is its customer's alone.
    operation = customer.one("request_payment", order_id=str(order["id"]), pay_method="CARD")
    assert operation["status"] == "pending"
    assert len(customer.rows("select id from public.orders")) == 2
    assert shop.user(shop.new_user()).rows("select id from public.orders") == []


@pytest.mark.parametrize(
    ("product", "quantity", "code"),
    [("dripper", 0, "QUANTITY_OUT_OF_RANGE"), ("dripper", 11, "QUANTITY_OUT_OF_RANGE"), ("dripper", None, "QUANTITY_OUT_OF_RANGE"), ("yacht", 1, "PRODUCT_NOT_FOUND"), (None, 1, "PRODUCT_NOT_FOUND")],
)  # fmt: skip
def test_what_is_refused(customer: Caller, product: str | None, quantity: int | None, code: str) -> None:
    with pytest.raises(Refused) as refused:
        customer.one("place_order", product_id=product, quantity=quantity)
    assert refused.value.code == code
    assert customer.rows("select id from public.orders") == []


def test_what_is_not_on_sale_is_not_sold(customer: Caller, owner: Caller) -> None:
    owner.run("update public.products set on_sale = false where id = 'beans'")
    assert sorted(row["id"] for row in customer.rows("select id from public.products")) == ["book", "dripper"]
    with pytest.raises(Refused) as refused:
        customer.one("place_order", product_id="beans", quantity=1)
    assert refused.value.code == "PRODUCT_NOT_FOUND"


def test_prices_and_orders_are_written_by_nobody_else(customer: Caller, shop: Shop) -> None:
    for statement in (
        "update public.products set price = 1",
        "insert into public.products (id, name_ko, name_en, price) values ('x', 'x', 'x', 1)",
        "insert into public.orders (user_id, order_name, total_amount) values (auth.uid(), 'mine', 1)",
        "update public.orders set total_amount = 1",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            customer.run(statement)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        shop.anon().one("place_order", product_id="dripper", quantity=1)
    with pytest.raises(Refused) as nobody:
        shop.connect("authenticated").one("place_order", product_id="dripper", quantity=1)
    assert nobody.value.code == "SIGN_IN_REQUIRED"
