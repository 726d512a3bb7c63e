"""Decides the answers of ``POST /webhooks/portone``: raw ASGI in front of the app, because signatures cover raw bytes.

200 durable (new, repeat, unknown type, signed but unreadable) · 400 malformed headers, too old, too new · 401 no
configured secret signed it · 405 · 408 a body that does not arrive · 413 over 256 KiB · 415 neither JSON nor a legacy form · 429 many of 400 and 401 from one address · 503 with Retry-After: database not reachable.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from starlette.requests import Request

from worker.errors import WorkerError
from worker.logs import get_logger
from worker.portone.webhook import Reason, WebhookRefused, verify_webhook
from worker.web.address import client_address
from worker.web.body import BodyTooLarge, BodyTooSlow, ClientGone, is_form, is_json, read_body
from worker.web.delivery import read_delivery
from worker.web.offenders import Offenders
from worker.web.replies import RETRY_AFTER_SECONDS, error_body, send_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from starlette.types import ASGIApp, Receive, Scope, Send

    from worker.metrics import Metrics
    from worker.settings import WebhookKey
    from worker.web.ingest import Ingest
    from worker.web.spooled import SpooledIngest

PATH: Final = "/webhooks/portone"
BODY_LIMIT: Final = 256 * 1024
# The rest of the body is not read: the connection cannot be used again.
_CLOSE: Final = {"connection": "close"}
_LOG_EVERY: Final = 100
_STORED: Final = frozenset({"new", "duplicate", "spooled"})
_SIGNED_HEADERS: Final = ("webhook-id", "webhook-timestamp", "webhook-signature")

_REFUSALS: Final[dict[Reason, tuple[int, str]]] = {
    "malformed_headers": (
        400,
        "The webhook-id, webhook-timestamp or webhook-signature header is missing or malformed.",
    ),
    "too_old": (400, "The webhook-timestamp is more than 300 seconds old."),
    "too_new": (400, "The webhook-timestamp is more than 300 seconds in the future."),
    "no_matching_signature": (401, "No configured webhook secret made this signature."),
}


class WebhookRoute:
    """ASGI middleware that answers the webhook path and passes everything else on."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        ingest: Ingest | SpooledIngest,
        secrets: Sequence[WebhookKey],
        metrics: Metrics,
        proxy_hops: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._app = app
        self._ingest = ingest
        self._secrets = secrets
        self._keys = [secret.key for secret in secrets]
        self._clock = clock
        self._metrics = metrics
        self._proxy_hops = proxy_hops
        self._offenders = Offenders()
        self.refused: dict[str, int] = dict.fromkeys((*_REFUSALS, "too_many"), 0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry point."""
        if scope["type"] != "http" or scope["path"] != PATH:
            await self._app(scope, receive, send)
            return
        if scope["method"] != "POST":
            await send_json(
                send, 405, error_body("METHOD_NOT_ALLOWED", "Webhooks are POSTed."), {"allow": "POST"}
            )
            return
        started = time.perf_counter()
        headers, repeated = _headers(scope)
        if not is_json(headers) and not is_form(headers):
            await send_json(
                send, 415,
                error_body("NOT_JSON", "Webhooks are JSON.", hint="Set the webhook content type to application/json."),
            )  # fmt: skip
            return
        try:
            body = await read_body(receive, headers, BODY_LIMIT)
        except BodyTooLarge:
            await send_json(
                send, 413, error_body("BODY_TOO_LARGE", "A webhook is at most 256 KiB.", max=BODY_LIMIT)
            )
            return
        except BodyTooSlow:
            await send_json(
                send, 408, error_body("BODY_TOO_SLOW", "The body did not arrive in time."), _CLOSE
            )
            return
        except ClientGone:
            return
        answer = await self._answer(scope, send, body, headers, repeated=repeated)
        self._metrics.webhooks.labels(answer).inc()
        if answer in _STORED:
            self._metrics.webhook_ack.observe(time.perf_counter() - started)

    async def _answer(
        self, scope: Scope, send: Send, body: bytes, headers: Mapping[str, str], *, repeated: bool
    ) -> str:
        """Answer and return in one word what was answered."""
        try:
            if repeated:
                raise WebhookRefused("malformed_headers")
            verified = verify_webhook(body, headers, secrets=self._keys, now=self._clock())
        except WebhookRefused as refusal:
            if self._offenders.is_over(client_address(Request(scope), self._proxy_hops)):
                self.refused["too_many"] += 1
                await send_json(
                    send, 429, error_body("TOO_MANY_BAD_WEBHOOKS", "Too many webhooks without a valid signature."),
                    {"retry-after": RETRY_AFTER_SECONDS},
                )  # fmt: skip
                return refusal.reason
            self._count(refusal.reason)
            status, message = _REFUSALS[refusal.reason]
            await send_json(send, status, error_body(refusal.reason.upper(), message))
            return refusal.reason
        try:
            recorded = await self._ingest.record(
                read_delivery(body, headers, verified, self._secrets[verified.secret_index])
            )
        except WorkerError as error:
            get_logger().warning("webhook not stored", webhook_id=verified.webhook_id, code=error.code)
            await send_json(
                send, 503, error_body(error.code, "The webhook was not stored; send it again."),
                {"retry-after": RETRY_AFTER_SECONDS},
            )  # fmt: skip
            return "not_stored"
        await send_json(send, 200, {"status": recorded.status, "duplicate": recorded.duplicate})
        if recorded.status == "spooled":
            return "spooled"
        return "duplicate" if recorded.duplicate else "new"

    def _count(self, reason: Reason) -> None:
        """Bad signatures are counted and sampled, never stored: anybody can send them."""
        self.refused[reason] += 1
        if self.refused[reason] % _LOG_EVERY == 1:
            get_logger().warning("webhook refused", reason=reason, count=self.refused[reason])


def _headers(scope: Scope) -> tuple[dict[str, str], bool]:
    """Return lower-case headers, and whether one of the signed ones came twice."""
    headers: dict[str, str] = {}
    repeated = False
    for raw_name, raw_value in scope["headers"]:
        name = raw_name.decode("latin-1").lower()
        repeated = repeated or (name in headers and name in _SIGNED_HEADERS)
        headers[name] = raw_value.decode("latin-1")
    return headers, repeated
