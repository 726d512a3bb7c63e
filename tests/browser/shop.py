"""Decides how a test shops: by the form, and by the buttons of the simulator's windows."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

_numbers = itertools.count(1)


class ShopPage:
    """The checkout example in a page."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.email = f"buyer-{next(_numbers)}-{time.time_ns()}@example.com"

    def sign_up(self) -> None:
        """Become a customer."""
        self.page.goto(self.url)
        self.page.fill("[name=email]", self.email)
        self.page.fill("[name=password]", "a-long-password")
        self.page.click("button[value=up]")
        self.page.wait_for_selector("#products label")
        self.page.wait_for_selector("#pay:enabled")

    def order(self, product: str, method: str, quantity: int = 1) -> None:
        """Choose and press the button; a window opens unless a saved card pays."""
        self.page.check(f"[name=product][value={product}]")
        self.page.fill("[name=quantity]", str(quantity))
        self.page.locator("#methods label", has_text=method).locator("input").check()
        self.page.click("#pay")

    def press(self, button: str = "accept") -> None:
        """Press a button of the window: accept, decline or close."""
        self.page.frame_locator("iframe").locator(f"#{button}").click()
        self.page.wait_for_selector("iframe", state="detached")

    def wait_for(self, status: str) -> str:
        """Wait until the result says so; return its words."""
        self.page.wait_for_selector(f"#result[data-status={status}]")
        return self.page.inner_text("#result")

    def idle(self) -> None:
        """Wait until the buttons can be pressed again."""
        self.page.wait_for_selector("#pay:enabled")
