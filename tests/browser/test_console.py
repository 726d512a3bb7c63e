"""The operations console in a real browser: what an admin does by clicking, and that nobody else sees anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.browser.console import Console
from tests.browser.people import new_account, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from sandbox.portone.control_client import SimulatorControl
    from sandbox.stack.with_shop import StackWithShop
    from tests.browser.people import Buyer, Server

SECTIONS = ("payments", "webhooks", "jobs", "findings")


def cancelled(portone: SimulatorControl, payment_id: str) -> list[int]:
    """What PortOne has cancelled of a payment."""
    return [one["totalAmount"] for one in portone.payment(payment_id).get("cancellations", [])]


def test_a_refund_is_made(console: Console, buyer: Buyer, portone: SimulatorControl) -> None:
    payment_id = buyer.buys("dripper", 2)
    console.go("payments", payment_id)
    assert console.guard() == "₩36,000"
    console.ask_refund("5,000", "뚜껑 파손")
    review = console.page.inner_text(".refund")
    assert "₩5,000" in review
    assert "₩31,000" in review
    assert cancelled(portone, payment_id) == []
    said = console.confirm()
    assert said.inner_text() == "환불되었습니다."
    assert cancelled(portone, payment_id) == [5000]
    console.page.wait_for_selector("#guard:has-text('₩31,000')")
    assert "뚜껑 파손" in console.page.inner_text("section:has(#refunds)")
    assert "부분 환불" in console.page.inner_text("#facts")
    assert "결제 완료 → 부분 환불" in console.page.inner_text(".timeline")


def test_the_rest_is_refunded_and_then_nothing_can_be(
    console: Console, buyer: Buyer, portone: SimulatorControl
) -> None:
    payment_id = buyer.buys("beans")
    console.go("payments", payment_id)
    console.page.fill(".refund [name=reason]", "변심")
    console.page.click("#refund-review")
    console.confirm()
    console.page.wait_for_selector("#guard:has-text('₩0')")
    assert cancelled(portone, payment_id) == [16000]
    assert console.page.locator("#refund-review").count() == 0


def test_a_refund_too_far_is_refused_before_it_is_asked(
    console: Console, buyer: Buyer, portone: SimulatorControl
) -> None:
    payment_id = buyer.buys("beans")
    console.go("payments", payment_id)
    for amount, words in (("16,001", "최대 ₩16,000"), ("0", "16000"), ("10.5", "16000"), ("이만원", "16000")):
        console.ask_refund(amount, "r")
        console.page.wait_for_selector("#refund-problem")
        assert words in console.page.inner_text("#refund-problem")
    assert cancelled(portone, payment_id) == []


def test_a_refund_too_far_is_refused_by_the_database(
    console: Console, buyer: Buyer, server: Server, portone: SimulatorControl
) -> None:
    payment_id = buyer.buys("beans")
    console.go("payments", payment_id)
    console.ask_refund("16000", "전액")
    # Meanwhile somebody else refunds; this page still shows what was left.
    operation = server.call("request_cancellation", payment_id=payment_id, amount=10000, reason="by phone")
    until(
        "the other refund",
        lambda: True if server.call("get_operation", id=operation["id"])["status"] == "succeeded" else None,
    )
    said = console.confirm().inner_text()
    assert said.startswith("환불되지 않았습니다")
    assert "최대 ₩6,000" in said
    assert cancelled(portone, payment_id) == [10000]
    console.page.wait_for_selector("#guard:has-text('₩6,000')")


def test_a_refund_clicked_twice_is_one(console: Console, buyer: Buyer, portone: SimulatorControl) -> None:
    payment_id = buyer.buys("dripper")
    console.go("payments", payment_id)
    console.ask_refund("3000", "두 번 클릭")
    console.page.dblclick("#refund-confirm")
    console.page.locator("#refund-said:not(.wait)").wait_for()
    assert cancelled(portone, payment_id) == [3000]


def test_a_refund_whose_reply_was_lost_is_one_when_it_is_asked_for_again(
    console: Console, buyer: Buyer, portone: SimulatorControl
) -> None:
    payment_id = buyer.buys("dripper")
    console.go("payments", payment_id)

    def lose_the_reply(route: Any) -> None:
        route.fetch()
        route.fulfill(
            status=503,
            content_type="application/json",
            body='{"error": {"code": "DATABASE_UNAVAILABLE", "message": "no answer"}}',
        )

    console.page.route("**/cancel", lose_the_reply, times=1)
    for _ in range(2):
        console.ask_refund("3000", "reply lost")
        console.confirm()
    assert cancelled(portone, payment_id) == [3000]


def test_a_deposit_is_refunded_to_an_account(
    console: Console, buyer: Buyer, portone: SimulatorControl
) -> None:
    payment_id = buyer.buys("beans", method="VIRTUAL_ACCOUNT")
    console.go("payments", payment_id)
    console.page.select_option("[name=bank]", "KAKAO")
    console.page.fill("[name=number]", "3333-01-1234567")
    console.page.fill("[name=holder_name]", "김민지")
    console.ask_refund("6000", "품절")
    console.confirm()
    assert cancelled(portone, payment_id) == [6000]
    assert "3333011234567" not in console.page.content()


def test_carrier_billing_of_an_earlier_month_asks_for_an_account(
    console: Console, buyer: Buyer, server: Server
) -> None:
    payment_id = buyer.buys("beans")
    for paid_at, fields in (("now()", 0), ("now() - interval '40 days'", 1)):
        server.run(
            f"update public.payments set portone_pay_method = 'MOBILE', paid_at = {paid_at} where payment_id = %s",
            payment_id,
        )
        console.go("payments")
        console.go("payments", payment_id)
        console.page.wait_for_selector("#refund-review")
        assert console.page.locator(".refund [name=number]").count() == fields


def test_read_back(console: Console, buyer: Buyer, portone: SimulatorControl) -> None:
    payment_id = buyer.buys("beans")
    console.go("payments", payment_id)
    portone.hold_webhooks()
    try:
        portone.console_cancel(payment_id, amount=1000, reason="by hand")
        console.page.click("#read-back")
        console.page.wait_for_selector("#guard:has-text('₩15,000')")
    finally:
        portone.release_webhooks()
        portone.deliver_webhooks()


def test_search(console: Console, buyer: Buyer) -> None:
    payment_id = buyer.buys("beans", 3)
    console.go("payments")
    console.page.fill("[name=q]", payment_id)
    console.page.press("[name=q]", "Enter")
    expect(console.page.locator("tbody tr")).to_have_count(1)
    assert "에티오피아 원두 200g \u00d7 3" in console.page.inner_text("tbody")
    for text in ("100%", "a,b", 'x"y', "no*thing", "(or)"):
        console.page.fill("[name=q]", text)
        console.page.press("[name=q]", "Enter")
        console.page.wait_for_selector("text=해당하는 결제가 없습니다")
    console.page.fill("[name=q]", "")
    console.page.select_option("[name=status]", "failed")
    console.page.click("form.search button")
    console.page.wait_for_selector("tbody tr")
    assert set(console.page.locator("tbody .badge").all_inner_texts()) == {"실패"}


def test_a_webhook_is_read_again(console: Console, buyer: Buyer, server: Server) -> None:
    payment_id = buyer.buys("beans")

    def processed() -> int | None:
        rows = server.rows(
            "select id from public.webhook_logs where payment_id = %s and status = 'processed' and webhook_type = 'Transaction.Paid'",
            payment_id,
        )
        return int(rows[0]["id"]) if rows else None

    webhook = until("the webhook", processed)
    console.go("webhooks")
    card = console.page.locator(f"[data-webhook='{webhook}']")
    card.locator("summary").click()
    card.locator(f"pre:has-text('{payment_id}')").wait_for()
    card.locator("button").click()
    console.give_reason("다시 확인")
    assert console.page.inner_text("#said") == "곧 다시 처리됩니다."
    (row,) = server.rows("select attempts from public.webhook_logs where id = %s", webhook)
    assert row["attempts"] >= 2
    until("its effect", processed)


def test_a_body_that_was_erased_is_said_to_be(console: Console, buyer: Buyer) -> None:
    """Retention keeps the row and takes the body: `read_webhook_body` answers null."""
    buyer.buys("beans")
    console.page.route("**/rpc/read_webhook_body", lambda route: route.fulfill(json=None))
    console.go("webhooks")
    card = console.page.locator("[data-webhook]").first
    card.locator("summary").click()
    card.locator("pre:has-text('보관 기간')").wait_for()


def test_a_receipt_without_an_address_leaves_the_payment_readable(
    console: Console, buyer: Buyer, server: Server
) -> None:
    payment_id = buyer.buys("beans")
    server.run("update public.payments set receipt_url = 'http://' where payment_id = %s", payment_id)
    console.go("payments", payment_id)
    assert "http://" in console.page.inner_text("section:has(#facts)")
    assert console.guard() == "₩16,000"


def test_a_dead_job_runs_again_and_is_dealt_with(console: Console, server: Server) -> None:
    (job,) = server.call(
        "enqueue_jobs",
        jobs=[{"idempotency_key": "browser-dead-job", "job_kind": "send_letter", "payload": {}}],
    )
    number = job.get("job_id") or job["id"]
    dead = "select failures from queue.dead where id = %s and resolved_at is null"
    until("the job's death", lambda: server.rows(dead, number) or None)
    console.go("jobs")
    card = console.page.locator(f"[data-job='{number}']")
    card.locator("button", has_text="다시 실행").click()
    console.give_reason("다시")
    assert console.page.inner_text("#said") == "다시 실행됩니다."
    until("its second death", lambda: server.rows(dead, number) or None)
    console.page.click("button:has-text('새로고침')")
    card.locator("button", has_text="처리 완료").click()
    console.give_reason("보내지 않아도 됨")
    assert console.page.inner_text("#said") == "목록에서 제외했습니다."
    card.wait_for(state="detached")
    assert server.rows(dead, number) == []


def test_a_finding_is_closed(console: Console, server: Server) -> None:
    (finding,) = server.rows(
        "select id from public.drift_findings where kind = 'missing_here' and closed_at is null"
    )
    console.go("findings")
    card = console.page.locator(f"[data-finding='{finding['id']}']")
    assert "이 앱에서 만들지 않은 결제" in card.inner_text()
    assert "장부가 일치하지 않습니다" in console.page.inner_text("#ledger")
    card.locator("button").click()
    console.give_reason("전화 주문, 확인함")
    card.wait_for(state="detached")
    (closed,) = server.rows("select closed_how from public.drift_findings where id = %s", finding["id"])
    assert "전화 주문, 확인함" in closed["closed_how"]


def test_the_overview_draws_what_there_is(console: Console, buyer: Buyer) -> None:
    buyer.buys("dripper", 2)
    console.page.click("button:has-text('새로고침')")
    console.page.wait_for_selector(".chart svg .tone-1 rect")
    assert console.page.locator(".chart").count() == 3
    console.page.click(".chart:first-of-type summary")
    assert "₩" in console.page.inner_text(".chart:first-of-type table")
    assert console.page.inner_text(".tile:first-child dd") != "₩0"


@pytest.mark.parametrize("section", SECTIONS)
def test_both_languages_on_every_page(console: Console, section: str) -> None:
    console.go(section)
    assert console.page.get_attribute("html", "lang") == "ko"
    korean = console.page.inner_text("h1")
    console.page.click("#language")
    console.page.wait_for_selector("html[lang=en]")
    english = console.page.inner_text("h1")
    assert english == section.capitalize() != korean
    assert "undefined" not in console.page.inner_text("body")
    console.page.reload()
    console.page.wait_for_selector("html[lang=en]")


def test_an_english_refusal(console: Console, buyer: Buyer) -> None:
    console.go("payments", buyer.buys("beans"))
    console.page.click("#language")
    console.ask_refund("99,999", "r")
    console.page.wait_for_selector("#refund-problem")
    assert "At most ₩16,000" in console.page.inner_text("#refund-problem")


def test_a_non_admin_sees_nothing(running: StackWithShop, open_page: Callable[..., Page]) -> None:
    somebody = new_account(running)
    page = open_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/rest/v1/" in request.url else None)
    console = Console(page, running.console_url)
    console.sign_in(somebody.email, somebody.password)
    page.wait_for_selector("#sign-out")
    assert "관리자 계정이 아닙니다" in page.inner_text("main")
    for section in ("", *SECTIONS):
        page.goto(f"{running.console_url}#/{section}")
        assert page.locator("nav").count() == 0
    assert asked == []
    # Nor does their token, whatever a page of theirs would ask.
    seen = page.evaluate(
        """async () => {
          const config = await (await fetch("config.json")).json();
          const token = JSON.parse(localStorage.getItem("portone-console")).access_token;
          const headers = { apikey: config.supabasePublishableKey, authorization: `Bearer ${token}` };
          const names = ["payments", "payment_timeline", "payments_daily", "webhook_health", "jobs_overview", "dead_jobs", "drift_findings", "refunds_open", "orders"];
          return Promise.all(names.map(async (name) => (await (await fetch(`${config.supabaseUrl}/rest/v1/${name}?select=*`, { headers })).json()).length));
        }"""
    )
    assert seen == [0] * 9


def test_nobody_is_asked_to_sign_in(running: StackWithShop, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(f"{running.console_url}#/payments")
    page.wait_for_selector("form.door")
    assert page.locator("nav").count() == 0
    console = Console(page, running.console_url)
    console.sign_in("nobody@example.com", "not-the-password")
    page.wait_for_selector(".notice.bad")
    assert page.inner_text(".notice.bad") == "이메일 또는 비밀번호가 올바르지 않습니다."


def test_signing_out_leaves_nothing_behind(console: Console) -> None:
    console.page.click("#sign-out")
    console.page.wait_for_selector("form.door")
    assert console.page.evaluate("localStorage.getItem('portone-console')") is None


def test_by_keyboard_alone(running: StackWithShop, open_page: Callable[..., Page], buyer: Buyer) -> None:
    payment_id = buyer.buys("beans")
    page = open_page()
    assert running.admin is not None
    page.goto(f"{running.console_url}#/payments/{payment_id}")
    page.wait_for_selector("form.door")
    page.keyboard.press("Tab")
    page.keyboard.type(running.admin.email)
    page.keyboard.press("Tab")
    page.keyboard.type(running.admin.password)
    page.keyboard.press("Enter")
    page.wait_for_selector("#refund-review")
    page.focus("[name=amount]")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("1000")
    page.keyboard.press("Tab")
    page.keyboard.type("키보드로")
    page.keyboard.press("Enter")
    # The focus has moved to what comes next.
    page.wait_for_selector("#refund-confirm:focus")
    page.keyboard.press("Enter")
    page.wait_for_selector("#refund-said.good")
    page.goto(f"{running.console_url}#/findings")
    page.wait_for_selector("[data-finding]")
    page.locator("[data-finding] button").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog [name=reason]:focus")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")


@pytest.mark.parametrize("section", ["", *SECTIONS])
def test_it_fits_a_phone(console: Console, section: str) -> None:
    console.page.set_viewport_size({"width": 360, "height": 740})
    console.go(section)
    console.page.wait_for_selector(".card, .cards")
    assert console.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
