"""Decides how a test plays the person, the carrier and Danal for one identity verification."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .browser_routes import browser_route
from .control_inputs_more import FailKeyInput, IdentityWindowInput, PersonInput
from .errors import ControlError
from .identity import age_limit_of
from .inputs import read_control
from .persons import IdentityRequest
from .views_extra import identity_body
from .windows import custom_text, pg_code, rest_customer

if TYPE_CHECKING:
    from starlette.requests import Request

    from .identity import Verification
    from .simulator import Simulator
    from .store import Store


class IdentityControls:
    """Routes about identity verifications; each returns the verification with its inner state."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def routes(self) -> list[Route]:
        """Return the routes of this group."""
        base = "/identity-verifications/{verification_id}"
        return [
            browser_route("/identity-windows", self.window),
            Route(base, self.get, methods=["GET"]),
            Route(base + "/complete", self.complete, methods=["POST"]),
            Route(base + "/fail", self.fail, methods=["POST"]),
            Route(base + "/approve-in-app", self.approve_in_app, methods=["POST"]),
        ]

    async def window(self, request: Request) -> Response:
        """POST /identity-windows: the browser SDK's requestIdentityVerification.

        ``{transactionType, identityVerificationId, identityVerificationTxId}`` (READY) or ``{code, message, …}``.
        """
        body = read_control(IdentityWindowInput, await request.body())
        return JSONResponse(open_identity_window(self._simulator.stores, body))

    async def get(self, request: Request) -> Response:
        """GET /identity-verifications/{id}: with ``_sim.otp``, which the person would read in the SMS."""
        return JSONResponse(entry_body(self._entry(request)[1]))

    async def complete(self, request: Request) -> Response:
        """POST …/complete ``{name?, phoneNumber?, operator?, birthDate?, gender?, isForeigner?, ci?, di?}``.

        The carrier found the person: VERIFIED; FAILED when the request locked someone else or the person is too young.
        """
        body = read_control(PersonInput, await request.body())
        store, entry = self._entry(request)
        store.identity.complete(entry, body.model_dump(exclude_none=True))
        return JSONResponse(entry_body(entry))

    async def fail(self, request: Request) -> Response:
        """POST …/fail ``{pgCode?, pgMessage?}``: the person left or the carrier refused: FAILED."""
        body = read_control(FailKeyInput, await request.body())
        store, entry = self._entry(request)
        store.identity.fail(entry, body.pgCode, body.pgMessage)
        return JSONResponse(entry_body(entry))

    async def approve_in_app(self, request: Request) -> Response:
        """POST …/approve-in-app: the person agreed in the PASS app; ``confirm`` succeeds from now on."""
        _, entry = self._entry(request)
        if entry.request.method != "APP" or entry.status != "READY":
            raise ControlError(409, "SIM_INVALID_STATE", "approve-in-app: send with method APP first")
        entry.approved_in_app = True
        return JSONResponse(entry_body(entry))

    def _entry(self, request: Request) -> tuple[Store, Verification]:
        return entry_of(self._simulator, request.path_params["verification_id"])


def entry_of(simulator: Simulator, verification_id: str) -> tuple[Store, Verification]:
    """Return an identity verification and its store; raises ControlError."""
    for store in simulator.stores.values():
        if verification_id in store.identity.entries:
            return store, store.identity.entries[verification_id]
    raise ControlError(404, "SIM_NO_SUCH_IDENTITY", f"identityVerificationId: {verification_id} is unknown")


def open_identity_window(stores: dict[str, Store], body: IdentityWindowInput) -> dict[str, Any]:
    """Open the identity window, or return the SDK's refusal."""
    answer: dict[str, Any] = {
        "transactionType": "IDENTITY_VERIFICATION",
        "identityVerificationId": body.identityVerificationId,
    }
    store = stores.get(body.storeId)
    if store is None:
        return {**answer, "code": "StoreNotFound", "message": f"storeId: {body.storeId} is not a store here"}
    channel = store.channels.get(body.channelKey)
    if channel is None or not channel.identity:
        return {**answer, "code": "ChannelNotFound", "message": f"channelKey: {body.channelKey} is unknown"}
    old = store.identity.entries.get(body.identityVerificationId)
    if old is not None and old.status == "VERIFIED":
        message = "identityVerificationId: is verified already; use a new one"
        return {**answer, "code": "IdentityVerificationAlreadyVerified", "message": message}
    if old is not None and old.tries >= store.rules.max_attempts:
        return {
            **answer,
            "code": "InvalidEntityState",
            "message": "identityVerificationId: was tried too often",
        }
    if store.identity.throttled(body.ipAddress):
        return {**answer, **pg_code("0086", "too many attempts from this address; try again later")}
    customer = {
        name: value
        for name, value in rest_customer(body.customer).items()
        if name in ("id", "name", "phoneNumber", "birthYear", "birthMonth", "birthDay")
    }
    request = IdentityRequest(customer, custom_text(body.customData), age_limit_of(body.bypass))
    entry = store.identity.start(body.identityVerificationId, channel, request)
    return {**answer, "identityVerificationTxId": entry.tx_id}


def entry_body(entry: Verification) -> dict[str, Any]:
    """Return the verification as GET would, with its inner state."""
    inner = {"otp": entry.otp, "tries": entry.tries, "txId": entry.tx_id, "method": entry.request.method}
    return identity_body(entry) | {"_sim": inner}
