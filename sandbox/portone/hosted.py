"""Decides what the hosted window pages and sdk.js talk to: one answer of the browser SDK per outcome.

The pages play PG and buyer in a browser (Browser SDK: requestPayment, requestIssueBillingKey,
requestIdentityVerification). ``code`` present = failed; its absence does not prove a payment.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .banks import BANKS
from .billing import NEEDS_CONFIRMATION
from .confirm_process import CONFIRM_FAILED, approve_confirmed
from .control_billing import card_of, fail_key_window, finish_key_window, key_of
from .control_identity import entry_of
from .control_inputs_more import BillingOutcome, IdentityOutcome, PaymentOutcome
from .errors import ControlError
from .inputs import read_control
from .windows import pg_code

if TYPE_CHECKING:
    from starlette.requests import Request

    from .billing import BillingKey
    from .identity import Verification
    from .model import Attempt, Payment
    from .simulator import Simulator

_KINDS: Final = frozenset({"payment", "billing-key", "identity"})
# Banks buyers have accounts at; the whole list would hide them.
_RETAIL: Final = ("SHINHAN", "KOOKMIN", "WOORI", "HANA", "NONGHYUP", "IBK", "KAKAO", "TOSS", "K_BANK", "POST")
_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)


class HostedPages:
    """Routes of the pages themselves and of what their buttons do."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def routes(self) -> list[Route]:
        """Return the routes of this group."""
        return [
            Route("/sdk.js", self.script, methods=["GET"]),
            Route("/window/{kind}", self.page, methods=["GET"]),
            Route("/browser/payment/{subject:path}", self.payment, methods=["GET", "POST"]),
            Route("/browser/billing-key/{subject:path}", self.billing_key, methods=["GET", "POST"]),
            Route("/browser/identity/{subject:path}", self.identity, methods=["GET", "POST"]),
        ]

    async def script(self, _: Request) -> Response:
        """GET /sdk.js: the global PortOne with the official call shape, against this simulator."""
        return Response(_file("sdk.js"), media_type="text/javascript; charset=utf-8")

    async def page(self, request: Request) -> Response:
        """GET /window/{payment|billing-key|identity}: the window's page, one self-contained file."""
        if request.path_params["kind"] not in _KINDS:
            raise ControlError(404, "SIM_NO_SUCH_PAGE", f"window: one of {', '.join(sorted(_KINDS))}")
        headers = {"content-security-policy": _POLICY, "cache-control": "no-store"}
        return Response(_file("window.html"), media_type="text/html; charset=utf-8", headers=headers)

    async def payment(self, request: Request) -> Response:
        """GET: what the window shows. POST ``{action, txId?, bank?, pgCode?, pgMessage?}``: its outcome."""
        store_id, payment_id = request.query_params.get("storeId"), request.path_params["subject"]
        store = self._simulator.holder(payment_id) if store_id is None else self._simulator.store(store_id)
        payment = store.ledger.find(payment_id)
        if request.method == "GET":
            return JSONResponse(_payment_view(payment))
        body = read_control(PaymentOutcome, await request.body())
        attempt = payment.attempt(body.txId)
        if attempt is None:
            raise ControlError(404, "SIM_NO_SUCH_ATTEMPT", f"txId: not an attempt of {payment_id}")
        if body.action == "approve":
            await approve_confirmed(self._simulator, payment, attempt, late=False, discount=0)
        elif body.action == "issue-account":
            if body.bank not in BANKS:
                raise ControlError(422, "SIM_INVALID_INPUT", f"bank: {body.bank} is not a bank of GET /banks")
            store.ledger.issue_account(payment, attempt, body.bank)
        else:
            store.ledger.fail(payment, attempt, body.pgCode, body.pgMessage)
        return JSONResponse(payment_answer(payment, attempt))

    async def billing_key(self, request: Request) -> Response:
        """GET: what the window shows. POST ``{action, card?, pgCode?, pgMessage?}``: its outcome."""
        store, entry = key_of(self._simulator, request.path_params["subject"])
        if request.method == "GET":
            return JSONResponse(_key_view(entry))
        body = read_control(BillingOutcome, await request.body())
        if body.action == "issue":
            finish_key_window(store, entry, card_of(body.card))
        else:
            fail_key_window(store, entry, body.pgCode, body.pgMessage)
        payment = store.ledger.payments.get(entry.payment_id or "")
        return JSONResponse(key_answer(entry, payment))

    async def identity(self, request: Request) -> Response:
        """GET: what the window shows. POST ``{action, person?, pgCode?, pgMessage?}``: its outcome."""
        store, entry = entry_of(self._simulator, request.path_params["subject"])
        if request.method == "GET":
            return JSONResponse(_identity_view(entry))
        body = read_control(IdentityOutcome, await request.body())
        if body.action == "complete":
            store.identity.complete(entry, body.person.model_dump(exclude_none=True))
        else:
            store.identity.fail(entry, body.pgCode, body.pgMessage)
        return JSONResponse(identity_answer(entry))


