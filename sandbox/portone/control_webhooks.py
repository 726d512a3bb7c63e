"""Decides how a test holds, releases, repeats, forges and waits for webhooks."""

from __future__ import annotations

import asyncio
import base64
import binascii
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .clock import SECOND
from .control_inputs import CallTestInput, ReleaseInput, SendInput, SettingsInput, SettleInput
from .errors import ControlError
from .inputs import read_control
from .signature import signed_headers

if TYPE_CHECKING:
    from starlette.requests import Request

    from .channels import ChannelType
    from .messages import Delivery, Message
    from .simulator import Simulator


class WebhookControls:
    """Routes about messages and their delivery."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def routes(self) -> list[Route]:
        """Return the routes of this group."""
        return [
            Route("/webhooks", self.messages, methods=["GET"]),
            Route("/webhooks/settings", self.settings, methods=["GET", "POST"]),
            Route("/webhooks/release", self.release, methods=["POST"]),
            Route("/webhooks/send", self.send, methods=["POST"]),
            Route("/webhooks/test", self.call_test, methods=["POST"]),
            Route("/webhooks/settle", self.settle, methods=["POST"]),
            Route("/webhooks/{message_id}/redeliver", self.redeliver, methods=["POST"]),
        ]

    async def messages(self, request: Request) -> Response:
        """GET ?paymentId=&type=: all messages, oldest first, ``[{id, type, body, attempts, status, …}]``."""
        payment_id, type_ = request.query_params.get("paymentId"), request.query_params.get("type")
        rows = [
            message.control_body()
            for message in self._simulator.messages.values()
            if payment_id in (None, message.payment_id) and type_ in (None, message.type)
        ]
        return JSONResponse(rows)

    async def settings(self, request: Request) -> Response:
        """GET ?storeId=, or POST ``{urls?, secrets?, version?, contentType?, mode?, environment?, storeId?}``.

        The console's webhook page; without ``storeId`` the first store's.
        """
        settings = self._simulator.store(request.query_params.get("storeId")).announcer.settings
        if request.method == "POST":
            body = read_control(SettingsInput, await request.body())
            if body.storeId is not None:
                settings = self._simulator.store(body.storeId).announcer.settings
            for secret in body.secrets or ():
                _check_secret(secret)
            environments: tuple[ChannelType, ...] = (
                (body.environment,) if body.environment else ("TEST", "LIVE")
            )
            for environment in environments:
                if body.urls is not None:
                    settings.urls[environment] = tuple(body.urls)
                if body.secrets is not None:
                    settings.secrets[environment] = tuple(body.secrets)
                settings.versions[environment] = body.version or settings.versions[environment]
                settings.encodings[environment] = body.contentType or settings.encodings[environment]
            settings.mode = body.mode or settings.mode
        return JSONResponse(
            {
                "urls": settings.urls,
                "secrets": settings.secrets,
                "version": settings.versions["TEST"],
                "versions": settings.versions,
                "contentTypes": settings.encodings,
                "mode": settings.mode,
            }
        )

    async def release(self, request: Request) -> Response:
        """POST ``{order?, duplicate?, drop?, delay_seconds?}``: deliver what is held, one after the other.

        Returns ``{"delivered": [{id, type, status, body, error}], "dropped": n}`` in the order of delivery.
        """
        body = read_control(ReleaseInput, await request.body())
        await asyncio.sleep(body.delay_seconds)
        announcer = self._simulator.first.announcer
        held = sum(message.state == "held" for message in announcer.messages.values())
        delivered = await announcer.release(body.order, duplicate=body.duplicate, drop=body.drop)
        return JSONResponse(
            {
                "delivered": [_reply(message.id, message.type, delivery) for message, delivery in delivered],
                "dropped": min(held, body.drop),
            }
        )

    async def redeliver(self, request: Request) -> Response:
        """POST …/{id}/redeliver: the same id and body again, newly stamped and signed; the receiver's answer."""
        message: Message | None = self._simulator.messages.get(request.path_params["message_id"])
        if message is None:
            raise ControlError(404, "SIM_NO_SUCH_WEBHOOK", "id: not a message of GET /_sim/webhooks")
        delivery = await self._simulator.store(message.store_id).announcer.redeliver(message)
        return JSONResponse(_reply(message.id, message.type, delivery))

    async def send(self, request: Request) -> Response:
        """POST ``{type, data, id?, body?, secret?, timestamp?, headers?, url?}``: any message, forged ones included.

        Signed with the active secrets, or with ``secret``; ``headers`` override the final ones and null removes one.
        Not kept and never re-sent. Returns the receiver's ``{id, type, status, body, error}``.
        """
        body = read_control(SendInput, await request.body())
        simulator = self._simulator
        announcer = simulator.store(body.storeId).announcer
        settings = announcer.settings
        urls = (body.url,) if body.url else settings.urls[body.environment]
        if not urls:
            raise ControlError(409, "SIM_NO_WEBHOOK_URL", "url: give one here or in /_sim/webhooks/settings")
        if body.secret is not None:
            _check_secret(body.secret)
        raw, content_type = announcer.body(body.type, body.data, simulator.clock.now(), body.environment)
        if body.body is not None:
            raw = body.body.encode()
        message_id = body.id or simulator.ids.uuid7()
        stamp = simulator.clock.wall() // SECOND if body.timestamp is None else body.timestamp
        secrets = (body.secret,) if body.secret else settings.secrets[body.environment]
        headers = signed_headers(secrets, message_id, stamp, raw) | {"content-type": content_type}
        for name, value in body.headers.items():
            headers.pop(name.lower(), None)
            if value is not None:
                headers[name.lower()] = value
        delivery = await simulator.courier.post(urls[0], headers, raw)
        return JSONResponse(_reply(message_id, body.type, delivery))

    async def call_test(self, request: Request) -> Response:
        """POST ``{environment?, url?, version?, contentType?}``: the console's button "call test".

        PortOne documents no body; here a signed Transaction.Ready about ids that do not exist (assumed). Returns
        ``{id, type, status, body, error, sent, contentType}``.
        """
        body = read_control(CallTestInput, await request.body())
        simulator = self._simulator
        announcer = simulator.store(body.storeId).announcer
        urls = (body.url,) if body.url else announcer.settings.urls[body.environment]
        if not urls:
            raise ControlError(409, "SIM_NO_WEBHOOK_URL", "url: give one here or in /_sim/webhooks/settings")
        data = {
            "storeId": announcer.store_id,
            "paymentId": "example-payment-id",
            "transactionId": simulator.ids.uuid4(),
        }
        type_, now, message_id = "Transaction.Ready", simulator.clock.now(), simulator.ids.uuid7()
        raw, content_type = announcer.body(type_, data, now, body.environment, body.version, body.contentType)
        stamp = simulator.clock.wall() // SECOND
        headers = signed_headers(announcer.settings.secrets[body.environment], message_id, stamp, raw)
        delivery = await simulator.courier.post(urls[0], headers | {"content-type": content_type}, raw)
        sent = {"sent": raw.decode(), "contentType": content_type}
        return JSONResponse(_reply(message_id, type_, delivery) | sent)

    async def settle(self, request: Request) -> Response:
        """POST ``{timeout_seconds?}``: wait until every due attempt was made; ``{settled}``."""
        body = read_control(SettleInput, await request.body())
        return JSONResponse({"settled": await self._simulator.courier.settle(body.timeout_seconds)})


def _reply(message_id: str, type_: str, delivery: Delivery) -> dict[str, Any]:
    return {
        "id": message_id,
        "type": type_,
        "status": delivery.status,
        "body": delivery.response_body,
        "error": delivery.error,
    }


def _check_secret(secret: str) -> None:
    try:
        base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError) as failure:
        raise ControlError(422, "SIM_INVALID_INPUT", "secret: must be whsec_ followed by base64") from failure
