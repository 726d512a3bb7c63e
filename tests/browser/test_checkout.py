"""The checkout example, every flow of it, in a real browser against the simulator's windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.browser.people import until
from tests.browser.shop import ShopPage

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from sandbox.portone.control_client import SimulatorControl
    from sandbox.stack.with_shop import StackWithShop
    from tests.browser.people import Server

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1"
)


def newest(server: Server, shop: ShopPage) -> dict[str, object]:
    """The customer's newest payment with its order, as the database has it."""
    (row, *_) = server.rows(
        "select payments.payment_id, payments.status::text, payments.amount, payments.tax_free_amount, orders.status as order_status"
        " from public.payments join public.orders on orders.id::text = payments.order_id join auth.users on users.id = payments.user_id"
        " where users.email = %s order by payments.created_at desc limit 1",
        shop.email,
    )
    return row


def test_a_card_payment(shop: ShopPage, server: Server) -> None:
    shop.order("dripper", "카드", quantity=2)
    assert shop.page.inner_text("#pay") == "₩36,000 결제하기"
    shop.press()
    said = shop.wait_for("paid")
    assert "결제 완료" in said
    assert "₩36,000" in said
    payment = newest(server, shop)
    assert (payment["status"], payment["amount"], payment["order_status"]) == ("paid", 36000, "paid")
    shop.idle()
    assert "결제 완료" in shop.page.inner_text("#payments")


def test_a_tax_free_product(shop: ShopPage, server: Server) -> None:
    shop.order("book", "카드")
    shop.press()
    shop.wait_for("paid")
    payment = newest(server, shop)
    assert (payment["amount"], payment["tax_free_amount"]) == (14000, 14000)


def test_a_declined_card(shop: ShopPage, server: Server) -> None:
    shop.order("beans", "카드")
    shop.press("decline")
    assert "결제 실패" in shop.wait_for("failed")
    assert newest(server, shop)["order_status"] == "pending"


def test_a_closed_window(shop: ShopPage, server: Server) -> None:
    shop.order("beans", "카드")
    shop.press("close")
    assert "결제 실패" in shop.wait_for("failed")
    assert newest(server, shop)["status"] == "failed"


def test_a_virtual_account_is_paid_while_one_looks(
    shop: ShopPage, server: Server, portone: SimulatorControl
) -> None:
    shop.order("beans", "가상계좌")
    shop.press()
    said = shop.wait_for("virtual_account_issued")
    assert "입금 계좌" in said
    payment_id = str(newest(server, shop)["payment_id"])
    account = portone.payment(payment_id)["method"]["accountNumber"]
    assert account in said
    portone.deposit(payment_id)
    # Nobody touches the page: it follows by itself.
    assert "결제 완료" in shop.wait_for("paid")
    assert newest(server, shop)["order_status"] == "paid"


def test_the_customer_closes_an_unpaid_virtual_account(shop: ShopPage, portone: SimulatorControl) -> None:
    shop.order("beans", "가상계좌")
    shop.press()
    shop.wait_for("virtual_account_issued")
    shop.page.click("#payments button:enabled")
    shop.page.wait_for_selector("#result:not([data-status=virtual_account_issued])")
    shop.idle()
    assert shop.page.locator("#payments button").count() == 0


def test_a_saved_card_pays_without_a_window(shop: ShopPage, server: Server) -> None:
    shop.page.check("#save-card [name=consent]")
    shop.page.click("#save-card button")
    shop.press()
    shop.page.wait_for_selector("#cards .badge")
    assert "433012******1234" in shop.page.inner_text("#cards")
    shop.idle()
    shop.order("dripper", "433012")
    shop.wait_for("paid")
    assert shop.page.locator("iframe").count() == 0
    assert newest(server, shop)["order_status"] == "paid"
    shop.idle()
    shop.page.click("#cards button:has-text('삭제')")
    shop.page.wait_for_selector("#cards li.soft")


def test_a_second_card_can_become_the_default(shop: ShopPage) -> None:
    for number in ("4330123456781234", "5409260000001234"):
        shop.page.check("#save-card [name=consent]")
        shop.page.click("#save-card button")
        shop.page.frame_locator("iframe").locator("#number").fill(number)
        shop.press()
        shop.page.wait_for_selector(f"#cards li:has-text('{number[:6]}')")
        shop.idle()
    shop.page.click("#cards button:has-text('기본으로')")
    shop.page.wait_for_selector("#cards li:has-text('540926') .badge")
    assert shop.page.locator("#cards .badge").count() == 1


