"""Decides how a test plays the buyer, the PG, the bank and the console for one payment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import cancel as cancelling
from .banks import BANKS
from .browser_routes import browser_route, window_reply
from .confirm_process import approve_confirmed
from .control_inputs import (
    ApproveInput,
    AttemptInput,
    CompleteInput,
    DisputeInput,
    FailInput,
    IssueInput,
    MoneyBackInput,
    PayoutInput,
    WindowInput,
)
from .disputes import open_dispute, resolve_dispute
from .errors import ControlError
from .inputs import read_control
from .views import payment_bytes
from .windows import open_window

if TYPE_CHECKING:
    from starlette.requests import Request

    from .model import Attempt, Payment, Trigger
    from .payments import Ledger
    from .simulator import Simulator


class PaymentControls:
    """Routes that move one payment; each returns the payment as GET would."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def routes(self) -> list[Route]:
        """Return the routes of this group."""
        actions = {
            "approve": self.approve,
            "pend": self.pend,
            "fail": self.fail,
            "issue-virtual-account": self.issue,
            "deposit": self.deposit,
            "expire-virtual-account": self.expire,
            "console-cancel": self.console_cancel,
            "chargeback": self.chargeback,
            "complete-cancellation": self.complete_cancellation,
            "refund-payout": self.refund_payout,
            "dispute": self.dispute,
            "resolve-dispute": self.resolve_dispute,
        }
        return [
            browser_route("/windows", self.window),
            Route("/payments/{payment_id:path}/get", self.get, methods=["GET"]),
            Route("/payments/{payment_id:path}/token", self.token, methods=["GET"]),
            *(
                Route(f"/payments/{{payment_id:path}}/{name}", act, methods=["POST"])
                for name, act in actions.items()
            ),
        ]

    async def window(self, request: Request) -> Response:
        """POST /windows, the browser SDK's requestPayment: ``{transactionType, paymentId, txId}`` or ``{code, …}``."""
        window = read_control(WindowInput, await request.body())
        return window_reply(self._simulator, window, open_window(self._simulator.stores, window))

    async def get(self, request: Request) -> Response:
        """GET /payments/{id}/get: the payment, without authorization and without a line in the request log."""
        return self._shown(self._payment(request))

    async def approve(self, request: Request) -> Response:
        """POST …/approve ``{transactionId?, late?, discount?}``: the PG approved, Transaction.Paid.

        With a confirmUrl the server is asked first. PAY_PENDING or a payment token instead on channels that work so.
        """
        body = read_control(ApproveInput, await request.body())
        payment = self._payment(request)
        attempt = self._attempt(payment, body)
        await approve_confirmed(self._simulator, payment, attempt, late=body.late, discount=body.discount)
        return self._shown(payment)

    async def pend(self, request: Request) -> Response:
        """POST …/pend ``{transactionId?}``: the PG decides later, Transaction.PayPending."""
        body = read_control(AttemptInput, await request.body())
        payment = self._payment(request)
        self._ledger(payment).hold_pending(payment, self._attempt(payment, body))
        return self._shown(payment)

    async def fail(self, request: Request) -> Response:
        """POST …/fail ``{pgCode?, pgMessage?, transactionId?}``: the PG refused, Transaction.Failed."""
        body = read_control(FailInput, await request.body())
        payment = self._payment(request)
        self._ledger(payment).fail(payment, self._attempt(payment, body), body.pgCode, body.pgMessage)
        return self._shown(payment)

    async def issue(self, request: Request) -> Response:
        """POST …/issue-virtual-account ``{bank?, transactionId?}``: Transaction.VirtualAccountIssued."""
        body = read_control(IssueInput, await request.body())
        if body.bank not in BANKS:
            raise ControlError(422, "SIM_INVALID_INPUT", f"bank: {body.bank} is not a bank of GET /banks")
        payment = self._payment(request)
        self._ledger(payment).issue_account(payment, self._attempt(payment, body), body.bank)
        return self._shown(payment)

    async def expire(self, request: Request) -> Response:
        """POST …/expire-virtual-account: its time is over now; the status after that is an assumption."""
        payment = self._payment(request)
        self._ledger(payment).end_account_now(payment)
        return self._shown(payment)

    async def token(self, request: Request) -> Response:
        """GET /payments/{id}/token: ``{paymentToken, txId}`` of a manual approval that waits for confirm."""
        attempt = self._payment(request).shown
        return JSONResponse({"paymentToken": attempt.payment_token, "txId": attempt.transaction_id})

    async def deposit(self, request: Request) -> Response:
        """POST …/deposit ``{transactionId?}``: the buyer paid into the account, Transaction.Paid."""
        body = read_control(AttemptInput, await request.body())
        payment = self._payment(request)
        self._ledger(payment).deposit(payment, self._attempt(payment, body))
        return self._shown(payment)

    async def console_cancel(self, request: Request) -> Response:
        """POST …/console-cancel ``{amount?, taxFreeAmount?, reason?}``: a person cancels in the console."""
        return await self._money_back(request, "CONSOLE", "cancelled in the console")

    async def chargeback(self, request: Request) -> Response:
        """POST …/chargeback ``{amount?, taxFreeAmount?, reason?}``: the card company takes the money back."""
        return await self._money_back(request, "CHARGEBACK", "chargeback")

    async def _money_back(self, request: Request, trigger: Trigger, reason: str) -> Response:
        body = read_control(MoneyBackInput, await request.body())
        payment = self._payment(request)
        command = cancelling.CancelCommand(
            reason=body.reason or reason, amount=body.amount, tax_free=body.taxFreeAmount, trigger=trigger
        )
        cancelling.cancel(self._ledger(payment), payment, command, lambda: None)
        return self._shown(payment)

    async def complete_cancellation(self, request: Request) -> Response:
        """POST …/complete-cancellation ``{cancellationId, outcome}``: a REQUESTED one ends; failure is silent."""
        body = read_control(CompleteInput, await request.body())
        payment = self._payment(request)
        cancelling.complete(
            self._ledger(payment), payment, body.cancellationId, succeeded=body.outcome == "SUCCEEDED"
        )
        return self._shown(payment)

    async def refund_payout(self, request: Request) -> Response:
        """POST …/refund-payout ``{outcome}``: sets refundStatus of a virtual account; no webhook announces it."""
        body = read_control(PayoutInput, await request.body())
        payment = self._payment(request)
        attempt = payment.shown
        if attempt.method is None or "refundStatus" not in attempt.method:
            raise ControlError(409, "SIM_INVALID_STATE", "refund-payout: cancel a paid virtual account first")
        attempt.method = {**attempt.method, "refundStatus": body.outcome}
        self._ledger(payment).touch(payment, attempt)
        return self._shown(payment)

    async def dispute(self, request: Request) -> Response:
        """POST …/dispute ``{reason?}``: Transaction.DisputeCreated."""
        body = read_control(DisputeInput, await request.body())
        payment = self._payment(request)
        open_dispute(self._ledger(payment), payment, body.reason)
        return self._shown(payment)

    async def resolve_dispute(self, request: Request) -> Response:
        """POST …/resolve-dispute: Transaction.DisputeResolved."""
        payment = self._payment(request)
        resolve_dispute(self._ledger(payment), payment)
        return self._shown(payment)

    def _payment(self, request: Request) -> Payment:
        payment_id, store_id = request.path_params["payment_id"], request.query_params.get("storeId")
        store = self._simulator.holder(payment_id) if store_id is None else self._simulator.store(store_id)
        return store.ledger.find(payment_id)

    def _ledger(self, payment: Payment) -> Ledger:
        return self._simulator.store(payment.store_id).ledger

    def _attempt(self, payment: Payment, body: AttemptInput) -> Attempt:
        attempt = payment.attempt(body.transactionId)
        if attempt is None:
            raise ControlError(404, "SIM_NO_SUCH_ATTEMPT", f"transactionId: not an attempt of {payment.id}")
        return attempt

    def _shown(self, payment: Payment) -> Response:
        return Response(payment_bytes(payment, self._simulator.rules), media_type="application/json")
