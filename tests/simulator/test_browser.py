"""A real browser is driven through sdk.js and the windows; skipped where no Chromium is installed."""

from __future__ import annotations

import http.server
import json
import re
import shutil
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import pytest

from .test_js_sdk import run_script
from .walk import STORE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.portone.control_client import SimulatorControl
    from sandbox.portone.server import RunningSimulator

SHOP = """<!doctype html><meta charset="utf-8"><title>Shop</title><p id="result"></p>
<script src="%(sdk)s"></script>
<script>
const show = (value) => { document.getElementById("result").textContent = JSON.stringify(value); };
const back = Object.fromEntries(new URLSearchParams(location.search));
if (back.transactionType) show(back);
else PortOne.%(call)s(%(request)s).then(show, (error) => show({ rejected: error.code, message: error.message }));
</script>"""
PAYMENT = {
    "storeId": STORE,
    "channelKey": "channel-key-card",
    "orderName": "커피 2잔",
    "totalAmount": 9000,
    "currency": "KRW",
    "payMethod": "CARD",
    "locale": "KO_KR",
}
BILLING = {"storeId": STORE, "channelKey": "channel-key-card", "billingKeyMethod": "CARD"}
IDENTITY = {"storeId": STORE, "channelKey": "channel-key-danal-ci", "locale": "EN_US"}


