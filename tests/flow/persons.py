"""Decides how flow tests play a person who is verified: their data, their phone, their address."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.demo.shopper import Reply, Shopper
    from sandbox.demo.world import World

NAME = "남궁민수"
PHONE = "01098761234"
RESIDENT_DIGITS = "9203151"
SENT = {
    "name": NAME,
    "phone_number": PHONE,
    "identity_number": RESIDENT_DIGITS,
    "operator": "KT_MVNO",
    "method": "SMS",
}
WITHOUT_CI = "channel-key-danal-test"

_addresses = (f"198.51.{block}.{host}" for block, host in itertools.product(range(100, 200), range(1, 255)))


class Caller:
    """Somebody at an address of their own, as the proxy in front of the worker tells it."""

    def __init__(self, shopper: Shopper) -> None:
        self.shopper = shopper
        self.address = next(_addresses)

    def post(self, path: str, json: Any = None) -> Reply:
        """POST from this address."""
        return self.shopper.post(path, json, headers={"x-forwarded-for": self.address})

    def begin(self, purpose: str = "signup") -> dict[str, Any]:
        """Begin a check; what the browser opens the identity window with."""
        begun = self.post("/identity-verifications", {"purpose": purpose, "consent": True})
        if begun.status != 200:
            raise AssertionError(f"no identity check: HTTP {begun.status} {begun.body}")
        check: dict[str, Any] = begun.body
        return check

    def step(self, check: dict[str, Any], name: str, json: Any = None) -> Reply:
        """Send, resend, confirm or complete."""
        return self.post(f"/identity-verifications/{check['id']}/{name}", json)

    def row(self, check: dict[str, Any]) -> dict[str, Any]:
        """Return the check as its owner's app reads it."""
        (row,) = self.shopper.select("identity_verifications", id=f"eq.{check['id']}")
        return row


def open_window(world: World, check: dict[str, Any], **changes: Any) -> str:
    """Open the identity window as the browser SDK does; PortOne's id of the check."""
    window = {name: check[name] for name in ("storeId", "channelKey", "identityVerificationId")}
    opened = world.portone.open_identity_window(**{**window, **changes})
    if "code" in opened:
        raise AssertionError(f"PortOne refused the identity window: {opened['code']}, {opened['message']}")
    named: str = check["identityVerificationId"]
    return named


def otp(world: World, check: dict[str, Any]) -> str:
    """Return the code the person reads in the message."""
    code: str = world.portone.identity(check["identityVerificationId"])["_sim"]["otp"]
    return code
