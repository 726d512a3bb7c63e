"""Decides what the control API under ``/_sim`` offers, and how its refusals look.

Not PortOne's: it plays the buyer, the PG, the console, the clock and the network. JSON in, JSON out; a refusal is
``{"type": "SIM_…", "message": "field: fix"}`` or, where PortOne itself refuses, PortOne's own error body.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from .chaos import ChaosRates
from .clock import nanos_text
from .control_billing import BillingControls
from .control_channels import ChannelControls
from .control_identity import IdentityControls
from .control_inputs import ChaosInput, ClockInput, FaultInput
from .control_payments import PaymentControls
from .control_stores import StoreControls
from .control_webhooks import WebhookControls
from .errors import ControlError, PortOneError
from .faults import Fault
from .hosted import HostedPages
from .inputs import read_control, read_object
from .state import export_state, import_state, summary

if TYPE_CHECKING:
    from starlette.requests import Request

    from .simulator import Simulator


class GeneralControls:
    """Clock, faults, request log, state and reset."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    async def clock(self, request: Request) -> Response:
        """GET: ``{now}``. POST ``{advance_seconds}``: move forward, making every re-send due on the way; ``{now}``."""
        if request.method == "POST":
            body = read_control(ClockInput, await request.body())
            await self._simulator.advance(body.advance_seconds)
        return JSONResponse({"now": nanos_text(self._simulator.clock.now())})

    async def faults(self, request: Request) -> Response:
        """GET: faults to come. POST ``{method?, path, kind, times?, …}``: add one. DELETE: forget all.

        ``path`` is a glob over the decoded path, in which ``*`` also matches slashes. Kinds: reset_before; status
        {status, body, headers}; delay {seconds}; pg_provider {pgCode, pgMessage}; cancellation_failed (cancel only:
        200 with a FAILED entry); drop_reply_after_commit; html_500_after_commit; delay_after_commit {seconds}.
        """
        faults = self._simulator.faults
        if request.method == "DELETE":
            faults.clear()
        elif request.method == "POST":
            body = read_control(FaultInput, await request.body())
            text = body.body if body.body is None or isinstance(body.body, str) else json.dumps(body.body)
            faults.add(
                Fault(
                    method=body.method.upper(),
                    path=body.path,
                    kind=body.kind,
                    times=body.times,
                    seconds=body.seconds,
                    status=body.status,
                    body=text,
                    headers=body.headers,
                    pg_code=body.pgCode,
                    pg_message=body.pgMessage,
                )
            )
        return JSONResponse({"faults": [fault.as_dict() for fault in faults.pending]})

    async def requests(self, request: Request) -> Response:
        """GET ?path=&method=: the PortOne calls received, oldest first (the newest 5,000 are kept).

        ``body`` and ``idempotency_key`` are the exact texts received, quotes included; ``status`` null = no reply.
        """
        path, method = request.query_params.get("path"), request.query_params.get("method")
        rows = [
            entry.body()
            for entry in self._simulator.requests
            if path in (None, entry.path) and method in (None, entry.method)
        ]
        return JSONResponse(rows)

    async def chaos(self, request: Request) -> Response:
        """GET, POST ``{fields?, enums?, variants?, statuses?, seed?}`` (rates 0 to 1) or DELETE: unknown things in replies.

        ``changed`` counts what was disturbed since the last POST.
        """
        chaos = self._simulator.chaos
        if request.method == "DELETE":
            chaos.off()
        elif request.method == "POST":
            chaos.set(ChaosRates(**read_control(ChaosInput, await request.body()).model_dump()))
        return JSONResponse({**asdict(chaos.rates), "changed": chaos.changed})

    async def state(self, request: Request) -> Response:
        """GET: a summary, and ``export``, everything there is. PUT ``{export}``: become that state; the summary.

        An export holds no API secrets and no request log; time never runs back.
        """
        if request.method == "PUT":
            await import_state(self._simulator, read_object(await request.body()).get("export"))
        return JSONResponse({**summary(self._simulator), "export": export_state(self._simulator)})

    async def assumptions(self, request: Request) -> Response:
        """GET: every undocumented point with value and source. POST ``{name: value}``: change some."""
        if request.method == "POST":
            changes = read_object(await request.body())
            try:
                self._simulator.rules.update(changes)
            except ValueError as failure:
                raise ControlError(422, "SIM_INVALID_INPUT", str(failure)) from failure
            for store in self._simulator.stores.values():
                for payment in store.ledger.in_order:
                    payment.rendered = None
        return JSONResponse(self._simulator.rules.as_dict())

    async def reset(self, _: Request) -> Response:
        """POST: forget everything, back to the start configuration and real time."""
        await self._simulator.reset()
        return JSONResponse({})


def control_app(simulator: Simulator) -> Starlette:
    """Return the control API of one simulator."""
    general = GeneralControls(simulator)
    payments = PaymentControls(simulator)
    webhooks = WebhookControls(simulator)
    billing = BillingControls(simulator)
    identity = IdentityControls(simulator)
    routes = [
        Route("/clock", general.clock, methods=["GET", "POST"]),
        Route("/faults", general.faults, methods=["GET", "POST", "DELETE"]),
        Route("/requests", general.requests, methods=["GET"]),
        Route("/state", general.state, methods=["GET", "PUT"]),
        Route("/chaos", general.chaos, methods=["GET", "POST", "DELETE"]),
        Route("/assumptions", general.assumptions, methods=["GET", "POST"]),
        Route("/reset", general.reset, methods=["POST"]),
        *payments.routes(),
        *webhooks.routes(),
        *billing.routes(),
        *identity.routes(),
        *ChannelControls(simulator).routes(),
        *StoreControls(simulator).routes(),
        *HostedPages(simulator).routes(),
    ]
    return Starlette(
        routes=[Mount("/_sim", routes=routes)],
        exception_handlers={ControlError: _refused, PortOneError: _refused_by_portone},
    )


async def _refused(_: Request, failure: Exception) -> Response:
    if not isinstance(failure, ControlError):
        raise failure
    return JSONResponse(failure.payload, failure.status)


async def _refused_by_portone(_: Request, failure: Exception) -> Response:
    if not isinstance(failure, PortOneError):
        raise failure
    return Response(failure.body(), failure.status, media_type="application/json")