def payment_answer(payment: Payment, attempt: Attempt) -> dict[str, Any]:
    """Return what requestPayment resolves with."""
    answer = {"transactionType": "PAYMENT", "txId": attempt.transaction_id, "paymentId": payment.id}
    if attempt.status == "FAILED":
        return answer | _failed(attempt.failure or {})
    return answer if attempt.payment_token is None else answer | {"paymentToken": attempt.payment_token}


def key_answer(entry: BillingKey, payment: Payment | None) -> dict[str, Any]:
    """Return what requestIssueBillingKey (…AndPay) resolves with; ids are NEEDS_CONFIRMATION before a manual issue."""
    answer: dict[str, Any] = {"transactionType": "ISSUE_BILLING_KEY", "billingKey": entry.key}
    if payment is not None:
        transaction = payment.shown.transaction_id
        answer |= {
            "transactionType": "ISSUE_BILLING_KEY_AND_PAY",
            "paymentId": payment.id,
            "txId": transaction,
        }
    if entry.status == "NEEDS_CONFIRMATION":
        answer |= {"billingKey": NEEDS_CONFIRMATION, "billingIssueToken": entry.token}
        if payment is not None:
            answer["txId"] = NEEDS_CONFIRMATION
    if entry.failure is not None:
        answer |= {"billingKey": "", **pg_code(*entry.failure)}
    return answer


def identity_answer(entry: Verification) -> dict[str, Any]:
    """Return what requestIdentityVerification resolves with."""
    answer = {
        "transactionType": "IDENTITY_VERIFICATION",
        "identityVerificationId": entry.id,
        "identityVerificationTxId": entry.tx_id,
    }
    return answer | _failed(entry.failure) if entry.failure is not None else answer


def _failed(failure: dict[str, str]) -> dict[str, str]:
    code, message = failure.get("pgCode", ""), failure.get("pgMessage", "")
    if code == CONFIRM_FAILED:
        return {"code": "ConfirmProcessFailed", "message": message}
    return pg_code(code, message)


def _payment_view(payment: Payment) -> dict[str, Any]:
    attempt = payment.shown
    return {
        "orderName": attempt.order.name,
        "totalAmount": attempt.order.total,
        "currency": attempt.order.currency,
        "payMethod": attempt.order.pay_method,
        "status": attempt.status,
        "channel": attempt.channel.body(),
        "banks": {bank: BANKS[bank] for bank in _RETAIL},
    }


def _key_view(entry: BillingKey) -> dict[str, Any]:
    return {
        "orderName": entry.request.issue_name or "",
        "payMethod": entry.request.method,
        "status": entry.status,
        "channel": entry.channels[0].body(),
    }


def _identity_view(entry: Verification) -> dict[str, Any]:
    return {
        "orderName": "",
        "status": entry.status,
        "channel": entry.channel.body(),
        "customer": entry.request.customer,
    }


def _file(name: str) -> str:
    return (files(__package__) / "browser" / name).read_text(encoding="utf-8")