class Shop:
    """A page of another origin than the simulator's."""

    def __init__(self, sdk: str) -> None:
        self._sdk = sdk
        self.page = b""
        shop = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("content-type", "text/html; charset=utf-8")
                self.send_header("content-length", str(len(shop.page)))
                self.end_headers()
                self.wfile.write(shop.page)

            def log_message(self, format: str, *args: Any) -> None:
                """Stay silent."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def sell(self, call: str, request: dict[str, Any]) -> None:
        """Show a page that makes one call of the SDK."""
        fields = {"sdk": self._sdk, "call": call, "request": json.dumps(request)}
        self.page = (SHOP % fields).encode()

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@pytest.fixture(scope="module")
def debug(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a headless Chromium's DevTools."""
    binary = shutil.which("chromium") or shutil.which("google-chrome")
    if binary is None:
        pytest.skip("no Chromium is installed")
    profile: Path = tmp_path_factory.mktemp("chromium")
    options = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--remote-debugging-port=0",
        "--no-first-run",
        # The shop of these tests opens its window without a click.
        "--disable-popup-blocking",
    ]
    with subprocess.Popen(
        [binary, *options, f"--user-data-dir={profile}"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stderr is not None
        found = next(filter(None, (re.search(r"ws://([\d.:]+)/", line) for line in process.stderr)), None)
        # Whatever else it says must not fill the pipe.
        drain = threading.Thread(target=process.stderr.read, daemon=True)
        drain.start()
        try:
            assert found is not None, "Chromium did not start"
            yield f"http://{found[1]}"
        finally:
            process.terminate()
            process.wait(10)
            drain.join(5)


@pytest.fixture
def shop(running: RunningSimulator, control: SimulatorControl) -> Iterator[Shop]:
    """Return a shop that loads the simulator's sdk.js."""
    made = Shop(running.control_url + "/sdk.js")
    yield made
    made.close()


def drive(debug: str, shop: Shop, button: str = "accept", **fill: str) -> Any:
    """Open the shop, press a button of the window that appears, return what the shop was told."""
    return run_script("browser.mjs", {"debug": debug, "page": shop.url, "button": button, "fill": fill})


def drive_popup(debug: str, shop: Shop, button: str = "accept", *, leave: bool = False) -> Any:
    """Do the same where the window is a popup; ``leave`` closes it by its frame."""
    given = {"debug": debug, "page": shop.url, "button": button, "popup": True, "leave": leave}
    outcome = run_script("browser.mjs", given)
    assert outcome["popups"] == "closed"
    return outcome["result"]


def test_a_payment_in_the_overlay(debug: str, shop: Shop, control: SimulatorControl) -> None:
    shop.sell("requestPayment", PAYMENT | {"paymentId": "browser001"})
    answer = drive(debug, shop)["result"]
    payment = control.payment("browser001")
    assert payment["status"] == "PAID"
    assert payment["origin"]["url"] == shop.url
    assert answer == {
        "transactionType": "PAYMENT",
        "paymentId": "browser001",
        "txId": payment["transactionId"],
    }


def test_a_closed_window(debug: str, shop: Shop, control: SimulatorControl) -> None:
    shop.sell("requestPayment", PAYMENT | {"paymentId": "browser001"})
    answer = drive(debug, shop, "close")["result"]
    assert (answer["code"], answer["pgCode"]) == ("FAILURE_TYPE_PG", "PAY_PROCESS_CANCELED")
    assert control.payment("browser001")["status"] == "FAILED"


def test_a_redirect(debug: str, shop: Shop, control: SimulatorControl) -> None:
    window = {"windowType": {"pc": "REDIRECTION"}, "redirectUrl": shop.url + "done"}
    shop.sell("requestPayment", PAYMENT | {"paymentId": "browser001"} | window)
    outcome = drive(debug, shop)
    assert outcome["url"].startswith(shop.url + "done?")
    assert outcome["result"]["paymentId"] == "browser001"
    assert control.payment("browser001")["status"] == "PAID"


POPUP = {"windowType": {"pc": "POPUP"}}


def test_a_payment_in_a_popup(debug: str, shop: Shop, control: SimulatorControl) -> None:
    shop.sell("requestPayment", PAYMENT | POPUP | {"paymentId": "browser001"})
    answer = drive_popup(debug, shop)
    payment = control.payment("browser001")
    assert (payment["status"], answer["txId"]) == ("PAID", payment["transactionId"])
    assert "code" not in answer


def test_a_popup_closed_by_its_frame_leaves_the_payment_ready_for_good(
    debug: str, shop: Shop, control: SimulatorControl
) -> None:
    shop.sell("requestPayment", PAYMENT | POPUP | {"paymentId": "browser001"})
    answer = drive_popup(debug, shop, leave=True)
    assert (answer["code"], answer["paymentId"]) == ("FAILURE_TYPE_PG", "browser001")
    assert control.payment("browser001")["status"] == "READY"


def test_billing_keys_and_identities_in_popups(debug: str, shop: Shop, control: SimulatorControl) -> None:
    # NaverPay has only a popup on a PC, so nobody has to ask for one.
    naver = {"channelKey": "channel-key-naverpay", "billingKeyMethod": "EASY_PAY"}
    shop.sell("requestIssueBillingKey", {**BILLING, **naver, "issueId": "iss-1", "issueName": "멤버십"})
    answer = drive_popup(debug, shop)
    assert control.billing_key(answer["billingKey"])["status"] == "ISSUED"
    shop.sell("requestIdentityVerification", IDENTITY | POPUP | {"identityVerificationId": "iv1"})
    assert "code" not in drive_popup(debug, shop)
    assert control.identity("iv1")["status"] == "VERIFIED"


def test_a_key_issued_together_with_a_payment(debug: str, shop: Shop, control: SimulatorControl) -> None:
    payment = {name: PAYMENT[name] for name in ("orderName", "totalAmount", "currency")}
    shop.sell("requestIssueBillingKeyAndPay", {**BILLING, **payment, "paymentId": "browser001"})
    answer = drive(debug, shop)["result"]
    assert answer["transactionType"] == "ISSUE_BILLING_KEY_AND_PAY"
    assert control.payment("browser001")["billingKey"] == answer["billingKey"]
    assert control.payment("browser001")["status"] == "PAID"


def test_a_billing_key(debug: str, shop: Shop, control: SimulatorControl) -> None:
    shop.sell("requestIssueBillingKey", BILLING | {"issueId": "iss-1"})
    answer = drive(debug, shop, number="5409-2600-0000-1234")["result"]
    key = control.billing_key(answer["billingKey"])
    assert (key["status"], key["issueId"]) == ("ISSUED", "iss-1")
    assert key["methods"][0]["card"]["number"] == "540926******1234"


def test_an_identity(debug: str, shop: Shop, control: SimulatorControl) -> None:
    shop.sell("requestIdentityVerification", IDENTITY | {"identityVerificationId": "iv1"})
    answer = drive(debug, shop, name="Kim", birthDate="2000-02-29", operator="KT_MVNO")["result"]
    assert answer["transactionType"] == "IDENTITY_VERIFICATION"
    person = control.identity("iv1")["verifiedCustomer"]
    assert (person["name"], person["birthDate"], person["operator"]) == ("Kim", "2000-02-29", "KT_MVNO")