def test_a_closed_card_window_saves_nothing(shop: ShopPage) -> None:
    shop.page.check("#save-card [name=consent]")
    shop.page.click("#save-card button")
    shop.press("close")
    shop.page.wait_for_selector("#notice.bad")
    assert "창이 닫혔습니다" in shop.page.inner_text("#notice")
    assert shop.page.locator("#cards li.soft").count() == 1


def test_who_somebody_is(shop: ShopPage, server: Server) -> None:
    shop.page.check("#verify [name=consent]")
    shop.page.click("#verify button")
    shop.page.frame_locator("iframe").locator("#name").fill("김민지")
    shop.press()
    shop.page.wait_for_selector("#person:has-text('김민지')")
    (row,) = server.rows(
        "select verifications.status::text, verifications.purpose from public.identity_verifications as verifications"
        " join auth.users on users.id = verifications.user_id where users.email = %s",
        shop.email,
    )
    assert row == {"status": "verified", "purpose": "checkout"}


def test_a_price_changed_in_the_browser_pays_nothing(shop: ShopPage, server: Server) -> None:
    shop.page.evaluate(
        "() => { const real = PortOne.requestPayment; PortOne.requestPayment = (request) => real({ ...request, totalAmount: 100 }); }"
    )
    shop.order("dripper", "카드")
    shop.page.wait_for_selector("#result:not([hidden])")
    shop.idle()
    payment = newest(server, shop)
    assert payment["status"] != "paid"
    assert (payment["amount"], payment["order_status"]) == (18000, "pending")


def test_the_price_cannot_be_named(shop: ShopPage) -> None:
    refused = shop.page.evaluate(
        """async () => {
          const { config } = await import("/config.js");
          const client = window.supabase.createClient(config.supabaseUrl, config.supabaseKey);
          const order = await client.rpc("place_order", { product_id: "dripper", quantity: 1, price: 100 });
          const direct = await client.from("orders").insert({ order_name: "mine", total_amount: 1 });
          const product = await client.from("products").update({ price: 1 }).eq("id", "dripper");
          return [order.error?.code, direct.error?.code, product.error?.code];
        }"""
    )
    assert refused == ["PGRST202", "42501", "42501"]


def test_a_phone_leaves_the_page_and_comes_back(
    running: StackWithShop, open_page: Callable[..., Page], server: Server
) -> None:
    page = open_page(user_agent=IPHONE, viewport={"width": 390, "height": 844}, has_touch=True)
    shop = ShopPage(page, running.shop_url)
    shop.sign_up()
    shop.order("beans", "카드")
    page.wait_for_url("**/_sim/window/payment**")
    page.click("#accept")
    page.wait_for_url(f"{running.shop_url}/**")
    assert "결제 완료" in shop.wait_for("paid")
    assert page.url == f"{running.shop_url}/"
    assert newest(server, shop)["order_status"] == "paid"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_english(shop: ShopPage) -> None:
    shop.page.click("#language")
    shop.page.wait_for_selector("html[lang=en]")
    shop.order("beans", "Card")
    shop.press()
    assert "Your payment is done" in shop.wait_for("paid")
    texts = shop.page.inner_text("body")
    assert "undefined" not in texts
    assert "Verify my identity" in texts


def test_a_wrong_password_and_a_known_address(running: StackWithShop, shop: ShopPage) -> None:
    shop.page.click("#sign-out")
    shop.page.wait_for_selector("#door:not([hidden])")
    shop.page.fill("[name=email]", shop.email)
    shop.page.fill("[name=password]", "not-the-password")
    shop.page.click("button[value=in]")
    shop.page.wait_for_selector("#notice.bad")
    assert "올바르지 않습니다" in shop.page.inner_text("#notice")
    assert shop.page.is_hidden("#inside")


def test_a_lost_webhook_changes_nothing(shop: ShopPage, server: Server, portone: SimulatorControl) -> None:
    portone.hold_webhooks()
    try:
        shop.order("beans", "카드")
        shop.press()
        shop.wait_for("paid")
        assert newest(server, shop)["status"] == "paid"
    finally:
        portone.release_webhooks()
        portone.deliver_webhooks()
    payment_id = str(newest(server, shop)["payment_id"])
    until(
        "the webhook that came late",
        lambda: (
            server.rows(
                "select 1 from public.webhook_logs where payment_id = %s and status = 'processed'", payment_id
            )
            or None
        ),
    )
    assert newest(server, shop)["status"] == "paid"
