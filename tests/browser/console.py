"""Decides how a test works with the console: as a person does, by what is written and by keyboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page


class Console:
    """The console in a page."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url

    def sign_in(self, email: str, password: str) -> None:
        """Fill in the form and send it."""
        self.page.goto(self.url)
        self.page.fill("[name=email]", email)
        self.page.fill("[name=password]", password)
        self.page.click("button.main")

    def go(self, *path: str) -> None:
        """Open one of the console's pages."""
        self.page.goto(f"{self.url}#/{'/'.join(path)}")
        self.page.wait_for_selector("main h1")

    def guard(self) -> str:
        """What may still be refunded, as it is shown."""
        return self.page.inner_text("#guard")

    def ask_refund(self, amount: str, reason: str) -> None:
        """Fill in the refund and look at it once more."""
        self.page.fill("[name=amount]", amount)
        self.page.fill(".refund [name=reason]", reason)
        self.page.click("#refund-review")

    def confirm(self) -> Locator:
        """Refund now; return the sentence about how it ended."""
        self.page.click("#refund-confirm")
        ended = self.page.locator("#refund-said:not(.wait)")
        ended.wait_for()
        return ended

    def give_reason(self, reason: str) -> None:
        """Answer the dialog and wait until it is gone."""
        self.page.fill("dialog [name=reason]", reason)
        self.page.click("dialog button.main")
        self.page.wait_for_selector("dialog", state="detached")
