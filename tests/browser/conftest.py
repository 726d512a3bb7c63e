"""Decides what browser tests share: one stack with shop and admin, one Chromium, pages that must not complain."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from sandbox.portone.control_client import SimulatorControl
from sandbox.stack.with_shop import StackWithShop
from tests.browser.console import Console
from tests.browser.people import Buyer, Server
from tests.browser.shop import ShopPage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
WAIT_MS = 30_000


@pytest.fixture(scope="session")
def chromium() -> str:
    """The system's Chromium."""
    binary = shutil.which("chromium") or shutil.which("google-chrome")
    if binary is None:
        pytest.skip("no Chromium is installed (on Debian: apt-get install chromium)")
    return binary


@pytest.fixture(scope="session")
def running(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackWithShop]:
    """Everything `make up` starts."""
    stack = StackWithShop(tmp_path_factory.mktemp("browser-stack"))
    stack.start()
    yield stack
    stack.stop()


@pytest.fixture(scope="session")
def browser(chromium: str, running: StackWithShop) -> Iterator[Browser]:
    """A Chromium with a profile of its own, made by Playwright and thrown away at the end."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def portone(running: StackWithShop) -> Iterator[SimulatorControl]:
    """The simulated PortOne; faults of a test do not reach the next one."""
    with SimulatorControl(running.stack.portone_control_url) as control:
        yield control
        control.clear_faults()


@pytest.fixture
def server(running: StackWithShop) -> Iterator[Server]:
    """What the shop's server and the operator at psql can do."""
    with Server(running) as made:
        yield made


@pytest.fixture
def buyer(running: StackWithShop, portone: SimulatorControl) -> Iterator[Buyer]:
    """A new customer who buys over HTTP, for tests that begin after the purchase."""
    with Buyer(running, portone) as made:
        yield made


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a page of its own; a script error or a breach of the policy fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def opened(**options: object) -> Page:
        context = browser.new_context(
            **{"locale": "ko-KR", "viewport": {"width": 1200, "height": 900}, **options}
        )  # type: ignore[arg-type]
        context.set_default_timeout(WAIT_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        # Refusals by HTTP are logged as errors too; they are what some tests are about.
        page.on(
            "console",
            lambda message: (
                complaints.append(message.text)
                if message.type == "error" and not message.text.startswith("Failed to load resource")
                else None
            ),
        )
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def console(running: StackWithShop, open_page: Callable[..., Page]) -> Console:
    """The console with its admin signed in."""
    made = Console(open_page(), running.console_url)
    assert running.admin is not None
    made.sign_in(running.admin.email, running.admin.password)
    made.page.wait_for_selector(".tiles")
    return made


@pytest.fixture
def shop(running: StackWithShop, open_page: Callable[..., Page]) -> ShopPage:
    """The checkout with a new customer signed up."""
    made = ShopPage(open_page(), running.shop_url)
    made.sign_up()
    return made
