"""Decides how a test plays the buyer's billing-key window, the PG behind a key, and the time of schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .billing import KeyRequest
from .browser_routes import browser_route, window_reply
from .clock import SECOND
from .control_inputs_more import (
    CardInput,
    DeclineInput,
    FailKeyInput,
    KeyWindowInput,
)
from .errors import ControlError
from .inputs import read_control
from .methods import masked_card
from .pg_rules import key_window_refusal
from .views_extra import billing_key_body, schedule_body
from .windows import custom_text, open_window, order_of_window, pg_code, rest_customer

if TYPE_CHECKING:
    from starlette.requests import Request

    from .billing import BillingKey
    from .simulator import Simulator
    from .store import Store


class BillingControls:
    """Routes that move billing keys and schedules; each billing-key route returns the key with its inner state."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def routes(self) -> list[Route]:
        """Return the routes of this group."""
        actions = {
            "issue": self.issue,
            "fail": self.fail,
            "update": self.update,
            "decline": self.decline,
            "console-delete": self.console_delete,
        }
        return [
            browser_route("/billing-windows", self.window),
            Route("/billing-keys", self.keys, methods=["GET"]),
            Route("/billing-keys/{key}", self.get, methods=["GET"]),
            *(Route(f"/billing-keys/{{key}}/{name}", act, methods=["POST"]) for name, act in actions.items()),
            Route("/schedules", self.schedules, methods=["GET"]),
            Route("/schedules/{schedule_id}/run", self.run, methods=["POST"]),
        ]

    async def window(self, request: Request) -> Response:
        """POST /billing-windows: the browser SDK's requestIssueBillingKey; with ``payment`` …IssueBillingKeyAndPay.

        ``{transactionType, billingKey, …}`` (the key is READY, BillingKey.Ready) or ``{code, message, …}``.
        """
        body = read_control(KeyWindowInput, await request.body())
        return window_reply(self._simulator, body, open_key_window(self._simulator.stores, body))

    async def keys(self, request: Request) -> Response:
        """GET ?storeId=: all keys, also those PortOne does not show, in order of creation."""
        store = self._simulator.store(request.query_params.get("storeId"))
        return JSONResponse([key_body(store, entry) for entry in store.vault.keys.values()])

    async def get(self, request: Request) -> Response:
        """GET /billing-keys/{key}: the key and its inner state."""
        return JSONResponse(key_body(*self._key(request)))

    async def issue(self, request: Request) -> Response:
        """POST …/issue ``{number?, issuer?, …}``: the buyer finished; BillingKey.Issued, or a token to confirm."""
        body = read_control(CardInput, await request.body())
        store, entry = self._key(request)
        finish_key_window(store, entry, card_of(body))
        return JSONResponse(key_body(store, entry))

    async def fail(self, request: Request) -> Response:
        """POST …/fail ``{pgCode?, pgMessage?}``: the PG refused or the buyer left; BillingKey.Failed."""
        body = read_control(FailKeyInput, await request.body())
        store, entry = self._key(request)
        fail_key_window(store, entry, body.pgCode, body.pgMessage)
        return JSONResponse(key_body(store, entry))

    async def update(self, request: Request) -> Response:
        """POST …/update ``{number?, issuer?, …}``: another card behind the same key; BillingKey.Updated."""
        body = read_control(CardInput, await request.body())
        store, entry = self._key(request)
        store.vault.update(entry, card_of(body))
        return JSONResponse(key_body(store, entry))

    async def decline(self, request: Request) -> Response:
        """POST …/decline ``{pgCode?, pgMessage?, times?}``: the next charges of this key are refused."""
        body = read_control(DeclineInput, await request.body())
        store, entry = self._key(request)
        entry.refusals.extend([(body.pgCode, body.pgMessage)] * body.times)
        return JSONResponse(key_body(store, entry))

    async def console_delete(self, request: Request) -> Response:
        """POST …/console-delete: a person or the PG deletes the key; BillingKey.Deleted."""
        store, entry = self._key(request)
        if entry.status != "ISSUED":
            raise ControlError(409, "SIM_INVALID_STATE", f"console-delete: the billing key is {entry.status}")
        store.vault.delete(entry)
        return JSONResponse(key_body(store, entry))

    async def schedules(self, request: Request) -> Response:
        """GET ?storeId=: all schedules, in order of creation."""
        store = self._simulator.store(request.query_params.get("storeId"))
        return JSONResponse([schedule_body(store, one) for one in store.planner.schedules.values()])

    async def run(self, request: Request) -> Response:
        """POST /schedules/{id}/run: move the clock to the schedule's time, so that it (and all before it) runs."""
        schedule_id = request.path_params["schedule_id"]
        for store in self._simulator.stores.values():
            schedule = store.planner.schedules.get(schedule_id)
            if schedule is not None:
                wait = max(0, schedule.time_to_pay - self._simulator.clock.now()) / SECOND
                await self._simulator.advance(wait + 0.001)
                return JSONResponse(schedule_body(store, schedule))
        raise ControlError(404, "SIM_NO_SUCH_SCHEDULE", "id: not a schedule of GET /_sim/schedules")

    def _key(self, request: Request) -> tuple[Store, BillingKey]:
        return key_of(self._simulator, request.path_params["key"])


