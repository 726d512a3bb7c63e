"""Decides what customers do: pay, refund, save cards, schedule, approve by hand; one coroutine per way to shop."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from sandbox.chaos import wishes
from sandbox.chaos.scenarios import MANUAL_CHANNEL
from sandbox.portone.control_client import SimulatorRefused
from sandbox.stack.services import BILLING_CHANNEL, STORE_ID

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable

    from sandbox.chaos.arena import Arena
    from sandbox.chaos.doors import Doors
    from sandbox.chaos.people import Person

TOTAL: Final = 10_000
# What the shop may hear when the console was quicker.
_OVERTAKEN: Final = ("BALANCE_CHANGED", "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT", "PAYMENT_NOT_CANCELLABLE")
# Before and after a run has come to rest; sooner, a request that was long in coming would be refused for being late.
_SOON, _LATER = 3_000.0, 2 * 86_400.0


class Journeys:
    """All ways to shop, sharing doors and dice."""

    def __init__(self, arena: Arena, doors: Doors, admin_token: str, dice: random.Random) -> None:
        self._portone = arena.portone
        self._moment_in = arena.moment_in
        self._doors = doors
        self._admin = admin_token
        self._dice = dice
        self.issued: list[str] = []

    def any(self) -> Callable[[Person], Awaitable[None]]:
        """Return one of the ways."""
        return self._dice.choice(
            [
                self.by_card,
                self.by_card,
                self.by_card_and_gone,
                self.by_account,
                self.by_saved_card,
                self.by_hand,
            ]
        )

    async def by_card(self, person: Person) -> None:
        """Pay in the window; refunds from two sides, and sometimes the console in between."""
        order_id, mark = person.orders[0]
        payment_id = await self._window(person, order_id, mark, "CARD")
        await asyncio.to_thread(self._portone.approve, payment_id)
        await self._doors.done(person.token, wishes.complete(mark, payment_id))
        await self._refunds(payment_id, mark, console=self._dice.random() < 0.3)

    async def by_card_and_gone(self, person: Person) -> None:
        """Pay in the window and close the browser: nobody says that it is done, only PortOne's webhook or its list."""
        order_id, mark = person.orders[0]
        payment_id = await self._window(person, order_id, mark, "CARD")
        await asyncio.to_thread(self._portone.approve, payment_id)
        if self._dice.random() < 0.3:
            await self._console(payment_id)

    async def by_account(self, person: Person) -> None:
        """Get a virtual account; close it unpaid, or pay in and have it refunded to a bank account."""
        order_id, mark = person.orders[0]
        payment_id = await self._window(person, order_id, mark, "VIRTUAL_ACCOUNT")
        issued = await asyncio.to_thread(self._portone.issue_virtual_account, payment_id)
        self.issued.append(issued["method"]["accountNumber"])
        await self._doors.done(person.token, wishes.complete(mark, payment_id))
        if self._dice.random() < 0.4:
            await self._doors.ended(person.token, wishes.close(mark, payment_id))
            return
        await asyncio.to_thread(self._portone.deposit, payment_id)
        await self._doors.done(person.token, wishes.complete(mark, payment_id))
        await self._refunds(payment_id, mark, account=person.refund_account())

    async def by_saved_card(self, person: Person) -> None:
        """Save a card, charge it now and later, take the later one back or not, delete the card or not."""
        issue = await self._doors.call(person.token, "request_billing_key_issue", {"consent": True})
        opened = await asyncio.to_thread(
            lambda: self._portone.open_billing_window(
                storeId=STORE_ID, channelKey=BILLING_CHANNEL, billingKeyMethod="CARD", issueId=issue["issueId"],
                issueName=issue["issueName"], customer={"customerId": issue["customerId"]},
            )
        )  # fmt: skip
        key = opened["billingKey"]
        self.issued.append(key)
        await asyncio.to_thread(self._portone.issue_billing_key, key)
        saved = await self._doors.done(person.token, wishes.register(issue["issueId"], key, issue["issueId"]))
        card = saved["billingKeyId"]
        (order_id, mark), (later_id, later), _ = person.orders
        paid = await self._doors.done(person.token, wishes.charge(mark, order_id, card))
        await self._refunds(paid["paymentId"], mark)
        at = await asyncio.to_thread(self._moment_in, self._dice.choice([_SOON, _LATER]))
        made = await self._doors.done(person.token, wishes.schedule(later, later_id, card, at))
        if self._dice.random() < 0.5:
            may_fail = ("PAYMENT_SCHEDULE_ALREADY_PROCESSED", "SCHEDULE_IS_OVER")
            await self._doors.ended(person.token, wishes.revoke(later, made["scheduleId"], may_fail))
        if self._dice.random() < 0.4:
            await self._doors.ended(person.token, wishes.delete(issue["issueId"], card))

    async def by_hand(self, person: Person) -> None:
        """Pay where the shop approves by hand."""
        order_id, mark = person.orders[0]
        window = await self._doors.done(person.token, wishes.pay(mark, order_id, "CARD"))
        payment_id = window["paymentId"]
        opened = await self._open(window, person, channelKey=MANUAL_CHANNEL)
        await asyncio.to_thread(self._portone.approve, payment_id)
        token = await asyncio.to_thread(self._portone.payment_token, payment_id)
        self.issued.append(str(token))
        wish = wishes.confirm(mark, payment_id, str(token), opened["txId"])
        await self._doors.done(person.token, wish)
        await self._refunds(payment_id, mark)

    async def _window(self, person: Person, order_id: str, mark: str, method: str) -> str:
        window = await self._doors.done(person.token, wishes.pay(mark, order_id, method))
        await self._open(window, person)
        payment_id: str = window["paymentId"]
        return payment_id

    async def _open(self, window: dict[str, Any], person: Person, **changes: Any) -> dict[str, Any]:
        asked = {**window, "customer": person.customer(), **changes}
        opened = await asyncio.to_thread(lambda: self._portone.open_window(**asked))
        if "code" in opened:
            raise AssertionError(f"PortOne refused the window of {window['paymentId']}: {opened['code']}")
        return opened

    async def _refunds(
        self, payment_id: str, mark: str, *, console: bool = False, account: dict[str, str] | None = None
    ) -> None:
        amounts = self._dice.sample([1_000, 1_500, 2_000, 2_500], self._dice.randint(1, 3))
        may_fail = _OVERTAKEN if console else ()
        asked = [
            self._doors.ended(
                self._admin,
                wishes.refund(f"refund {number} of {mark}", payment_id, amount, account, may_fail),
            )
            for number, amount in enumerate(amounts, 1)
        ]
        if console:
            asked.append(self._console(payment_id))
        for answer in await asyncio.gather(*asked, return_exceptions=True):
            if isinstance(answer, BaseException):
                raise answer

    async def _console(self, payment_id: str) -> None:
        """Somebody cancels half of it in PortOne's console meanwhile."""
        await asyncio.sleep(self._dice.uniform(0, 0.5))
        with suppress(SimulatorRefused):  # the shop's refunds left less than that
            await asyncio.to_thread(
                lambda: self._portone.console_cancel(payment_id, amount=TOTAL // 2, reason="by the console")
            )
