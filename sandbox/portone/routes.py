"""Decides which PortOne operation answers which method and path, and how its input reaches the state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from . import cancel as cancelling
from .banks import BANKS
from .clock import seconds_text
from .errors import PortOneError
from .inputs import (
    CancelInput,
    CursorInput,
    ListInput,
    PreRegisterInput,
    ResendInput,
    StoreInput,
    read_portone,
)
from .listing import events_by_cursor, page_of_payments, payments_by_cursor
from .model import PreRegistration
from .replies import Reply, json_reply
from .views import cancellation_body, payment_bytes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .faults import Fault
    from .simulator import Simulator


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated call: decoded path parameters, raw query and body."""

    simulator: Simulator
    method: str
    path: str
    parameters: tuple[str, ...]
    query: bytes
    raw: bytes

    def query_value(self, name: str) -> str | None:
        """Return a form-decoded query parameter, None without it."""
        if not self.query:
            return None
        values = parse_qs(self.query.decode("latin-1"), keep_blank_values=True).get(name)
        return values[0] if values else None

    def check_store(self, store_id: str | None) -> None:
        """Raise FORBIDDEN for a store the secret cannot access (assumed)."""
        if store_id is not None and store_id != self.simulator.config.store_id:
            raise PortOneError("FORBIDDEN", f"storeId: this secret cannot access {store_id}")

    def list_query(self) -> str | bytes:
        """Return the JSON of a list call: query parameter ``requestBody`` wins over the body (assumed)."""
        value = self.query_value("requestBody")
        return self.raw if value is None else value

    def pg_fault(self) -> Fault | None:
        """Return the PG disturbance meant for this call, using it up."""
        return self.simulator.faults.take("pg", self.method, self.path)


async def pre_register(call: Call) -> Reply:
    """POST /payments/{id}/pre-register: fix amounts before the window opens; 200 ``{}``."""
    body = read_portone(PreRegisterInput, call.raw)
    call.check_store(body.storeId)
    amounts = PreRegistration(body.totalAmount, body.taxFreeAmount, body.currency)
    call.simulator.ledger.pre_register(call.parameters[0], amounts)
    return Reply(200, b"{}")


async def get_payment(call: Call) -> Reply:
    """GET /payments/{id}: the payment; a foreign store is 404 here (observed)."""
    store_id = call.query_value("storeId")
    simulator = call.simulator
    if store_id is not None and store_id != simulator.config.store_id:
        if simulator.rules.foreign_store_on_get == "forbidden":
            call.check_store(store_id)
        raise PortOneError("PAYMENT_NOT_FOUND", f"payment {call.parameters[0]} does not exist in that store")
    return Reply(200, payment_bytes(simulator.ledger.find(call.parameters[0]), simulator.rules))


async def list_payments(call: Call) -> Reply:
    """GET /payments: one page."""
    query = read_portone(ListInput, call.list_query())
    call.check_store(query.filter.storeId)
    return json_reply(page_of_payments(call.simulator.ledger, query))


async def list_by_cursor(call: Call) -> Reply:
    """GET /payments-by-cursor."""
    query = read_portone(CursorInput, call.list_query())
    call.check_store(query.storeId)
    return json_reply(payments_by_cursor(call.simulator.ledger, query))


async def list_events(call: Call) -> Reply:
    """GET /payment-events-by-cursor."""
    query = read_portone(CursorInput, call.list_query())
    call.check_store(query.storeId)
    return json_reply(events_by_cursor(call.simulator.ledger, query))


async def cancel_payment(call: Call) -> Reply:
    """POST /payments/{id}/cancel: 200 ``{cancellation}``; 200 does not mean refunded, its status does."""
    body = read_portone(CancelInput, call.raw)
    call.check_store(body.storeId)
    account = body.refundAccount
    command = cancelling.CancelCommand(
        reason=body.reason,
        amount=body.amount,
        tax_free=body.taxFreeAmount,
        vat=body.vatAmount,
        current_cancellable=body.currentCancellableAmount,
        refund_account=None
        if account is None
        else cancelling.RefundAccount(
            account.bank, account.number, account.holderName, account.holderPhoneNumber
        ),
        skip_webhook=body.skipWebhook,
    )
    ledger = call.simulator.ledger
    entry = cancelling.cancel(ledger, ledger.find(call.parameters[0]), command, call.pg_fault)
    return json_reply({"cancellation": cancellation_body(entry)})


