"""The hosted window pages and sdk.js: served self-contained, and each button ends as the browser SDK would say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from .walk import STORE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.portone.control_client import SimulatorControl
    from sandbox.portone.server import RunningSimulator

    Open = Callable[..., str]

KEY_WINDOW = {"storeId": STORE, "channelKey": "channel-key-card", "billingKeyMethod": "CARD"}
IDENTITY = {"storeId": STORE, "identityVerificationId": "iv/1", "channelKey": "channel-key-danal"}


@pytest.fixture
def browser(running: RunningSimulator, control: SimulatorControl) -> Iterator[httpx.Client]:
    """Return a client of the control API, as the pages are."""
    with httpx.Client(base_url=running.control_url, trust_env=False) as client:
        yield client


def press(browser: httpx.Client, kind: str, subject: str, **body: Any) -> Any:
    """Press a button of a window."""
    return browser.post(f"/browser/{kind}/{subject}", params={"storeId": STORE}, json=body).json()


@pytest.mark.parametrize("kind", ["payment", "billing-key", "identity"])
def test_pages_are_self_contained_and_locked_down(browser: httpx.Client, kind: str) -> None:
    page = browser.get(f"/window/{kind}")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert not re.search(r"""(src|href)\s*=\s*["']""", page.text), "nothing is loaded from anywhere"
    assert "innerHTML" not in page.text
    assert browser.get("/window/other").status_code == 404


def test_korean_and_english_say_the_same_things(browser: httpx.Client) -> None:
    source = browser.get("/window/payment").text
    korean, english = (re.search(rf"{name}: {{(.*?)\n  }},", source, re.S) for name in ("ko", "en"))
    assert korean is not None
    assert english is not None
    names = [re.findall(r'(?:^|, |\n\s+)"?([\w-]+)"?: "', found[1]) for found in (korean, english)]
    assert len(names[0]) > 40
    assert names[0] == names[1]


def test_the_script_may_be_called_from_a_shop(browser: httpx.Client) -> None:
    script = browser.get("/sdk.js")
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    for name in (
        "requestPayment",
        "requestIssueBillingKey",
        "requestIssueBillingKeyAndPay",
        "requestIdentityVerification",
    ):
        assert f"async {name}(" in script.text
    asked = {"Origin": "http://shop.example", "Access-Control-Request-Method": "POST"}
    asked["Access-Control-Request-Headers"] = "content-type"
    for path in ("/windows", "/billing-windows", "/identity-windows"):
        assert browser.options(path, headers=asked).headers["access-control-allow-origin"] == "*"
    closed = browser.options("/reset", headers=asked)
    assert "access-control-allow-origin" not in closed.headers, "a shop's page may not reset the simulator"


def test_payment_buttons(browser: httpx.Client, control: SimulatorControl, open_window: Open) -> None:
    paid, declined, account = open_window(), open_window(), open_window(1000, "vbank", "VIRTUAL_ACCOUNT")
    view = browser.get(f"/browser/payment/{paid}").json()
    assert (view["orderName"], view["totalAmount"], view["currency"]) == ("Widget x1", 1000, "KRW")
    answer = press(browser, "payment", paid, action="approve")
    assert answer == {
        "transactionType": "PAYMENT",
        "txId": control.payment(paid)["transactionId"],
        "paymentId": paid,
    }
    refused = press(browser, "payment", declined, action="fail", pgCode="X", pgMessage="no")
    assert (refused["code"], refused["pgCode"], refused["message"]) == ("FAILURE_TYPE_PG", "X", "no")
    issued = press(browser, "payment", account, action="issue-account", bank="KAKAO")
    assert "code" not in issued, "issued is not paid, and the SDK does not tell the difference"
    assert control.payment(account)["status"] == "VIRTUAL_ACCOUNT_ISSUED"
    assert press(browser, "payment", paid, action="approve")["type"] == "SIM_INVALID_STATE"


def test_manual_and_refused_confirmations(
    browser: httpx.Client, control: SimulatorControl, open_window: Open
) -> None:
    manual = open_window(1000, "manual")
    assert press(browser, "payment", manual, action="approve")["paymentToken"] == control.payment_token(
        manual
    )
    refused = open_window(1000, confirmUrl="http://127.0.0.1:1/confirm")
    assert press(browser, "payment", refused, action="approve")["code"] == "ConfirmProcessFailed"


def test_billing_key_buttons(browser: httpx.Client, control: SimulatorControl) -> None:
    key = control.open_billing_window(**KEY_WINDOW)["billingKey"]
    answer = press(browser, "billing-key", key, action="issue", card={"number": "5409260000001234"})
    assert answer == {"transactionType": "ISSUE_BILLING_KEY", "billingKey": key}
    failed = control.open_billing_window(**KEY_WINDOW)["billingKey"]
    answer = press(browser, "billing-key", failed, action="fail")
    assert (answer["billingKey"], answer["pgCode"]) == ("", "PAY_PROCESS_CANCELED")
    payment = {"paymentId": "both000001", "orderName": "o", "totalAmount": 1000, "currency": "KRW"}
    both = control.open_billing_window(**KEY_WINDOW | {"channelKey": "channel-key-manual"}, payment=payment)
    answer = press(browser, "billing-key", both["billingKey"], action="issue")
    assert (answer["billingKey"], answer["txId"]) == ("NEEDS_CONFIRMATION", "NEEDS_CONFIRMATION")
    assert answer["billingIssueToken"]


def test_identity_buttons(browser: httpx.Client, control: SimulatorControl) -> None:
    opened = control.open_identity_window(**IDENTITY)
    answer = press(browser, "identity", "iv%2F1", action="complete", person={"name": "Kim"})
    assert answer == opened
    control.open_identity_window(**IDENTITY | {"identityVerificationId": "iv2"})
    assert press(browser, "identity", "iv2", action="fail")["code"] == "FAILURE_TYPE_PG"
