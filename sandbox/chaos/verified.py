"""Decides how a made-up person is verified by SMS at PortOne, up to where only our reading it back is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from sandbox.stack.services import IDENTITY_CHANNEL, STORE_ID

if TYPE_CHECKING:
    from sandbox.chaos.arena import Arena
    from sandbox.demo.shopper import Shopper

_PERSON = {
    "name": "남궁카오스", "phone_number": "01087651234", "identity_number": "9203151", "operator": "KT_MVNO", "method": "SMS",
}  # fmt: skip


class Check(TypedDict):
    """Our id of a verification, and what no output may show of it."""

    id: str
    private: set[str]


def verified_at_portone(arena: Arena, customer: Shopper, address: str) -> Check:
    """Ask for a verification through the worker and answer the one-time code, from this address."""

    def post(path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        reply = customer.post(path, body, headers={"x-forwarded-for": address})
        if reply.status != 200:
            raise AssertionError(f"{path} was refused: HTTP {reply.status} {reply.code}")
        answer: dict[str, Any] = reply.body
        return answer

    check = post("/identity-verifications", {"purpose": "signup", "consent": True})
    named = check["identityVerificationId"]
    arena.portone.open_identity_window(
        storeId=STORE_ID, channelKey=IDENTITY_CHANNEL, identityVerificationId=named
    )
    post(f"/identity-verifications/{check['id']}/send", _PERSON)
    otp = arena.portone.identity(named)["_sim"]["otp"]
    post(f"/identity-verifications/{check['id']}/confirm", {"otp": otp})
    verified = arena.portone.identity(named)["verifiedCustomer"]
    found = {str(verified[name]) for name in ("name", "phoneNumber", "ci", "di") if verified.get(name)}
    # Seven digits of a resident number or six of a code are in any long log by chance: only as JSON values.
    found |= {f'"{otp}"', f'"{_PERSON["identity_number"]}"', _PERSON["name"], _PERSON["phone_number"]}
    return {"id": check["id"], "private": found}