async def stop_cancellation(call: Call) -> Reply:
    """POST /payments/{id}/cancellations/{cancellationId}/stop: 200 ``{stoppedAt}``."""
    call.check_store(read_portone(StoreInput, call.raw).storeId)
    ledger = call.simulator.ledger
    stopped = cancelling.stop(ledger, ledger.find(call.parameters[0]), call.parameters[1])
    return json_reply({"stoppedAt": seconds_text(stopped)})


async def close_virtual_account(call: Call) -> Reply:
    """POST /payments/{id}/virtual-account/close?storeId=: 200 ``{closedAt}``."""
    call.check_store(call.query_value("storeId"))
    ledger = call.simulator.ledger
    payment = ledger.find(call.parameters[0])
    if payment.shown.status == "VIRTUAL_ACCOUNT_ISSUED":
        fault = call.pg_fault()
        if fault is not None:
            raise PortOneError("PG_PROVIDER", "refused", pgCode=fault.pg_code, pgMessage=fault.pg_message)
    return json_reply({"closedAt": seconds_text(ledger.close_account(payment))})


async def resend_webhook(call: Call) -> Reply:
    """POST /payments/{id}/resend-webhook: sends now and returns the delivery log entry."""
    body = read_portone(ResendInput, call.raw)
    call.check_store(body.storeId)
    simulator = call.simulator
    payment = simulator.ledger.find(call.parameters[0])
    chosen = [entry for entry in payment.messages if body.webhookId in (None, entry.delivery_id, entry.id)]
    if not chosen:
        raise PortOneError("WEBHOOK_NOT_FOUND", f"payment {payment.id} has no such webhook")
    message = chosen[-1]
    if message.manual >= simulator.rules.manual_resend_limit:
        raise PortOneError("MAX_WEBHOOK_RETRY_COUNT_REACHED", "webhookId: was re-sent too often")
    await simulator.announcer.redeliver(message, manual=True)
    return json_reply({"webhook": message.portone_body(len(simulator.rules.webhook_waits_minutes))})


async def list_banks(_: Call) -> Reply:
    """GET /banks: every bank word with its Korean name."""
    return json_reply({"items": [{"bank": bank, "name": {"ko": name}} for bank, name in BANKS.items()]})


# Path segments, "*" takes one; OpenAPI: paths.
ROUTES: Final[dict[tuple[str, ...], dict[str, Callable[[Call], Awaitable[Reply]]]]] = {
    ("payments", "*"): {"GET": get_payment},
    ("payments", "*", "pre-register"): {"POST": pre_register},
    ("payments", "*", "cancel"): {"POST": cancel_payment},
    ("payments", "*", "cancellations", "*", "stop"): {"POST": stop_cancellation},
    ("payments", "*", "virtual-account", "close"): {"POST": close_virtual_account},
    ("payments", "*", "resend-webhook"): {"POST": resend_webhook},
    ("payments",): {"GET": list_payments},
    ("payments-by-cursor",): {"GET": list_by_cursor},
    ("payment-events-by-cursor",): {"GET": list_events},
    ("banks",): {"GET": list_banks},
}


def find_route(
    method: str, segments: list[str]
) -> tuple[Callable[[Call], Awaitable[Reply]], tuple[str, ...]]:
    """Return the handler and its path parameters; raises SIM_NO_SUCH_ROUTE or SIM_METHOD_NOT_ALLOWED."""
    # Every second segment is a parameter in all of PortOne's payment paths.
    shape = tuple(
        "*" if index in (1, 3) and _is_parameter(segments, index) else part
        for index, part in enumerate(segments)
    )
    methods = ROUTES.get(shape)
    if methods is None:
        raise PortOneError("SIM_NO_SUCH_ROUTE", "the simulator does not serve this path")
    handler = methods.get(method)
    if handler is None:
        raise PortOneError("SIM_METHOD_NOT_ALLOWED", f"use {', '.join(methods)} here")
    return handler, tuple(part for part, kind in zip(segments, shape, strict=True) if kind == "*")


def _is_parameter(segments: list[str], index: int) -> bool:
    return segments[index - 1] in ("payments", "cancellations")