def key_of(simulator: Simulator, key: str) -> tuple[Store, BillingKey]:
    """Return a billing key and its store; raises ControlError."""
    for store in simulator.stores.values():
        if key in store.vault.keys:
            return store, store.vault.keys[key]
    raise ControlError(404, "SIM_NO_SUCH_BILLING_KEY", f"billingKey: {key} is unknown")


def open_key_window(stores: dict[str, Store], body: KeyWindowInput) -> dict[str, Any]:
    """Open the billing-key window, or return the SDK's refusal."""
    type_ = "ISSUE_BILLING_KEY" if body.payment is None else "ISSUE_BILLING_KEY_AND_PAY"
    refused = {"transactionType": type_, "billingKey": ""}
    store = stores.get(body.storeId)
    if store is None:
        return {**refused, "code": "StoreNotFound", "message": f"storeId: {body.storeId} is not a store here"}
    channel = store.channels.get(body.channelKey)
    if channel is None:
        return {**refused, "code": "ChannelNotFound", "message": f"channelKey: {body.channelKey} is unknown"}
    request = KeyRequest(
        body.billingKeyMethod,
        rest_customer(body.customer),
        body.issueId,
        body.issueName,
        custom_text(body.customData),
        tuple(body.noticeUrls),
    )
    problem = key_window_refusal(
        channel, request, body.userAgent, body.windowType, with_payment=body.payment is not None
    )
    if problem is None and store.vault.issue_id_used(channel, body.issueId):
        problem = f"issueId: {body.issueId} was used before; {channel.pg_provider} takes each once"
    if problem is not None:
        return {**refused, **pg_code("INVALID_REQUEST", problem)}
    if body.payment is None:
        entry = store.vault.open([channel], request)
        return {"transactionType": type_, "billingKey": entry.key}
    window = body.payment_window()
    opened = open_window(stores, window)
    if "code" in opened:
        return {**refused, **opened, "transactionType": type_}
    entry = store.vault.open([channel], request)
    entry.payment_id = window.paymentId
    attempt = store.ledger.find(window.paymentId).shown
    attempt.order = order_of_window(window, channel, store.clock.now(), entry.key)
    return {
        "transactionType": type_,
        "billingKey": entry.key,
        "paymentId": window.paymentId,
        "txId": opened["txId"],
    }


def finish_key_window(store: Store, entry: BillingKey, card: dict[str, Any] | None) -> None:
    """The buyer agreed: issue the key (and pay, if the window was for both), or hand out the token to confirm."""
    store.vault.authenticate(entry, card)
    if entry.payment_id is not None and entry.status == "ISSUED":
        payment = store.ledger.find(entry.payment_id)
        store.ledger.confirmed(payment, payment.shown, skip_webhook=False)


def fail_key_window(store: Store, entry: BillingKey, code: str, message: str) -> None:
    """The buyer left or the PG refused: neither key nor payment."""
    store.vault.fail(entry, code, message)
    if entry.payment_id is not None:
        payment = store.ledger.find(entry.payment_id)
        store.ledger.fail(payment, payment.shown, code, message)


def card_of(body: CardInput) -> dict[str, Any]:
    """Return the masked card a test describes."""
    given = body.model_dump(exclude_none=True, exclude={"number"})
    return {**masked_card(body.number), **given}


def key_body(store: Store, entry: BillingKey) -> dict[str, Any]:
    """Return the key as GET would show it, with its inner state, whatever its status."""
    inner = {
        "billingIssueToken": entry.token if entry.status == "NEEDS_CONFIRMATION" else None,
        "paymentId": entry.payment_id,
        "failure": None
        if entry.failure is None
        else dict(zip(("pgCode", "pgMessage"), entry.failure, strict=True)),
        "declines": len(entry.refusals),
    }
    return billing_key_body(store, entry) | {"_sim": inner}
