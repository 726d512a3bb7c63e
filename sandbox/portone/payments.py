"""Decides how a payment moves from one status to the next, and who is told.

The transitions are compiled from PortOne's documents, webhook types and field rules; there is no official table.
Nothing here waits: every method runs to its end on the event loop, so it is atomic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .clock import SECOND, parse, seconds_text
from .errors import ControlError, PortOneError
from .methods import paid_method, virtual_account_method
from .model import PAID_STATUSES, Attempt, EventRecord, Payment, PreRegistration
from .views import event_body

if TYPE_CHECKING:
    from .agenda import Agenda
    from .assumptions import Assumptions
    from .channels import Channel
    from .clock import Clock
    from .identifiers import Identifiers
    from .model import Cancellation, Order, Status
    from .webhooks import Announcer


class Ledger:
    """All payments of the simulated store, in order of creation, and the feed of money events."""

    def __init__(
        self,
        store_id: str,
        merchant_id: str,
        clock: Clock,
        ids: Identifiers,
        announcer: Announcer,
        rules: Assumptions,
        agenda: Agenda,
    ) -> None:
        self.agenda = agenda
        self._store_id = store_id
        self._merchant_id = merchant_id
        self.clock = clock
        self.ids = ids
        self.announcer = announcer
        self.rules = rules
        self.payments: dict[str, Payment] = {}
        self.in_order: list[Payment] = []
        self.events: list[EventRecord] = []
        self.pre_registered: dict[str, PreRegistration] = {}

    def find(self, payment_id: str) -> Payment:
        """Return the payment; raises PAYMENT_NOT_FOUND, also when it was only pre-registered (assumed)."""
        payment = self.payments.get(payment_id)
        if payment is None:
            raise PortOneError("PAYMENT_NOT_FOUND", f"payment {payment_id} does not exist")
        return payment

    def pre_register(self, payment_id: str, amounts: PreRegistration) -> None:
        """Fix the amounts a window may ask for; raises ALREADY_PAID (OpenAPI: preRegisterPayment)."""
        payment = self.payments.get(payment_id)
        if payment is not None and payment.shown.status in PAID_STATUSES:
            raise PortOneError("ALREADY_PAID", f"payment {payment_id} is already paid")
        fixed = payment is not None and self.rules.repeated_pre_register == "last_wins_until_window"
        if not (fixed and payment_id in self.pre_registered):
            self.pre_registered[payment_id] = amounts

    def open(self, payment_id: str, channel: Channel, order: Order) -> Attempt:
        """Start a new attempt in READY with its own transaction id and announce it."""
        payment, attempt = self.start(payment_id, channel, order)
        self.announcer.announce(payment, attempt, "Ready")
        return attempt

    def start(self, payment_id: str, channel: Channel, order: Order) -> tuple[Payment, Attempt]:
        """Start a new attempt in READY without a word, as API payments do (assumed)."""
        now = self.clock.now()
        attempt = Attempt(self.ids.uuid7(), channel, order, "READY", now, now, now)
        payment = self.payments.get(payment_id)
        if payment is None:
            payment = Payment(
                payment_id, self._store_id, self._merchant_id, len(self.in_order), [attempt], attempt
            )
            self.payments[payment_id] = payment
            self.in_order.append(payment)
        else:
            payment.attempts.append(attempt)
            payment.shown = attempt
        payment.rendered = None
        return payment, attempt

    def approve(self, payment: Payment, attempt: Attempt, *, late: bool, discount: int) -> None:
        """The PG approved: READY or PAY_PENDING becomes PAID; FAILED only as a declared late success.

        Late success is documented for a few PGs, so ``late`` must be said. A pending-first channel makes READY
        PAY_PENDING, a manual-approval channel hands out a payment token instead. Raises ControlError otherwise.
        """
        allowed = {"READY", "PAY_PENDING"} | ({"FAILED"} if late else set())
        require(attempt, allowed, "approve", "open a window first; a FAILED attempt needs late: true")
        if payment.shown.status in PAID_STATUSES:
            raise ControlError(
                409, "SIM_ALREADY_PAID", f"payment {payment.id} was already paid by another attempt"
            )
        if attempt.order.pay_method == "VIRTUAL_ACCOUNT":
            raise ControlError(
                409, "SIM_INVALID_STATE", "a virtual account is paid by issue-virtual-account, deposit"
            )
        if not 0 <= discount <= attempt.order.total:
            raise ControlError(422, "SIM_INVALID_INPUT", f"discount: must be 0 to {attempt.order.total}")
        attempt.discount = discount
        if attempt.channel.manual_approval and not late:
            self._hand_token(payment, attempt, None)
            return
        if attempt.channel.pending_first and attempt.status == "READY":
            self.hold_pending(payment, attempt)
            return
        attempt.method = paid_method(self.ids, attempt.order, attempt.channel.pg_provider)
        trigger = "ASYNC_PAY_APPROVED" if attempt.status == "PAY_PENDING" else None
        self.paid(payment, attempt, trigger)

    def _hand_token(self, payment: Payment, attempt: Attempt, bank: str | None) -> None:
        """The window ends with a token; no money moves before POST /payments/{id}/confirm (manual approval)."""
        attempt.payment_token = self.ids.token("payment-token-")
        attempt.account_bank = bank
        self.touch(payment, attempt)

    def hold_pending(self, payment: Payment, attempt: Attempt) -> None:
        """The PG took the request but decides later: READY becomes PAY_PENDING."""
        require(attempt, {"READY"}, "pend", "open a window first")
        attempt.pg_tx_id = self.ids.token("sim")
        self._move(payment, attempt, "PAY_PENDING")
        self.announcer.announce(payment, attempt, "PayPending", trigger="ASYNC_PAY_PENDING")

    def fail(self, payment: Payment, attempt: Attempt, pg_code: str, pg_message: str) -> None:
        """The PG refused or the buyer closed its window: READY or PAY_PENDING becomes FAILED."""
        require(attempt, {"READY", "PAY_PENDING"}, "fail", "open a window first")
        trigger = "ASYNC_PAY_FAILED" if attempt.status == "PAY_PENDING" else None
        self.refuse(payment, attempt, pg_code, pg_message, trigger=trigger)

    def refuse(
        self, payment: Payment, attempt: Attempt, pg_code: str, pg_message: str, *, trigger: str | None = None
    ) -> None:
        """Book a refusal of the PG and announce it."""
        self._failed(payment, attempt, {"reason": pg_message, "pgCode": pg_code, "pgMessage": pg_message})
        self.announcer.announce(payment, attempt, "Failed", trigger=trigger)

    def issue_account(self, payment: Payment, attempt: Attempt, bank: str) -> None:
        """The PG issued a virtual account: READY becomes VIRTUAL_ACCOUNT_ISSUED."""
        require(
            attempt, {"READY"}, "issue-virtual-account", "open a window with payMethod VIRTUAL_ACCOUNT first"
        )
        if attempt.order.pay_method != "VIRTUAL_ACCOUNT":
            raise ControlError(
                409, "SIM_INVALID_STATE", f"payMethod is {attempt.order.pay_method}; use approve"
            )
        if attempt.channel.manual_approval:
            self._hand_token(payment, attempt, bank)
        else:
            self.account_issued(payment, attempt, bank)

    def account_issued(
        self,
        payment: Payment,
        attempt: Attempt,
        bank: str,
        *,
        number: str | None = None,
        skip_webhook: bool = False,
    ) -> None:
        """Book an issued account, put its end on the agenda and announce it."""
        attempt.method = virtual_account_method(
            self.ids, self.clock.now(), bank, attempt.order.account_expires_at, number
        )
        attempt.pg_tx_id = self.ids.token("sim")
        self._move(payment, attempt, "VIRTUAL_ACCOUNT_ISSUED")
        self.agenda.add(parse(attempt.method["expiredAt"]), self._store_id, "account", payment.id)
        if not skip_webhook:
            self.announcer.announce(payment, attempt, "VirtualAccountIssued")

    def confirmed(self, payment: Payment, attempt: Attempt, *, skip_webhook: bool) -> None:
        """The server confirmed a manual approval: money moves, or the account is issued."""
        if attempt.account_bank is not None:
            self.account_issued(payment, attempt, attempt.account_bank, skip_webhook=skip_webhook)
            return
        attempt.method = paid_method(self.ids, attempt.order, attempt.channel.pg_provider)
        self.paid(payment, attempt, None, skip_webhook=skip_webhook)

    def expire_account(self, payment_id: str) -> None:
        """The account's time is over; what PortOne shows then is undocumented (assumption)."""
        payment = self.payments[payment_id]
        attempt = payment.shown
        if attempt.status != "VIRTUAL_ACCOUNT_ISSUED" or not _account_is_over(attempt, self.clock.now()):
            return
        if self.rules.virtual_account_expiry == "failed":
            self._failed(payment, attempt, {"reason": "virtual account expired before deposit"})
            self.announcer.announce(payment, attempt, "Failed")

    def deposit(self, payment: Payment, attempt: Attempt) -> None:
        """The buyer paid into the account: VIRTUAL_ACCOUNT_ISSUED becomes PAID."""
        require(attempt, {"VIRTUAL_ACCOUNT_ISSUED"}, "deposit", "issue the account first")
        if _account_is_over(attempt, self.clock.now()):
            raise ControlError(409, "SIM_INVALID_STATE", "deposit: the account has expired; banks refuse it")
        self.paid(payment, attempt, "VIRTUAL_ACCOUNT_DEPOSIT")

    def end_account_now(self, payment: Payment) -> None:
        """Let the account's time be over at this moment."""
        attempt = payment.shown
        require(attempt, {"VIRTUAL_ACCOUNT_ISSUED"}, "expire-virtual-account", "issue the account first")
        attempt.method = {**(attempt.method or {}), "expiredAt": seconds_text(self.clock.now())}
        self.touch(payment, attempt)
        self.expire_account(payment.id)

    def close_account(self, payment: Payment) -> int:
        """Close the account: VIRTUAL_ACCOUNT_ISSUED becomes FAILED (console release note); returns the time.

        Raises PAYMENT_NOT_WAITING_FOR_DEPOSIT. Whether a webhook follows is unknown (assumption).
        """
        attempt = payment.shown
        if attempt.status != "VIRTUAL_ACCOUNT_ISSUED":
            raise PortOneError("PAYMENT_NOT_WAITING_FOR_DEPOSIT", f"payment {payment.id} is {attempt.status}")
        self._failed(payment, attempt, {"reason": "virtual account closed before deposit"})
        if self.rules.webhook_on_virtual_account_close:
            self.announcer.announce(payment, attempt, "Failed")
        return attempt.failed_at or self.clock.now()

    def cancelled(self, payment: Payment, attempt: Attempt, entry: Cancellation, trigger: str | None) -> None:
        """Book a succeeded cancellation: the status follows the sum, the feed and the merchant are told."""
        everything = attempt.cancelled[0] >= attempt.refundable(self.rules.cancellable_base)
        attempt.cancelled_at = entry.cancelled_at
        self._move(payment, attempt, "CANCELLED" if everything else "PARTIAL_CANCELLED")
        self.record_event(payment, attempt, entry)
        if not entry.skip_webhook:
            event = "Cancelled" if everything else "PartialCancelled"
            self.announcer.announce(payment, attempt, event, cancellation_id=entry.id, trigger=trigger)

    def touch(self, payment: Payment, attempt: Attempt) -> None:
        """Note a change that leaves the status alone."""
        attempt.updated_at = self.clock.now()
        payment.rendered = None

    def record_event(self, payment: Payment, attempt: Attempt, entry: Cancellation | None) -> None:
        """Append to the money feed (OpenAPI: PaymentEvent)."""
        now = self.clock.now()
        body: dict[str, Any] = event_body(payment, attempt, self.ids.uuid7(), now, entry)
        self.events.append(EventRecord(len(self.events), now, body))

    def paid(
        self, payment: Payment, attempt: Attempt, trigger: str | None, *, skip_webhook: bool = False
    ) -> None:
        """Book the money, close the payment id and announce it; ``skip_webhook`` as the caller of the API asked."""
        attempt.paid_at = self.clock.now()
        attempt.pg_tx_id = attempt.pg_tx_id or self.ids.token("sim")
        attempt.receipt_url = f"https://pg.example/receipts/{attempt.pg_tx_id}"
        attempt.failed_at = attempt.failure = None
        payment.shown = attempt
        self._move(payment, attempt, "PAID")
        self.record_event(payment, attempt, None)
        if not skip_webhook:
            self.announcer.announce(payment, attempt, "Paid", trigger=trigger)

    def _failed(self, payment: Payment, attempt: Attempt, failure: dict[str, str]) -> None:
        attempt.failed_at = self.clock.now()
        attempt.failure = failure
        self._move(payment, attempt, "FAILED")

    def _move(self, payment: Payment, attempt: Attempt, status: Status) -> None:
        attempt.status = status
        now = self.clock.now()
        attempt.updated_at = now
        attempt.status_changed_at = now // SECOND * SECOND
        payment.rendered = None


def _account_is_over(attempt: Attempt, now: int) -> bool:
    method = attempt.method or {}
    return now >= parse(method["expiredAt"])


def require(attempt: Attempt, allowed: set[str], action: str, fix: str) -> None:
    """Raise ControlError 409 unless the attempt is in one of the statuses."""
    if attempt.status not in allowed:
        wanted = " or ".join(sorted(allowed))
        raise ControlError(
            409, "SIM_INVALID_STATE", f"{action}: status is {attempt.status}, needs {wanted}; {fix}"
        )
